/** Latencies of one run, in microseconds. */
export interface LatencySummary {
  /** How many operations were timed. */
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What one run of one configuration measured. */
export interface Measurement {
  /** Operations completed. */
  readonly ops: number;
  /** Wall-clock time they took. */
  readonly seconds: number;
  /** CPU time of all threads of the process in user mode, in microseconds. */
  readonly cpuUser: number;
  /** The same in the kernel. */
  readonly cpuSystem: number;
  readonly latency?: LatencySummary;
  /** What the configuration has to say about itself: ring flags, versions. */
  readonly notes?: string;
}

/** Operations per second. */
export function rate(measurement: Measurement): number {
  return measurement.ops / measurement.seconds;
}

/** CPU time per operation, user and kernel, in microseconds. */
export function cpuPerOperation(measurement: Measurement): number {
  return (measurement.cpuUser + measurement.cpuSystem) / measurement.ops;
}
