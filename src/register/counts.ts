/** What became of the calls of one function. */
export interface CallCounts {
  /** Done by proactor. */
  native: number;
  /** Left to node:fs: unusual arguments, or no engine for it. */
  delegated: number;
}

/** What the preload has done so far. */
export interface RegisterReport {
  /** Whether any function of node:fs was replaced. */
  readonly active: boolean;
  /** Why none was, where none was. */
  readonly reason: string | undefined;
  /** What was routed: `promises`, `callbacks`, `streams`. */
  readonly parts: readonly string[];
  /** What proactor/fs runs on, as `explain()` says it. */
  readonly engine: string;
  /** The version of Node whose fs this is. */
  readonly node: string;
  /** By name, such as `fs.read` and `fs.promises.readFile`: only what was called. */
  readonly functions: Readonly<Record<string, Readonly<CallCounts>>>;
}

/** Counts by name. */
export class Counts {
  readonly #counts = new Map<string, CallCounts>();

  /** The counts of a function, to be raised. */
  of(name: string): CallCounts {
    const counts = { native: 0, delegated: 0 };
    this.#counts.set(name, counts);
    return counts;
  }

  /** What was called so far. */
  snapshot(): Record<string, CallCounts> {
    const called = [...this.#counts].filter(([, { native, delegated }]) => native + delegated > 0);
    return Object.fromEntries(called.map(([name, counts]) => [name, { ...counts }]));
  }
}

/** A report in lines for people. */
export function describeReport(report: RegisterReport): string {
  const lines = [
    report.active
      ? `proactor/register: ${report.parts.join(", ")} of node:fs, Node ${report.node}`
      : `proactor/register: off (${report.reason})`,
  ];
  for (const [name, { native, delegated }] of Object.entries(report.functions)) {
    lines.push(`  ${name}: ${native} native, ${delegated} left to Node`);
  }
  return lines.join("\n");
}
