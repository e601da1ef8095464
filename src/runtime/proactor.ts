import { ProactorError } from "../base/errors.ts";
import { INSPECT, type InspectArguments, shownAs } from "../base/inspect.ts";
import {
  DEFAULT_DEPTH,
  DEFAULT_ENTRIES,
  DEFAULT_IO_WORKERS,
  DEFAULT_POOL_BYTES,
  DEFAULT_SQ_POLL_IDLE_MS,
  ENGINE_RETRY_MS,
  MAX_COMPLETION_ENTRIES,
  MAX_DEPTH,
  MAX_ENTRIES,
  MAX_IO_WORKERS,
  MAX_TIMER_MS,
  MIN_POOL_BUFFER_BYTES,
} from "../base/limits.ts";
import { optionsOf } from "../base/options.ts";
import {
  validateBoolean,
  validateFd,
  validateInteger,
  validateNumber,
  validateString,
} from "../base/validate.ts";
import {
  type Engine,
  type EngineCapabilities,
  type EngineName,
  type EngineOptions,
  Link,
  OPERATIONS,
} from "../core/index.ts";
import {
  type Choice,
  chooseEngine,
  engineName,
  missedBy,
  PREFERENCE,
  threadPool,
} from "../engines/index.ts";
import { loadNative } from "../native/load.ts";
import { BufferPool } from "./buffer-pool.ts";
import { startEmulatedChain } from "./chain.ts";
import { CompletionQueue } from "./completion-queue.ts";
import { DescriptorFacts } from "./descriptor-facts.ts";
import type { OperationDescriptor } from "./descriptors.ts";
import { DirectFiles } from "./direct.ts";
import { watchEnd } from "./ending.ts";
import { type Explanation, explain } from "./explain.ts";
import { FileOperations, type Prepared } from "./file-operations.ts";
import { type FilePositions, positionsOf } from "./file-positions.ts";
import { RequestMemory } from "./memory.ts";
import type { Operation } from "./operation.ts";
import { Scheduler } from "./scheduler.ts";
import {
  closeIfForgotten,
  closeWhenQuiet,
  keepForEver,
  keepFromClosing,
  type Session,
} from "./session.ts";

/** How a {@link Proactor} is made. */
export interface ProactorOptions {
  /** The engine, by its name or fio's; else PROACTOR_ENGINE, else the best that can run. */
  readonly engine?: EngineName | "libaio" | "posixaio" | "windowsaio" | undefined;
  /** Entries of the submission queue: the largest batch, 256 unless told. Rounded up to 2^n. */
  readonly entries?: number | undefined;
  /** Entries of the completion queue; enough for `depth` unless told. */
  readonly completionEntries?: number | undefined;
  /** Operations in flight at once, 4096 unless told; more wait their turn. */
  readonly depth?: number | undefined;
  /**
   * A kernel thread submits, so that a busy program makes no system calls. It burns a core while
   * awake, and keeps the credentials of the moment the ring was made (CVE-2024-22017).
   */
  readonly sqPoll?: boolean | undefined;
  /** How long that thread spins before it sleeps, in ms; 1000 unless told. */
  readonly sqPollIdleMs?: number | undefined;
  /**
   * Threads that the kernel starts at most for what would block, 256 unless told: so many for
   * regular files (fewer where its own limit is lower), and so many for all else. They are shared
   * by all rings of a thread, and the lowest limit stays.
   */
  readonly ioWorkers?: number | undefined;
  /** Bytes that the pool of aligned buffers may take, 64 MiB unless told. */
  readonly poolBytes?: number | undefined;
}

/** What an engine can do, and what the runtime does in its place. */
export interface Capabilities
  extends Omit<EngineCapabilities, "operations" | "breaksLink" | "withoutDeadline"> {
  /** The operations that can be done, by name. */
  readonly operations: readonly string[];
  /** What of all this is emulated: operations by another engine, order and deadlines by us. */
  readonly emulated: readonly string[];
}

/** What a proactor runs on; started by asking. For rooms above that queue requests themselves. */
export let sessionOf: (proactor: Proactor) => Session;

/**
 * Submits operations, goes on, and tells when they are done.
 *
 * Nothing is started before the first operation: the engine is chosen, and its ring made, then.
 * A proactor belongs to the thread that made it; every Worker has its own.
 */
