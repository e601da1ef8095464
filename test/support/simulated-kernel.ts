import {
  IO_URING_OP_SUPPORTED,
  IORING_ENTER_REGISTERED_RING,
  IORING_FEAT_EXT_ARG,
  IORING_OFF_SQES,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_EVENTFD,
  IORING_REGISTER_FILES,
  IORING_REGISTER_PROBE,
  IORING_REGISTER_RING_FDS,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQPOLL,
  IORING_SQ_NEED_WAKEUP,
  IORING_UNREGISTER_BUFFERS,
  IORING_UNREGISTER_FILES,
  PARAMS_CQ_ENTRIES,
  PARAMS_CQ_OFF_CQES,
  PARAMS_CQ_OFF_FLAGS,
  PARAMS_CQ_OFF_HEAD,
  PARAMS_CQ_OFF_OVERFLOW,
  PARAMS_CQ_OFF_TAIL,
  PARAMS_FEATURES,
  PARAMS_FLAGS,
  PARAMS_SQ_ENTRIES,
  PARAMS_SQ_OFF_ARRAY,
  PARAMS_SQ_OFF_FLAGS,
  PARAMS_SQ_OFF_HEAD,
  PARAMS_SQ_OFF_TAIL,
  PROBE_OP_FLAGS,
  PROBE_OP_SIZE,
  PROBE_OPS,
} from "../../src/abi/io-uring.ts";
import { EBADF, EFAULT, EINVAL, ENOSYS } from "../../src/abi/linux.ts";
import { IoUringEngine } from "../../src/engines/io-uring/engine.ts";
import { REQUIRED_FEATURES } from "../../src/engines/io-uring/setup.ts";
import { MemoryFiles } from "../../src/engines/memory/files.ts";
import { Random } from "../../src/engines/memory/random.ts";
import {
  GUARD_CQ_HEAD,
  GUARD_FINALS,
  type NativeAddon,
  type Wakeup,
  type WakeupKind,
} from "../../src/native/addon.ts";
import type { ProactorOptions } from "../../src/runtime/proactor.ts";
import { EngineProactor } from "./memory-engine.ts";
import { AddressSpace } from "./simulated-kernel-memory.ts";
import { type RingRates, SimulatedRing, WORDS } from "./simulated-kernel-ring.ts";

/** How a kernel is simulated. */
export interface KernelTraits {
  /** Decides everything that is not decided by the program. */
  readonly seed?: number;
  readonly rates?: RingRates;
  /** Where the counters of both rings start; just before they wrap unless told. */
  readonly startAt?: number;
  /** Setup flags that it does not know. */
  readonly unknownFlags?: number;
  /** See {@link SimulatedRing}. */
  readonly busyWhileOverflowed?: boolean;
  /** The files; new ones unless told. */
  readonly files?: MemoryFiles;
}

/** The functions of the addon that the io_uring engine and the runtime call. */
type SimulatedFunctions = Pick<
  NativeAddon,
  | "uringSetup"
  | "uringEnter"
  | "uringEnterArg"
  | "uringRegister"
  | "ringGuard"
  | "ringUnguard"
  | "map"
  | "allocate"
  | "addressOf"
  | "hold"
  | "eventfd"
  | "closeFd"
  | "statxCached"
  | "wakeupOpen"
  | "wakeupRef"
  | "wakeupUnref"
  | "wakeupClose"
  | "wakeupKind"
>;

const RING_FD = 500;
const EVENT_FD = 501;
/** Opcodes that the probe answers. */
const OPCODES_KNOWN = 65;

/**
 * io_uring as a model in TypeScript, under the real engine and the real runtime: what the addon
 * exports, over ordinary ArrayBuffers. One ring, and files in memory behind it.
 *
 * Unlike {@link FakeKernel}, which does what a test tells it, this one acts by itself: requests are
 * done, in an order that the seed decides, while the event loop turns.
 */
export class SimulatedKernel implements SimulatedFunctions {
  readonly files: MemoryFiles;
  readonly memory = new AddressSpace();
  /** Every call of io_uring_enter: what was to be submitted, and the result. */
  readonly enters: {
    readonly toSubmit: number;
    readonly flags: number;
    readonly result: number;
  }[] = [];
  /** How many of the next signals of the eventfd get lost. */
  signalsToLose = 0;
  /** Whether the wake-up keeps the process alive. */
  referenced = false;
  readonly #traits: KernelTraits;
  readonly #random: Random;
  readonly #open = new Set<number>();
  #ring: SimulatedRing | undefined;
  #control: Uint32Array | undefined;
  #eventFdRegistered = false;
  #wake: (() => void) | undefined;
  #wakeDue = false;
  #ticking = false;

  constructor(traits: KernelTraits = {}) {
    this.#traits = traits;
    this.#random = new Random(traits.seed ?? 1);
    this.files = traits.files ?? new MemoryFiles();
    this.files.watchers.add(() => {
      this.#ring?.noteChange();
      this.#arrange();
    });
  }

