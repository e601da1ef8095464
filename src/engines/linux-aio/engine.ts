import { EAGAIN, ECANCELED, EINPROGRESS, EOPNOTSUPP } from "../../abi/linux.ts";
import { IO_EVENT_SIZE, IOCB_CMD_NOOP, IOCB_FLAG_RESFD, IOCB_SIZE } from "../../abi/linux-aio.ts";
import { systemError } from "../../base/errors.ts";
import { COMPLETIONS_PER_TURN, IOV_MAX } from "../../base/limits.ts";
import {
  type CompletionSink,
  type Engine,
  type EngineCapabilities,
  type EngineOptions,
  OperationKind,
  QueueStatus,
  type Request,
} from "../../core/index.ts";
import type { NativeAddon, Wakeup } from "../../native/addon.ts";
import { capabilitiesOf, probePoll } from "./capabilities.ts";
import { Polls } from "./polls.ts";
import { COMMANDS, prepareIocb, writeIocb } from "./requests.ts";
import { openContext } from "./setup.ts";
import { Vectors } from "./vectors.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const { Busy: BUSY, Queued: QUEUED } = QueueStatus;
const { Poll: POLL, Writev: WRITEV } = OperationKind;
const COMMAND_OF = COMMANDS;

/** Words of an iocb, and of an event. */
const IOCB_WORDS = IOCB_SIZE / 4;
const EVENT_WORDS = IO_EVENT_SIZE / 4;

/** Events that are reaped at once: a turn of the runtime takes no more. */
const EVENTS = COMPLETIONS_PER_TURN;

/** Words beside the arrays: a timespec, and an event that io_cancel might write. */
const MISC = { time: 0, event: 4, words: 16 } as const;

/**
 * Linux native AIO, io_submit(2).
 *
 * `queue` writes an iocb, `commit` hands over what is staged with one io_submit, `reap` takes
 * completions out of the ring that the kernel maps into the process. `aio_data` is the slot's index
 * (low) and generation (high).
 *
 * - The kernel copies an iocb, and the array of vectors it points to, within io_submit. So iocbs
 *   lie in the order in which they are staged and are written anew for the next batch. Only polls
 *   have one of their own until they are done, because io_cancel knows a request by that address.
 * - There is no flag that keeps the kernel from signaling, so every request carries the eventfd,
 *   and while the program is awake its counter just rises. Before it sleeps we read the counter,
 *   if there can be anything in it, and look at the ring once more: the kernel puts an event into
 *   the ring first and signals after that, so none can slip through. The read costs 0.2 µs; to let
 *   the loop wake for nothing would cost ten times that.
 */
export class LinuxAioEngine implements Engine {
  readonly name = "linux_aio";
  readonly capabilities: EngineCapabilities;
  readonly depth: number;
  readonly longestChain = 0;

  readonly #addon: NativeAddon;
  readonly #context: number;
  /** How many iocbs can be staged. */
  readonly #entries: number;
  /** The iocbs of a batch; behind them, those of polls. */
  readonly #iocbs: Uint32Array;
  readonly #iocbsAddress: number;
  /** What io_submit is given: addresses, low and high word. */
  readonly #pointers: Uint32Array;
  readonly #pointersAddress: number;
  readonly #events: Int32Array;
  readonly #eventsAddress: number;
  readonly #misc: Uint32Array;
  readonly #miscAddress: number;
  readonly #vectors: Vectors;
  readonly #polls: Polls;
  readonly #eventFd: number;
  readonly #wakeup: Wakeup;
  /** Completions are read out of the mapped ring; else with io_getevents. */
  readonly #mapped: boolean;

  /** The first staged iocb that the kernel has not taken, and the end of the staged ones. */
  #first = 0;
  #staged = 0;
  /** Pointers lead to iocbs of polls. */
  #redirected = false;
  /** Queued and not reaped. */
  #accepted = 0;
  /** Taken by the kernel and not reaped. */
  #inFlight = 0;
  /** Index, generation and result of what completed without the ring, three numbers each. */
  readonly #done: number[] = [];
  /** The eventfd may have been signaled since it was read. */
  #signaled = false;
  #referenced = false;
  /** Transfers that io_submit did itself, as far as the runtime could tell. */
  #blocked = 0;