export class Proactor extends FileOperations implements AsyncDisposable {
  readonly #options: ProactorOptions;
  readonly #engineOptions: Omit<EngineOptions, "wake">;
  #choice: Choice | undefined;
  /** When an engine that was short of something is asked again. */
  #askAgainAt = 0;
  /** A session whose engine failed, until it has nothing in flight, */
  #failed: Session | undefined;
  /** and its end. */
  #retired: Promise<void> | undefined;
  /** What runs in the place of such an engine. */
  #standIn: Session | undefined;
  #pool: BufferPool | undefined;
  #referenced = true;
  #closing: Promise<void> | undefined;
  /** The session while the last operations are waited for. */
  #ending: Session | undefined;

  /** @throws `ERR_OUT_OF_RANGE` and its like for options that make no sense. */
  constructor(options: ProactorOptions = {}) {
    super();
    this.#options = optionsOf(options);
    this.#engineOptions = checkOptions(this.#options);
  }

  /** The engine in use, or the one that the first operation will start. */
  get engine(): EngineName {
    return this.#choose().factory.name;
  }

  /** Shows the engine, and what is in flight and waits. Starts nothing. */
  [INSPECT](...how: InspectArguments): string {
    const session = this.current ?? this.#ending;
    const { inFlight = 0, waiting = 0 } = session?.scheduler ?? {};
    const engine = session?.engine.name ?? "not started";
    const state = this.#closing === undefined ? {} : { state: "closed" };
    return shownAs("Proactor", { engine, inFlight, waiting, ...state }, how);
  }

  /** What can be done here. Starts the engine. */
  get capabilities(): Capabilities {
    const { engine, fallback } = this.session();
    const { capabilities } = engine;
    const names = OPERATIONS.map(({ name }) => name);
    const native = names.filter((_, kind) => capabilities.operations[kind]);
    const emulated = names.filter(
      (_, kind) => !capabilities.operations[kind] && fallback?.capabilities.operations[kind],
    );
    const ours = (["links", "drain", "deadline", "filePosition"] as const).filter(
      (name) => capabilities[name] === false,
    );
    const { breaksLink: _, withoutDeadline: __, heedsDescriptor: ___, ...told } = capabilities;
    return {
      ...told,
      operations: [...native, ...emulated],
      emulated: [...emulated, ...ours],
    };
  }

  /**
   * Starts several operations that were written down as data. All are checked before any starts.
   * (Whatever is started in one tick is one batch anyway.)
   */
  batch(descriptors: readonly OperationDescriptor[]): Operation<unknown>[] {
    const { scheduler } = this.session();
    return this.prepare(descriptors).map(({ request, extras }) => scheduler.start(request, extras));
  }

  /**
   * Starts operations that run in order: each when the one before it has completed. After an error
   * or a short transfer the rest is canceled (`ECANCELED`), unless the chain is `hard`.
   *
   * Handle all of the operations, for instance with `Promise.all`: several may reject.
   */
  chain(
    descriptors: readonly OperationDescriptor[],
    options?: { readonly hard?: boolean },
  ): Operation<unknown>[] {
    const { scheduler, engine } = this.session();
    const hard = optionsOf(options).hard === true;
    const prepared = this.prepare(descriptors);
    const { turns } = scheduler;
    const links = prepared.every(
      ({ request }) => scheduler.canLink(request) && (turns?.descriptorOf(request) ?? -1) === -1,
    );
    if (!links || !ordersNatively(prepared, engine, hard)) {
      return startEmulatedChain(scheduler, prepared, hard);
    }
    return prepared.map(({ request, extras }, i) => {
      const last = i === prepared.length - 1;
      request.link = last ? Link.None : hard ? Link.HardLink : Link.Link;
      request.chain = i === 0 ? prepared.length : 0;
      return scheduler.start(request, extras);
    });
  }

  /** Makes a queue to take completions from; pass it as the option `queue`. */
  completionQueue(): CompletionQueue {
    return new CompletionQueue(() => this.run());
  }

