/** What a run of node:test did, gathered from its events: skips, engines that ran, what hung. */

/** The events of node:test that are looked at, and the fields of theirs that are. */
export interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly nesting?: number;
    readonly file?: string;
    readonly line?: number;
    readonly column?: number;
    /** The reason; true or empty when the test gave none. */
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly message?: string;
    readonly details?: { readonly type?: string };
  };
}

/** A test that did not run. */
export interface Skip {
  readonly name: string;
  /** Undefined when the test does not say. */
  readonly reason: string | undefined;
}

/** `describeEveryEngine` begins the name of a suite with the engine's. */
const ENGINE_TITLE = /^(\w+): /;

/** Watches the events of one run go by. */
export class TestRecord {
  readonly skips: Skip[] = [];
  /** How many tests ran under a suite whose name begins with this engine's. */
  readonly ranByEngine = new Map<string, number>();
  /** Tests that ran, whatever came of them. */
  ran = 0;
  /** Tests and suites that failed; those that are known to are not counted. */
  failed = 0;
  /** By nesting: tests that ran since the last suite of a smaller nesting ended. */
  readonly #ranAt: number[] = [];
  readonly #running = new Map<string, string>();

  /** Takes note of one event. Events of different files do not mix. */
  observe({ type, data }: TestEvent): void {
    const { name = "", nesting = 0 } = data;
    const key = `${data.file}:${data.line}:${data.column}:${nesting}:${name}`;
    // A whole file appears as a test that is named by its path.
    const isFile = name === data.file;
    if (type === "test:dequeue" && !isFile) this.#running.set(key, name);
    if (type === "test:complete") this.#running.delete(key);
    if (type === "test:fail" && data.todo === undefined) this.failed++;
    if ((type !== "test:pass" && type !== "test:fail") || isFile) return;

    if (data.skip !== undefined && data.skip !== false) {
      const reason = typeof data.skip === "string" && data.skip !== "" ? data.skip : undefined;
      this.skips.push({ name, reason });
      this.#ranAt.length = Math.min(this.#ranAt.length, nesting + 1);
      return;
    }
    this.#count(name, nesting, data.details?.type === "suite");
  }

  /** The tests that were begun and never finished, as after a time limit. */
  unfinished(): string[] {
    return [...this.#running.values()];
  }

  #count(name: string, nesting: number, isSuite: boolean): void {
    const inside = this.#ranAt[nesting + 1] ?? 0;
    const ran = isSuite ? inside : inside + 1;
    if (!isSuite) this.ran++;
    this.#ranAt[nesting + 1] = 0;
    this.#ranAt[nesting] = (this.#ranAt[nesting] ?? 0) + ran;
    const engine = ENGINE_TITLE.exec(name)?.[1];
    if (engine === undefined || ran === 0) return;
    this.ranByEngine.set(engine, (this.ranByEngine.get(engine) ?? 0) + ran);
  }
}

/** Reasons to fail a run in which no test failed. */
export function complaintsAbout(record: TestRecord, expectedEngines: readonly string[]): string[] {
  const complaints = record.skips
    .filter(({ reason }) => reason === undefined)
    .map(({ name }) => `"${name}" was skipped without a reason`);
  if (record.ran === 0) complaints.push("not a single test ran");
  for (const engine of expectedEngines) {
    if ((record.ranByEngine.get(engine) ?? 0) > 0) continue;
    complaints.push(`${engine} is available here, and not a single test of it ran`);
  }
  return complaints;
}
