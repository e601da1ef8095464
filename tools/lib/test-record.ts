/** What a run of node:test did, gathered from its events: skips, engines that ran, what hung. */

import { ENGINE_NAMES } from "../../src/core/engine.ts";

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

/** What an engine cannot do, or not here: tests of it that were skipped, by their reason. */
export interface Cell {
  readonly engine: string;
  readonly reason: string;
  readonly tests: number;
}

/** `describeEveryEngine` begins the name of a suite with the engine's; other words are none. */
const ENGINE_TITLE = new RegExp(`^(${ENGINE_NAMES.join("|")}): `);

function engineOf(title: string): string | undefined {
  return ENGINE_TITLE.exec(title)?.[1];
}

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
  /** Skips whose suites have not ended, so that it is not known whose they are. */
  #open: { readonly nesting: number; readonly reason: string }[] = [];
  readonly #cells = new Map<string, Map<string, number>>();
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
      this.#open.push({ nesting, reason: reason ?? "no reason" });
      this.#close(name, nesting);
      this.#ranAt.length = Math.min(this.#ranAt.length, nesting + 1);
      return;
    }
    this.#close(name, nesting);
    this.#count(name, nesting, data.details?.type === "suite");
  }

  /** What engines cannot do, in the order of {@link ENGINE_NAMES}. */
  cells(): Cell[] {
    return ENGINE_NAMES.flatMap((engine) =>
      [...(this.#cells.get(engine) ?? [])].map(([reason, tests]) => ({ engine, reason, tests })),
    );
  }

  /** The tests that were begun and never finished, as after a time limit. */
  unfinished(): string[] {
    return [...this.#running.values()];
  }

  /** A test or a suite has ended: skips within it are its engine's, if it is named by one. */
  #close(name: string, nesting: number): void {
    const engine = engineOf(name);
    if (engine !== undefined) {
      const reasons = this.#cells.get(engine) ?? new Map<string, number>();
      this.#cells.set(engine, reasons);
      for (const skip of this.#open) {
        if (skip.nesting < nesting) continue;
        reasons.set(skip.reason, (reasons.get(skip.reason) ?? 0) + 1);
      }
    }
    if (engine !== undefined || nesting === 0) {
      this.#open = this.#open.filter((skip) => nesting > 0 && skip.nesting < nesting);
    }
  }

  #count(name: string, nesting: number, isSuite: boolean): void {
    const inside = this.#ranAt[nesting + 1] ?? 0;
    const ran = isSuite ? inside : inside + 1;
    if (!isSuite) this.ran++;
    this.#ranAt[nesting + 1] = 0;
    this.#ranAt[nesting] = (this.#ranAt[nesting] ?? 0) + ran;
    const engine = engineOf(name);
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
