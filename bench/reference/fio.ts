import type { Command } from "../harness/processes.ts";
import type { Measurement } from "../harness/result.ts";

/** What fio is asked to do; everything else is left at its defaults. */
export interface FioJob {
  readonly path: string;
  readonly depth: number;
  readonly direct: boolean;
  /** fio's engine; io_uring unless told. */
  readonly engine?: "io_uring" | "libaio" | "posixaio";
  readonly rampSeconds: number;
  readonly seconds: number;
}

/** The command for one of fio's engines. */
export function fioCommand(job: FioJob): Command {
  const milliseconds = (seconds: number) => `${Math.round(seconds * 1000)}ms`;
  return {
    file: "fio",
    args: [
      "--name=reference",
      `--filename=${job.path}`,
      "--readonly",
      "--rw=randread",
      "--bs=4k",
      `--ioengine=${job.engine ?? "io_uring"}`,
      `--iodepth=${job.depth}`,
      `--direct=${job.direct ? 1 : 0}`,
      // fio drops the file from the page cache first, unless told not to.
      "--invalidate=0",
      "--time_based",
      `--ramp_time=${milliseconds(job.rampSeconds)}`,
      `--runtime=${milliseconds(job.seconds)}`,
      "--output-format=json",
    ],
  };
}

/** What we read of fio's JSON. */
interface FioOutput {
  readonly "fio version": string;
  readonly jobs: readonly {
    readonly error: number;
    readonly usr_cpu: number;
    readonly sys_cpu: number;
    readonly job_runtime: number;
    readonly read: { readonly total_ios: number; readonly runtime: number };
  }[];
}

/** Translates fio's JSON. CPU arrives as percentages of the run, times as milliseconds. */
export function parseFio(output: unknown): Measurement {
  const { jobs, "fio version": version } = output as FioOutput;
  const [job] = jobs;
  if (job === undefined || job.error !== 0) throw new Error(`fio failed: error ${job?.error}`);
  return {
    ops: job.read.total_ios,
    seconds: job.read.runtime / 1000,
    cpuUser: job.usr_cpu * job.job_runtime * 10,
    cpuSystem: job.sys_cpu * job.job_runtime * 10,
    notes: version,
  };
}