  /**
   * Waits until any of several operations is done, as aio_suspend(3) does. Resolves with the place
   * of the first that is, in the list, or with -1 when the time is up; at once with -1 where there
   * is none to wait for, as aio_suspend returns at once.
   */
  async suspend(
    operations: readonly Operation<unknown>[],
    options?: { readonly timeoutMs?: number },
  ): Promise<number> {
    const first = operations.map(async (operation, i) => {
      await operation.then(undefined, () => undefined);
      return i;
    });
    const { timeoutMs } = optionsOf(options);
    if (timeoutMs !== undefined) validateNumber(timeoutMs, "options.timeoutMs", 0, MAX_TIMER_MS);
    if (first.length === 0) return -1;
    if (timeoutMs === undefined) return Promise.race(first);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<number>((resolve) => {
      timer = setTimeout(() => resolve(-1), timeoutMs);
    });
    try {
      return await Promise.race([...first, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Hands over what is queued, now, so that the work goes on while the program computes. Delivers
   * nothing: that comes with the next turn, as ever. Without it the end of the tick does it, or one
   * of the rules in the page about the completion model.
   */
  submit(): void {
    (this.current ?? this.#ending)?.scheduler.submit();
  }

  /** Hands over what is queued and delivers what has completed, now. Returns how many. */
  run(): number {
    return (this.current ?? this.#ending)?.scheduler.run() ?? 0;
  }

  /**
   * Blocks the thread until operations complete, and delivers them. Promise reactions run after the
   * caller has returned; callbacks and queues have theirs by then.
   *
   * @throws `ERR_PROACTOR_UNSUPPORTED` where the engine cannot wait.
   */
  wait(options?: { readonly minimum?: number; readonly timeoutMs?: number }): number {
    const { minimum = 1, timeoutMs = Number.POSITIVE_INFINITY } = optionsOf(options);
    validateInteger(minimum, "options.minimum", 0);
    validateNumber(timeoutMs, "options.timeoutMs", 0);
    return this.session().scheduler.wait(minimum, timeoutMs);
  }

  /** How much is going on: operations with the engine, and operations that wait for room. */
  status(): { readonly inFlight: number; readonly queued: number } {
    const scheduler = (this.current ?? this.#ending)?.scheduler;
    return { inFlight: scheduler?.inFlight ?? 0, queued: scheduler?.waiting ?? 0 };
  }

  /** The pool of aligned buffers, for O_DIRECT and for registration. */
  get pool(): BufferPool {
    this.#pool ??= new BufferPool(
      this.#options.poolBytes,
      () => this.session(),
      (view) => this.#sessions().some(({ scheduler }) => scheduler.isLent(view)),
    );
    return this.#pool;
  }

  /** A buffer from the pool, now. Throws `ERR_PROACTOR_EXHAUSTED` when there is none left. */
  allocate(size: number): Buffer {
    return this.pool.allocate(size);
  }

  /** A buffer from the pool, as soon as there is one. */
  acquire(size: number, options?: { readonly signal?: AbortSignal }): Promise<Buffer> {
    return this.pool.acquire(size, options);
  }

  /** Gives a buffer back to the pool. Nothing may be in flight with it. */
  release(buffer: Buffer): void {
    this.pool.release(buffer);
  }

  /**
   * Registers the pool's memory with the kernel, which then need not look it up per operation. From
   * then on reads and writes with buffers of the pool use it by themselves.
   *
   * Returns false, and everything works as before, where the engine has no such thing or the
   * limit of locked memory (RLIMIT_MEMLOCK) is too small.
   */
  registerBuffers(): boolean {
    return this.pool.register();
  }

  /**
   * Registers descriptors with the kernel. An operation names the nth of them by passing n with
   * `fixedFile: true`. Replaces what was registered before; nothing may be in flight with that.
   *
   * Returns false where the engine has no such thing: keep using the descriptors.
   */
  registerFiles(descriptors: readonly number[]): boolean {
    for (const [i, fd] of descriptors.entries()) validateFd(fd, `descriptors[${i}]`);
    const { engine, facts } = this.session();
    if ((engine.registerFiles?.(descriptors) ?? -1) < 0) return false;
    facts?.registered(descriptors);
    return true;
  }

  /**
   * Which engine runs here, which cannot, why, and what to do about it.
   *
   * @param options `all` names the engines of other systems, too; default false.
   */
  explain(options: { readonly all?: boolean | undefined } = {}): Explanation {
    const { all } = optionsOf(options, "options");
    const choice = this.#choose();
    const session = this.current;
    const emulated = session === undefined ? [] : this.capabilities.emulated;
    return explain(choice, session?.engine.details ?? {}, emulated, all === true);
  }

  /** From now on operations in flight keep the process alive. That is the default. */
  ref(): this {
    return this.#setReferenced(true);
  }

  /** From now on operations in flight do not keep the process alive. */
  unref(): this {
    return this.#setReferenced(false);
  }

  /**
   * Ends it: no operation is accepted any more, those in flight are waited for, and the engine
   * gives everything back. With `cancel`, what can be canceled is.
   */
  shutdown(options?: { readonly cancel?: boolean }): Promise<void> {
    const { cancel } = optionsOf(options);
    // Without a session every operation asks for one, and is refused.
    this.#ending ??= this.current ?? this.#standIn;
    this.current = undefined;
    keepFromClosing(this);
    this.#closing ??= this.#close();
    if (cancel === true) this.#ending?.scheduler.cancelAll();
    return this.#closing;
  }

  /** The same as `shutdown`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  protected session(): Session {
    return this.current ?? this.#open();
  }

  static {
    sessionOf = (proactor) => proactor.session();
  }

  /** @param anew Whether what was chosen for want of descriptors or memory is chosen again. */
  #choose(anew = false): Choice {
    const due = anew && this.#choice?.missed?.passing === true;
    if (this.#choice === undefined || (due && performance.now() >= this.#askAgainAt)) {
      this.#choice = chooseEngine(this.#options.engine);
      this.#askAgainAt = performance.now() + ENGINE_RETRY_MS;
    }
    return this.#choice;
  }

  #open(): Session {
    if (this.#closing !== undefined) {
      throw new ProactorError("ERR_PROACTOR_CLOSED", "The proactor was shut down");
    }
    const choice = this.#choose(true);
    if (this.#standIn !== undefined && choice.factory === threadPool) return this.#stand();
    let scheduler: Scheduler | undefined;
    // What the engine calls must not keep this alive.
    const self = new WeakRef(this);
    let opened: Session | undefined;
    const options = {
      ...this.#engineOptions,
      wake: () => scheduler?.wake(),
      failed: (error: Error) => {
        if (opened === undefined) return;
        keepForEver(opened);
        const proactor = self.deref();
        if (proactor !== undefined) proactor.#retire(opened, error);
      },
    };
    const engine = this.#create(choice, options);
    const complete = engine.capabilities.operations.every(Boolean);
    const fallback =
      complete || engine.name === threadPool.name ? undefined : threadPool.create(options);
    const native = loadNative();
    const standIn = this.#choice?.missed?.passing === true;
    const heeds = engine.capabilities.heedsDescriptor !== false || !native.available;
    const facts = heeds ? undefined : new DescriptorFacts(native.addon);
    const positions = positionsFor(engine);
    const makeThreads = () => threadPool.create(options);
    scheduler = new Scheduler(engine, fallback, {
      facts,
      makeThreads,
      positions,
      early: undefined,
    });
    scheduler.setReferenced(this.#referenced);
    watchEnd(scheduler);
    opened = {
      engine,
      fallback,
      scheduler,
      memory: new RequestMemory(native.available ? native.addon : undefined),
      direct: native.available ? new DirectFiles(native.addon, positions) : undefined,
      standIn,
      facts,
    };
    this.current = opened;
    closeIfForgotten(this, opened);
    if (!standIn) return opened;
    this.#standIn = opened;
    return this.#stand();
  }

  #create(choice: Choice, options: EngineOptions): Engine {
    const { factory, decidedBy } = choice;
    try {
      return factory.create(options);
    } catch (error) {
      // What was probed a moment ago may fail now: too many files open, too little memory.
      if (decidedBy !== "capability" || factory.name === PREFERENCE.at(-1)) throw error;
      this.#choice = { factory: threadPool, decidedBy, missed: missedBy(factory.name, error) };
      this.#askAgainAt = performance.now() + ENGINE_RETRY_MS;
      return threadPool.create(options);
    }
  }

  /** Whatever may have operations in flight. */
  #sessions(): readonly Session[] {
    const all = [this.current, this.#ending, this.#failed, this.#standIn];
    return all.filter((session) => session !== undefined);
  }

  /** The engine has failed for good: what it has it settles, and another takes what comes. */
  #retire(session: Session, error: Error): void {
    const { factory, decidedBy } = this.#choice as Choice;
    if (decidedBy !== "capability" || factory === threadPool) return;
    // Whoever keeps the session, as handles and streams do, goes on with it.
    session.scheduler.replaceEngine();
    if (this.current !== session) return;
    const missed = { name: factory.name, reason: error.message, passing: false };
    this.#choice = { factory: threadPool, decidedBy, missed };
    session.retired = true;
    this.current = undefined;
    this.#failed = session;
    this.#retired = closeWhenQuiet(session);
  }

  /** Uses the thread pool until nothing is in flight there: then the better engine is asked again. */
  #stand(): Session {
    const session = this.#standIn as Session;
    this.current = session;
    const leave = () => {
      if (this.current === session) this.current = undefined;
    };
    process.nextTick(() => session.scheduler.whenQuiet(leave));
    return session;
  }

  #setReferenced(referenced: boolean): this {
    this.#referenced = referenced;
    (this.current ?? this.#ending)?.scheduler.setReferenced(referenced);
    return this;
  }

  async #close(): Promise<void> {
    await this.#retired;
    const session = this.#ending;
    if (session === undefined) return;
    await closeWhenQuiet(session);
    this.#ending = undefined;
    const other = this.#standIn;
    if (other !== undefined && other !== session) await closeWhenQuiet(other);
  }
}

/** Who knows the file positions of an engine's descriptors, where anyone does. */
export function positionsFor(engine: Engine): FilePositions | undefined {
  // Its own: what stands in Object.prototype is not the engine's.
  if (engine.descriptors !== undefined && Object.hasOwn(engine, "descriptors")) {
    return positionsOf(engine.descriptors);
  }
  const native = loadNative();
  return native.available ? positionsOf(native.addon) : undefined;
}

/** Whether the engine keeps a chain in order by itself, and breaks it where it should break. */
function ordersNatively(prepared: readonly Prepared[], engine: Engine, hard: boolean): boolean {
  const { capabilities, longestChain, depth } = engine;
  if (!capabilities.links || prepared.length > Math.min(longestChain, depth)) return false;
  return prepared.every(({ request: { kind, drain }, extras }, i) => {
    const options = extras?.options;
    const [signal, deadlineMs] = [options?.signal, options?.deadlineMs];
    const last = i === prepared.length - 1;
    return (
      capabilities.operations[kind] === true &&
      // A wall that we build ourselves would come between the members.
      (!drain || capabilities.drain) &&
      (last || hard || capabilities.breaksLink?.[kind] !== false) &&
      // What never starts, or is timed by us, cannot be tied to others in the kernel.
      signal?.aborted !== true &&
      (deadlineMs === undefined || (capabilities.deadline && !capabilities.withoutDeadline?.[kind]))
    );
  });
}

function checkOptions(options: ProactorOptions): Omit<EngineOptions, "wake"> {
  const {
    engine,
    entries = DEFAULT_ENTRIES,
    depth = DEFAULT_DEPTH,
    sqPoll = false,
    sqPollIdleMs = DEFAULT_SQ_POLL_IDLE_MS,
    ioWorkers = DEFAULT_IO_WORKERS,
    poolBytes = DEFAULT_POOL_BYTES,
  } = options;
  validateInteger(poolBytes, "options.poolBytes", MIN_POOL_BUFFER_BYTES);
  if (engine !== undefined) {
    validateString(engine, "options.engine");
    engineName(engine, "options.engine");
  }
  validateInteger(entries, "options.entries", 1, MAX_ENTRIES);
  validateInteger(depth, "options.depth", 1, MAX_DEPTH);
  validateBoolean(sqPoll, "options.sqPoll");
  validateInteger(sqPollIdleMs, "options.sqPollIdleMs", 0, 0x7fff_ffff);
  validateInteger(ioWorkers, "options.ioWorkers", 1, MAX_IO_WORKERS);
  const most = Math.max(entries * 2, Math.min(depth, MAX_COMPLETION_ENTRIES));
  const { completionEntries = most } = options;
  validateInteger(completionEntries, "options.completionEntries", entries, MAX_COMPLETION_ENTRIES);
  return { entries, completionEntries, depth, sqPoll, sqPollIdleMs, ioWorkers };
}