  /** The addon, as far as the engine needs one. */
  get addon(): NativeAddon {
    return this as unknown as NativeAddon;
  }

  /** The ring, once it was set up. */
  get ring(): SimulatedRing {
    if (this.#ring === undefined) throw new Error("There is no ring yet");
    return this.#ring;
  }

  /** Descriptors of the kernel itself that are still open. */
  get openCount(): number {
    return this.#open.size;
  }

  uringSetup(entries: number, params: Uint8Array): number {
    const view = new DataView(params.buffer, params.byteOffset, params.byteLength);
    const flags = view.getUint32(PARAMS_FLAGS, true);
    if ((flags & (this.#traits.unknownFlags ?? 0)) !== 0) return -EINVAL;
    const powerOfTwo = (value: number) => 2 ** Math.ceil(Math.log2(value));
    const ring = new SimulatedRing({
      flags,
      sqEntries: powerOfTwo(entries),
      cqEntries: powerOfTwo(view.getUint32(PARAMS_CQ_ENTRIES, true)),
      startAt: this.#traits.startAt ?? 0xffff_fffb,
      rates: this.#traits.rates ?? {},
      busyWhileOverflowed: this.#traits.busyWhileOverflowed ?? false,
      random: this.#random,
      memory: this.memory,
      files: this.files,
      signal: () => this.#signal(),
    });
    this.#ring = ring;
    const set = (offset: number, value: number) => view.setUint32(offset, value, true);
    set(PARAMS_SQ_ENTRIES, ring.setup.sqEntries);
    set(PARAMS_CQ_ENTRIES, ring.setup.cqEntries);
    set(PARAMS_FEATURES, REQUIRED_FEATURES | IORING_FEAT_EXT_ARG);
    set(PARAMS_SQ_OFF_HEAD, WORDS.sqHead * 4);
    set(PARAMS_SQ_OFF_TAIL, WORDS.sqTail * 4);
    set(PARAMS_SQ_OFF_FLAGS, WORDS.sqFlags * 4);
    set(PARAMS_SQ_OFF_ARRAY, (flags & IORING_SETUP_NO_SQARRAY) === 0 ? ring.arrayAt * 4 : 0);
    set(PARAMS_CQ_OFF_HEAD, WORDS.cqHead * 4);
    set(PARAMS_CQ_OFF_TAIL, WORDS.cqTail * 4);
    set(PARAMS_CQ_OFF_FLAGS, WORDS.cqFlags * 4);
    set(PARAMS_CQ_OFF_OVERFLOW, WORDS.cqOverflow * 4);
    set(PARAMS_CQ_OFF_CQES, WORDS.cqes * 4);
    // A thread of the kernel begins to look at once.
    if ((flags & IORING_SETUP_SQPOLL) !== 0) this.#arrange();
    return this.#opened(RING_FD);
  }

  uringEnter(fd: number, toSubmit: number, minimum: number, flags: number): number {
    return this.#enter(fd, toSubmit, minimum, flags, Number.POSITIVE_INFINITY);
  }

  uringEnterArg(
    fd: number,
    toSubmit: number,
    minimum: number,
    flags: number,
    argAddress: number,
  ): number {
    // struct io_uring_getevents_arg: sigmask, sigmask_sz, min_wait_usec, ts.
    const [, , , , low = 0, high = 0] = this.memory.wordsAt(argAddress, 6) ?? [];
    const [seconds = 0, , nanoseconds = 0] =
      this.memory.wordsAt(high * 0x1_0000_0000 + low, 4) ?? [];
    return this.#enter(fd, toSubmit, minimum, flags, seconds * 1000 + nanoseconds / 1e6);
  }

  uringRegister(fd: number, opcode: number, argAddress: number, nrArgs: number): number {
    if (fd !== RING_FD) return -EBADF;
    const { registered } = this.ring;
    switch (opcode) {
      case IORING_REGISTER_RING_FDS: {
        // The index, 0, goes into the word that asked for any.
        const word = this.memory.bytesAt(argAddress, 4);
        if (word === undefined) return -EFAULT;
        word.fill(0);
        return 1;
      }
      case IORING_REGISTER_EVENTFD: {
        this.#eventFdRegistered = this.memory.wordsAt(argAddress, 1)?.[0] === EVENT_FD;
        return this.#eventFdRegistered ? 0 : -EBADF;
      }
      case IORING_REGISTER_PROBE:
        return this.#probe(argAddress, nrArgs);
      case IORING_REGISTER_FILES:
        registered.files = [...(this.memory.wordsAt(argAddress, nrArgs) ?? [])].map((n) => n | 0);
        return 0;
      case IORING_UNREGISTER_FILES:
        registered.files = undefined;
        return 0;
      case IORING_REGISTER_BUFFERS: {
        const words = this.memory.wordsAt(argAddress, nrArgs * 4) ?? new Uint32Array(0);
        registered.buffers = Array.from({ length: nrArgs }, (_, i) => {
          const [low = 0, high = 0, length = 0] = words.subarray(i * 4);
          return { address: high * 0x1_0000_0000 + low, length };
        });
        return 0;
      }
      case IORING_UNREGISTER_BUFFERS:
        registered.buffers = undefined;
        return 0;
      default:
        return -EINVAL;
    }
  }

  ringGuard(_fd: number, _params: Uint8Array, _rings: ArrayBuffer, control: ArrayBuffer): number {
    this.#control = new Uint32Array(control);
    return 0;
  }

  ringCloseWith(): number {
    return 0;
  }

  ringUnguard(): number {
    this.#control = undefined;
    return 0;
  }

  map(_fd: number, _length: number, offset: number): ArrayBuffer | number {
    return (offset === IORING_OFF_SQES ? this.ring.sqes : this.ring.words).buffer;
  }

  allocate(length: number): ArrayBuffer | number {
    return new ArrayBuffer(length);
  }

  addressOf(memory: ArrayBufferView | ArrayBufferLike): number {
    return this.memory.addressOf(memory);
  }

  hold(memory: ArrayBuffer): ArrayBuffer | undefined {
    return memory;
  }

  eventfd(): number {
    return this.#opened(EVENT_FD);
  }

  closeFd(fd: number): number {
    if (fd === RING_FD) this.#ring = undefined;
    return this.#open.delete(fd) ? 0 : -EBADF;
  }

  /** As before Linux 6.8: every status goes through the ring. */
  statxCached(): number {
    return -ENOSYS;
  }

  wakeupOpen(_fd: number, callback: () => void): Wakeup | number {
    this.#wake = callback;
    return {} as Wakeup;
  }

  wakeupRef(): void {
    this.referenced = true;
  }

  wakeupUnref(): void {
    this.referenced = false;
  }

  wakeupClose(): void {
    this.#wake = undefined;
  }

  wakeupKind(): WakeupKind {
    return "uv_poll";
  }

  #enter(fd: number, toSubmit: number, minimum: number, flags: number, timeoutMs: number): number {
    const registered = (flags & IORING_ENTER_REGISTERED_RING) !== 0;
    if (fd !== (registered ? 0 : RING_FD)) throw new Error(`Enter of no ring: ${fd}`);
    this.#checkGuard();
    const result = this.ring.enter(toSubmit, minimum, flags, timeoutMs);
    this.enters.push({ toSubmit, flags, result });
    this.#arrange();
    return result;
  }

  /** What C reads when the environment ends must be true at every moment. */
  #checkGuard(): void {
    const { words, setup, finalsUpTo } = this.ring;
    const head = words[WORDS.cqHead] as number;
    const consumed = (head - setup.startAt) >>> 0;
    const control = this.#control;
    if (control === undefined || consumed === 0) return;
    const finals = finalsUpTo[consumed];
    if (control[GUARD_CQ_HEAD] === head && control[GUARD_FINALS] === finals) return;
    throw new Error(
      `The guard is told ${control[GUARD_FINALS]} up to ${control[GUARD_CQ_HEAD]}: ` +
        `it is ${finals} up to ${head}`,
    );
  }

  #probe(address: number, opcodes: number): number {
    const probe = this.memory.bytesAt(address, PROBE_OPS + opcodes * PROBE_OP_SIZE);
    if (probe === undefined) return -EFAULT;
    for (let opcode = 0; opcode < Math.min(opcodes, OPCODES_KNOWN); opcode++) {
      probe[PROBE_OPS + opcode * PROBE_OP_SIZE + PROBE_OP_FLAGS] = IO_URING_OP_SUPPORTED;
    }
    return 0;
  }

  #signal(): void {
    if (!this.#eventFdRegistered) return;
    if (this.signalsToLose > 0) {
      this.signalsToLose--;
      return;
    }
    if (this.#wakeDue) return;
    this.#wakeDue = true;
    setImmediate(() => {
      this.#wakeDue = false;
      this.#wake?.();
    });
  }

  /** Lets time go on in the event loop, for as long as there is something to be done. */
  #arrange(): void {
    if (this.#ticking || this.#ring?.canMove !== true) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      this.#ring?.step();
      this.#arrange();
    });
  }

  /** The thread of SQPOLL sleeps. */
  get pollSleeps(): boolean {
    return ((this.ring.words[WORDS.sqFlags] as number) & IORING_SQ_NEED_WAKEUP) !== 0;
  }

  #opened(fd: number): number {
    this.#open.add(fd);
    return fd;
  }
}

/** A Proactor on the real io_uring engine, over a simulated kernel. */
export class SimulatedProactor extends EngineProactor {
  readonly kernel: SimulatedKernel;

  constructor(traits: KernelTraits = {}, options: ProactorOptions = {}) {
    const kernel = new SimulatedKernel(traits);
    super((engineOptions) => new IoUringEngine(kernel.addon, engineOptions), options, kernel.addon);
    this.kernel = kernel;
  }
}
