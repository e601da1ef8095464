import assert from "node:assert/strict";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Operation } from "../../src/runtime/operation.ts";
import type { Proactor } from "../../src/runtime/proactor.ts";
import type { Statx } from "../../src/runtime/statx.ts";
import { REGIONS, type RingProgram, type RingStep } from "./random-program.ts";
import type { Stage } from "./stages.ts";

const REGION_BYTES = 48;
/** A descriptor that is never open. */
const NO_FD = 0x7fff_fffe;
/** Turns of the event loop that are taken at once; whoever needs more has a timer to wait for. */
const QUICK_TURNS = 300;
/** Turns, of 1 ms from then on, after which what has not settled never will. */
const PATIENCE = 3000;

/** An operation under way, with what it may come to. */
interface Tracked {
  readonly name: string;
  readonly operation: Operation<unknown>;
  readonly buffers: readonly Uint8Array[];
  /** Its result, once it has settled. */
  result: { readonly value: unknown } | { readonly code: string } | undefined;
  /** What its buffers held when it settled. */
  copies: readonly Uint8Array[];
  callbacks: number;
  /** Somebody asked for its cancellation, or its deadline may have passed. */
  mayEnd: boolean;
  readonly check: (outcome: { value?: unknown; code?: string }) => void;
}

/** Runs one program and checks everything that must hold, whatever the kernel did. */
export class ProgramRunner {
  readonly proactor: Proactor;
  readonly #stage: Stage;
  readonly #program: RingProgram;
  readonly #all: Tracked[] = [];
  /** What each region of the file holds, by the results so far. */
  readonly #regions = Array.from({ length: REGIONS }, () => new Uint8Array(REGION_BYTES));
  /** Writers (-1) or readers (how many) of each region now. */
  readonly #users: number[] = new Array(REGIONS).fill(0);
  readonly #aborts = new Map<Tracked, AbortController>();
  #fd = -1;
  #piped = { written: 0, read: 0 };
  #count = 0;

  constructor(program: RingProgram, stage: Stage) {
    this.#program = program;
    this.#stage = stage;
    this.proactor = stage.proactor;
  }