  constructor(addon: NativeAddon, options: EngineOptions) {
    this.#addon = addon;
    const { id, requests } = openContext(addon, options.depth);
    this.#context = id;
    this.depth = requests;
    this.#entries = Math.min(options.entries, requests);
    this.#iocbs = this.#allocate((this.#entries + requests) * IOCB_SIZE);
    this.#iocbsAddress = addon.addressOf(this.#iocbs);
    this.#pointers = this.#allocate(this.#entries * 8);
    this.#pointersAddress = addon.addressOf(this.#pointers);
    this.#events = new Int32Array(this.#allocate(EVENTS * IO_EVENT_SIZE).buffer);
    this.#eventsAddress = addon.addressOf(this.#events);
    this.#misc = this.#allocate(MISC.words * 4);
    this.#miscAddress = addon.addressOf(this.#misc);
    this.#vectors = new Vectors(addon, this.#allocate(IOV_MAX * 4 * 16).buffer);
    this.#polls = new Polls(this.#entries);
    this.#direct();

    this.#eventFd = this.#check(addon.eventfd(), "eventfd");
    this.#check(addon.aioCloseWith(id, this.#eventFd), "io_setup");
    const hasPoll = probePoll(addon, id, this.#eventFd, {
      iocb: this.#iocbs.subarray(0, IOCB_WORDS),
      pointerAddress: this.#pointersAddress,
      eventAddress: this.#eventsAddress,
    });
    for (let i = 0; i < this.#entries; i++) {
      prepareIocb(this.#iocbs, i * IOCB_WORDS, IOCB_FLAG_RESFD, this.#eventFd);
    }
    const wakeup = addon.wakeupOpen(this.#eventFd, options.wake, needsWakeupThread());
    this.#wakeup = typeof wakeup === "number" ? this.#fail(wakeup, "uv_poll_init") : wakeup;
    this.#mapped = addon.aioReady(id) >= 0;
    this.capabilities = capabilitiesOf(hasPoll);
  }

  get details(): Readonly<Record<string, string | number | boolean>> {
    return {
      entries: this.#entries,
      contextRequests: this.depth,
      completions: this.#mapped ? "mapped ring" : "io_getevents",
      wakeup: this.#addon.wakeupKind(this.#wakeup),
      blocks: "io_submit itself transfers what was not opened with O_DIRECT",
      blockedTransfers: this.#blocked,
    };
  }

  queue(request: Request, index: number, generation: number): QueueStatus {
    const at = this.#staged;
    if (at === this.#entries || this.#accepted === this.depth) return BUSY;
    this.#accepted++;
    const { kind } = request;
    if (request.fixedFile === true || COMMAND_OF[kind] === -1) {
      this.#done.push(index, generation, -EOPNOTSUPP);
      return QUEUED;
    }
    this.#staged = at + 1;
    if (request.direct !== true && kind <= WRITEV) this.#blocked++;
    const cell = kind === POLL ? this.#pollCell(at, request.flags, index, generation) : at;
    writeIocb(this.#iocbs, cell * IOCB_WORDS, request, index, generation, this.#vectors);
    return QUEUED;
  }

  commit(): number {
    const staged = this.#staged;
    if (staged === 0) return 0;
    const addon = this.#addon;
    let first = this.#first;
    let taken = 0;
    while (first < staged) {
      const address = this.#pointersAddress + first * 8;
      const result = addon.aioSubmit(this.#context, staged - first, address);
      if (result > 0) {
        taken += result;
        first += result;
        this.#inFlight += result;
      } else if (result === -EAGAIN || result === 0) {
        // No room in the context, or no memory: what is left stays staged.
        this.#first = first;
        return -EAGAIN;
      } else {
        // Any other refusal is meant for the first iocb; the kernel has not looked further.
        this.#refuse(first, result);
        first++;
      }
    }
    this.#first = 0;
    this.#staged = 0;
    this.#vectors.reset();
    if (this.#redirected) this.#direct();
    return taken;
  }

  reap(sink: CompletionSink, max: number): number {
    const told = this.#done.length === 0 ? 0 : this.#tell(sink, max);
    if (this.#inFlight === 0 || told === max) return told;
    const count = this.#take(Math.min(max - told, EVENTS));
    if (count <= 0) return told;
    const events = this.#events;
    const polls = this.#polls;
    const end = count * EVENT_WORDS;
    for (let at = 0; at < end; at += EVENT_WORDS) {
      const index = events[at] as number;
      let result = events[at + 4] as number;
      if (polls.size > 0) result = polls.end(index, events[at + 1] as number, result);
      sink.complete(index, events[at + 1] as number, result, false);
    }
    this.#accepted -= count;
    return told + count;
  }

  cancel(index: number, generation: number): boolean {
    if (this.#cancelStaged(index, generation)) {
      this.#done.push(index, generation, -ECANCELED);
      return true;
    }
    const cell = this.#polls.find(index, generation);
    if (cell === -1) return false;
    const address = this.#iocbsAddress + cell * IOCB_SIZE;
    const event = this.#miscAddress + MISC.event * 4;
    const result = this.#addon.aioCancel(this.#context, address, event);
    if (result !== 0 && result !== -EINPROGRESS) return false;
    this.#polls.canceled(index);
    return true;
  }

  /** The kernel cannot be told to be quiet, and a counter that rises disturbs nobody. */
  awake(): void {}

  idle(): boolean {
    if (this.#hasEvents()) return true;
    if (!this.#signaled) return false;
    this.#addon.eventfdTake(this.#eventFd);
    this.#signaled = false;
    // What completed before its signal was taken shows now; what completes later signals again.
    return this.#hasEvents();
  }

  setReferenced(referenced: boolean): void {
    if (referenced === this.#referenced) return;
    this.#referenced = referenced;
    if (referenced) this.#addon.wakeupRef(this.#wakeup);
    else this.#addon.wakeupUnref(this.#wakeup);
  }

  wait(minimum: number, timeoutMs: number): void {
    const known = this.#done.length / 3;
    const wanted = Math.min(minimum - known, this.#inFlight, EVENTS);
    if (wanted <= 0) return;
    let time = 0;
    if (timeoutMs !== Number.POSITIVE_INFINITY) {
      time = this.#miscAddress + MISC.time * 4;
      this.#setTime(timeoutMs);
    }
    const { id, events } = { id: this.#context, events: this.#eventsAddress };
    this.#keep(this.#note(this.#addon.aioGetevents(id, wanted, EVENTS, events, time)));
  }

  close(): void {
    const addon = this.#addon;
    addon.wakeupClose(this.#wakeup);
    addon.aioDestroy(this.#context);
    addon.closeFd(this.#eventFd);
  }

  /** Whether `reap` would find something. */
  #hasEvents(): boolean {
    if (this.#done.length > 0) return true;
    if (this.#inFlight === 0) return false;
    if (this.#mapped) return this.#addon.aioReady(this.#context) > 0;
    this.#keep(this.#take(EVENTS));
    return this.#done.length > 0;
  }

  /** Takes events from the kernel; they lie in `#events` afterwards. */
  #take(max: number): number {
    const { id, events } = { id: this.#context, events: this.#eventsAddress };
    if (this.#mapped) return this.#note(this.#addon.aioReap(id, max, events));
    this.#setTime(0);
    const time = this.#miscAddress + MISC.time * 4;
    return this.#note(this.#addon.aioGetevents(id, 0, max, events, time));
  }

  /** Notes that so many events were taken, and their signals given. */
  #note(count: number): number {
    if (count <= 0) return 0;
    this.#inFlight -= count;
    this.#signaled = true;
    return count;
  }

  /** Keeps what `#events` holds for the next `reap`. */
  #keep(count: number): void {
    const events = this.#events;
    for (let at = 0; at < count * EVENT_WORDS; at += EVENT_WORDS) {
      const [index = 0, generation = 0, , , result = 0] = events.subarray(at, at + EVENT_WORDS);
      this.#done.push(index, generation, this.#polls.end(index, generation, result));
    }
  }

  #tell(sink: CompletionSink, max: number): number {
    const done = this.#done;
    const count = Math.min(done.length / 3, max);
    for (let i = 0; i < count * 3; i += 3) {
      sink.complete(done[i] as number, done[i + 1] as number, done[i + 2] as number, false);
    }
    done.splice(0, count * 3);
    this.#accepted -= count;
    return count;
  }

  /** Gives a poll an iocb that it keeps, and leads the pointer of its place there. */
  #pollCell(at: number, events: number, index: number, generation: number): number {
    const cell = this.#polls.begin(index, generation, events);
    prepareIocb(this.#iocbs, cell * IOCB_WORDS, IOCB_FLAG_RESFD, this.#eventFd);
    this.#point(at, cell);
    this.#redirected = true;
    return cell;
  }

  #point(at: number, cell: number): void {
    const address = this.#iocbsAddress + cell * IOCB_SIZE;
    this.#pointers[at * 2] = address;
    this.#pointers[at * 2 + 1] = address / 0x1_0000_0000;
  }

  /** Leads every pointer to the iocb of its place. */
  #direct(): void {
    for (let i = 0; i < this.#entries; i++) this.#point(i, i);
    this.#redirected = false;
  }

  /** The iocb that a pointer leads to. */
  #cellAt(at: number): number {
    // Both are words of one region below 4 GiB, so that the difference survives a carry.
    const distance = (this.#pointers[at * 2] as number) - this.#iocbsAddress;
    return (distance >>> 0) / IOCB_SIZE;
  }

  /** Finds a request that the kernel has not seen, and makes it one that the kernel refuses. */
  #cancelStaged(index: number, generation: number): boolean {
    const w = this.#iocbs;
    for (let i = this.#first; i < this.#staged; i++) {
      const cell = this.#cellAt(i);
      const at = cell * IOCB_WORDS;
      if (w[at] !== index || w[at + 1] !== generation || w[at + 4] === IOCB_CMD_NOOP) continue;
      w[at + 4] = IOCB_CMD_NOOP;
      w[at + 5] = -1;
      // The slot may have another tenant before the kernel has seen this iocb.
      if (cell >= this.#entries) this.#polls.forget(index);
      return true;
    }
    return false;
  }

  /** The kernel refused the iocb at a place: that is its completion. */
  #refuse(place: number, result: number): void {
    const cell = this.#cellAt(place);
    const at = cell * IOCB_WORDS;
    const w = this.#iocbs;
    if (w[at + 4] === IOCB_CMD_NOOP) {
      // It was canceled before the kernel saw it, and has completed already.
      if (cell >= this.#entries) this.#polls.free(cell);
      return;
    }
    const index = w[at] as number;
    const generation = w[at + 1] as number;
    this.#done.push(index, generation, this.#polls.end(index, generation, result));
  }

  #setTime(ms: number): void {
    const seconds = Math.floor(ms / 1000);
    const words = this.#misc;
    words[MISC.time] = seconds;
    words[MISC.time + 1] = seconds / 0x1_0000_0000;
    words[MISC.time + 2] = Math.floor((ms - seconds * 1000) * 1e6);
    words[MISC.time + 3] = 0;
  }

  #allocate(bytes: number): Uint32Array<ArrayBuffer> {
    const memory = this.#addon.allocate(bytes, 4096, false);
    return new Uint32Array(typeof memory === "number" ? this.#fail(memory, "mmap") : memory);
  }

  #check(result: number, syscall: string): number {
    return result >= 0 ? result : this.#fail(result, syscall);
  }

  /** Undoes what the constructor has done so far; what it has not is undefined. */
  #fail(result: number, syscall: string): never {
    this.#addon.aioDestroy(this.#context);
    if (this.#eventFd !== undefined) this.#addon.closeFd(this.#eventFd);
    throw systemError(result, syscall);
  }
}

/** Only Node has a libuv that we may use (Bun aborts the process, Deno stalls). */
function needsWakeupThread(): boolean {
  return process.versions.bun !== undefined || process.versions.deno !== undefined;
}