  /** Runs it to its end. */
  async run(): Promise<void> {
    const { proactor } = this;
    const stage = this.#stage;
    this.#fd = await proactor.open(this.#path("file"), "w+");
    await proactor.truncate(this.#fd, REGIONS * REGION_BYTES);
    stage.begun();
    const open = stage.openCount();
    for (const one of this.#program.steps) await this.#step(one);
    for (const tracked of this.#all) this.#cancel(tracked);
    await this.#settled();
    for (const tracked of this.#all) this.#checkEnd(tracked);
    assert.deepEqual(proactor.status(), { inFlight: 0, queued: 0 }, "No slot is left");
    assert.equal(stage.openCount(), open, "No descriptor is left");
    assert.ok(this.#piped.read <= this.#piped.written, "Nothing was read that nobody wrote");
    await proactor.close(this.#fd);
    await proactor.shutdown();
    this.#stage.finished();
  }

  #path(name: string): string {
    return `${this.#stage.folder}${name}`;
  }

  async #step(one: RingStep): Promise<void> {
    const { proactor } = this;
    switch (one.op) {
      case "write":
      case "read":
      case "timed":
        this.#transfer(one);
        return;
      case "chain":
        this.#chain(one.region, one.hard);
        return;
      case "pipeRead":
      case "pipeWrite":
        this.#onPipe(one.op === "pipeRead", one.length, one.ms);
        return;
      case "cancel":
      case "abort": {
        const tracked = this.#all[one.which % Math.max(1, this.#all.length)];
        if (tracked === undefined) return;
        if (one.op === "cancel") this.#cancel(tracked);
        else this.#abort(tracked);
        return;
      }
      case "turn":
        await nextTurn();
        return;
      case "run":
        proactor.run();
        return;
      case "wait":
        if (proactor.capabilities.wait) proactor.wait({ minimum: 1, timeoutMs: 3 });
        return;
      case "settle":
        for (const tracked of this.#all) if (tracked.name.startsWith("pipe")) this.#cancel(tracked);
        await this.#settled();
        return;
      default:
        this.#other(one);
    }
  }

  #transfer(one: Extract<RingStep, { region: number }> & { vectors?: boolean; ms?: number }): void {
    const { region: index } = one;
    const reads = one.op !== "write";
    const users = this.#users[index] as number;
    // A region has one writer or any number of readers, so that results can be told in advance.
    if (reads ? users < 0 : users !== 0) return;
    this.#users[index] = reads ? users + 1 : -1;
    const offset = index * REGION_BYTES;
    const bytes = new Uint8Array(REGION_BYTES).fill(reads ? 0xee : ++this.#count & 0x7f);
    const parts = one.vectors === true ? [bytes.subarray(0, 20), bytes.subarray(20)] : [bytes];
    const done = ({ value }: { value?: unknown }) => {
      this.#users[index] = reads ? (this.#users[index] as number) - 1 : 0;
      this.#transferred(index, reads, bytes, Number(value ?? 0));
    };
    const deadline = one.ms === undefined ? {} : { deadlineMs: one.ms };
    this.#track(
      one.op,
      (options) => {
        const all = { ...options, ...deadline, offset };
        if (parts.length > 1) {
          return reads
            ? this.proactor.readv(this.#fd, parts, all)
            : this.proactor.writev(this.#fd, parts, all);
        }
        return reads
          ? this.proactor.read(this.#fd, bytes, all)
          : this.proactor.write(this.#fd, bytes, all);
      },
      done,
      { buffers: [bytes], mayEnd: one.ms !== undefined },
    );
  }

  #transferred(index: number, reads: boolean, bytes: Uint8Array, count: number): void {
    const known = this.#regions[index] as Uint8Array;
    if (!reads) {
      known.set(bytes.subarray(0, count));
      return;
    }
    assert.deepEqual(
      bytes.subarray(0, count),
      known.subarray(0, count),
      "What was written is read",
    );
    assert.ok(
      bytes.subarray(count).every((byte) => byte === 0xee),
      "Nothing is written beyond the result",
    );
  }

  #chain(index: number, hard: boolean): void {
    if (this.#users[index] !== 0) return;
    this.#users[index] = -1;
    const offset = index * REGION_BYTES;
    const out = new Uint8Array(REGION_BYTES).fill(++this.#count & 0x7f);
    const into = new Uint8Array(REGION_BYTES).fill(0xee);
    const members: Tracked[] = [];
    let left = 3;
    const results: { value?: unknown; code?: string }[] = [];
    const done = (i: number) => (outcome: { value?: unknown; code?: string }) => {
      results[i] = outcome;
      left--;
      // Those after the first see what the first has done, if they run at all.
      if (i === 0) this.#transferred(index, false, out, Number(outcome.value ?? 0));
      if (i === 2) this.#transferred(index, true, into, Number(outcome.value ?? 0));
      if (left === 0) {
        this.#users[index] = 0;
        this.#checkChain(
          results,
          hard,
          members.some(({ mayEnd }) => mayEnd),
        );
      }
    };
    const options = [0, 1, 2].map((i) => this.#options(`chain${i}`, done(i)));
    const [first, second, third] = options as [Started, Started, Started];
    const operations = this.proactor.chain(
      [
        { op: "write", fd: this.#fd, buffer: out, offset, ...first.options },
        { op: "fsync", fd: this.#fd, ...second.options },
        { op: "read", fd: this.#fd, buffer: into, offset, ...third.options },
      ],
      { hard },
    );
    const buffers = [[out], [], [into]];
    options.forEach(({ start }, i) => {
      members.push(start(operations[i] as Operation<unknown>, buffers[i] as Uint8Array[], false));
    });
  }

  #checkChain(
    results: readonly { value?: unknown; code?: string }[],
    hard: boolean,
    canceled: boolean,
  ): void {
    const [write, sync, read] = results;
    // The kernel may have had no memory for all of it.
    if (canceled || (this.#program.rates.cut ?? 0) > 0) return;
    if (hard || write?.value === REGION_BYTES) {
      assert.equal(sync?.code, undefined, "The chain goes on");
      assert.equal(read?.code, undefined, "The chain goes on");
      return;
    }
    assert.equal(sync?.code, "ECANCELED", "A short write breaks the chain");
    assert.equal(read?.code, "ECANCELED", "A short write breaks the chain");
  }

  #onPipe(reads: boolean, length: number, limit: number): void {
    const { pipe } = this.#stage;
    if (pipe === undefined) return;
    const [reader, writer] = pipe;
    const bytes = new Uint8Array(length).fill(reads ? 0xee : 0x11);
    const deadline = reads && limit > 2 ? { deadlineMs: limit } : {};
    this.#track(
      reads ? "pipeRead" : "pipeWrite",
      (options) =>
        reads
          ? this.proactor.read(reader, bytes, { ...options, ...deadline })
          : this.proactor.write(writer, bytes, options),
      ({ value }) => {
        this.#piped[reads ? "read" : "written"] += Number(value ?? 0);
      },
      { buffers: [bytes], mayEnd: "deadlineMs" in deadline },
    );
  }

  #other(
    one: Exclude<RingStep, { region: number } | { length: number } | { which: number }>,
  ): void {
    const { proactor } = this;
    const expect = (expected: unknown) => (outcome: { value?: unknown; code?: string }) => {
      const canceled = outcome.code === "ECANCELED" || outcome.code === "ABORT_ERR";
      if (!canceled) assert.deepEqual(outcome, expected);
    };
    switch (one.op) {
      case "nop":
        this.#track("nop", (options) => proactor.nop(options), expect({ value: 0 }));
        return;
      case "drain":
        this.#drain();
        return;
      case "fsync":
        this.#track("fsync", (o) => proactor.fsync(this.#fd, o), expect({ value: undefined }));
        return;
      case "statx":
        this.#track(
          "statx",
          (options) => proactor.statx(this.#path("file"), options),
          ({ value, code }) => {
            if (code === undefined) assert.equal((value as Statx).size, REGIONS * REGION_BYTES);
          },
        );
        return;
      case "mkdir": {
        const path = `made-${this.#count++}-${"long".repeat((this.#count % 2) * 60)}`;
        this.#track(
          "mkdir",
          (o) => proactor.mkdir(this.#path(path), 0o755, o),
          expect({ value: undefined }),
        );
        return;
      }
      case "badRead":
        this.#track(
          "badRead",
          (options) => proactor.read(NO_FD, new Uint8Array(4), options),
          expect({ code: "EBADF" }),
        );
        return;
      case "missing":
        this.#track(
          "missing",
          (o) => proactor.unlink(this.#path("no/such"), o),
          expect({ code: "ENOENT" }),
        );
        return;
      case "timeout":
        this.#track("timeout", (o) => proactor.timeout(one.ms, o), expect({ value: undefined }));
        return;
      default:
        throw new Error(`No such step: ${one.op}`);
    }
  }

  #drain(): void {
    const before = this.#all.filter(({ result }) => result === undefined);
    this.#track(
      "drain",
      (options) => this.proactor.nop({ ...options, drain: true }),
      ({ code }) => {
        if (code !== undefined) return;
        // The rest of a chain that the runtime orders itself is not held up by a wall.
        const running = before
          .filter(({ result, name }) => result === undefined && !name.startsWith("chain"))
          .map(({ name }) => name);
        assert.deepEqual(running, [], "A drain waits for all before");
      },
    );
  }

  #track(
    name: string,
    begin: (options: OptionsOf) => Operation<unknown>,
    check: Tracked["check"],
    more: { buffers?: Uint8Array[]; mayEnd?: boolean } = {},
  ): void {
    const { options, start } = this.#options(name, check);
    start(begin(options), more.buffers ?? [], more.mayEnd ?? false);
  }

  /** The options of an operation, and what to call with it. */
  #options(name: string, check: Tracked["check"]): Started {
    const controller = new AbortController();
    let tracked: Tracked | undefined;
    let early = 0;
    const callback = () => {
      if (tracked === undefined) early++;
      else tracked.callbacks++;
    };
    const start = (operation: Operation<unknown>, buffers: Uint8Array[], mayEnd: boolean) => {
      const made: Tracked = {
        name,
        operation,
        buffers,
        result: undefined,
        copies: [],
        callbacks: early,
        mayEnd,
        check,
      };
      tracked = made;
      this.#all.push(made);
      this.#aborts.set(made, controller);
      operation.then(
        (value) => this.#settle(made, { value }),
        (error: NodeJS.ErrnoException) => this.#settle(made, { code: String(error.code) }),
      );
      return made;
    };
    return { options: { callback, signal: controller.signal }, start };
  }

  #settle(tracked: Tracked, outcome: { value?: unknown; code?: string }): void {
    tracked.result = outcome as { code: string };
    tracked.copies = tracked.buffers.map((bytes) => bytes.slice());
    try {
      const { code } = outcome;
      const ended = code === "ECANCELED" || code === "ABORT_ERR" || code === "ETIMEDOUT";
      if (ended && !tracked.mayEnd && !tracked.name.startsWith("chain")) {
        throw new Error(`Nobody asked for it: ${code}`);
      }
      tracked.check(outcome);
    } catch (error) {
      this.#failures.push(new Error(`${tracked.name}: ${String(error)}`, { cause: error }));
    }
  }
  readonly #failures: Error[] = [];

  #cancel(tracked: Tracked): void {
    if (tracked.result !== undefined) return;
    tracked.mayEnd = true;
    void tracked.operation.cancel();
  }

  #abort(tracked: Tracked): void {
    tracked.mayEnd = true;
    this.#aborts.get(tracked)?.abort();
  }

  /** Waits until everything has settled, as long as turns of the loop can bring that about. */
  async #settled(): Promise<void> {
    for (let turn = 0; turn < PATIENCE; turn++) {
      if (this.#failures.length > 0) throw this.#failures[0];
      if (this.#all.every(({ result }) => result !== undefined)) return;
      if (turn < QUICK_TURNS) await nextTurn();
      else await sleep(1);
    }
    const left = this.#all.filter(({ result }) => result === undefined);
    const names = left.map(({ name, operation }) => `${name} (${operation.status})`);
    throw new Error(`Never settled: ${names.join(", ")}`);
  }

  #checkEnd({ name, callbacks, buffers, copies }: Tracked): void {
    assert.equal(callbacks, 1, `${name} called back once`);
    assert.deepEqual(buffers, copies, `${name}: its buffer is untouched after it has settled`);
  }
}

/** Options that every operation of a program has. */
interface OptionsOf {
  readonly callback: () => void;
  readonly signal: AbortSignal;
}

/** What {@link ProgramRunner} prepares for an operation before there is one. */
interface Started {
  readonly options: OptionsOf;
  start(operation: Operation<unknown>, buffers: Uint8Array[], mayEnd: boolean): Tracked;
}
