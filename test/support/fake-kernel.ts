import {
  IO_URING_OP_SUPPORTED,
  IORING_CQ_EVENTFD_DISABLED,
  IORING_CQE_F_MORE,
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_EXT_ARG,
  IORING_OFF_SQES,
  IORING_REGISTER_PROBE,
  IORING_REGISTER_RING_FDS,
  IORING_SETUP_NO_SQARRAY,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_NEED_WAKEUP,
  IORING_SQ_TASKRUN,
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
import { EINVAL } from "../../src/abi/linux.ts";
import { REQUIRED_FEATURES } from "../../src/engines/io-uring/setup.ts";
import type { NativeAddon, Wakeup, WakeupKind } from "../../src/native/addon.ts";

/** One SQE as the simulated kernel took it: a copy of its words, and the usual fields. */
export interface TakenSqe {
  readonly words: Uint32Array;
  readonly opcode: number;
  /** IOSQE_* */
  readonly flags: number;
  readonly fd: number;
  /** Both halves of `user_data`. */
  readonly low: number;
  readonly high: number;
}

/** Words of the simulated ring: where counters and entries stand. */
const SQ_HEAD = 0;
const SQ_TAIL = 1;
const SQ_FLAGS = 2;
const CQ_HEAD = 3;
const CQ_TAIL = 4;
const CQ_FLAGS = 5;
const CQ_OVERFLOW = 6;
const CQES = 16;

/** The functions of the addon that an io_uring engine calls. */
type Simulated =
  | `uring${string}`
  | `ring${string}`
  | `wakeup${string}`
  | "addressOf"
  | "allocate"
  | "closeFd"
  | "descriptorFacts"
  | "directAlignment"
  | "eventfd"
  | "fcntlGetFlags"
  | "hold"
  | "map"
  | "mountMagic"
  | "statxCached"
  | "unmap";

/**
 * io_uring without a kernel: the addon's functions over ordinary memory, so that a test decides
 * what is taken, what it answers, and when. Nothing completes unless the test posts it.
 *
 * Addresses are invented; `bytesAt` finds what one of them means.
 */
export class FakeKernel implements Pick<NativeAddon, Extract<keyof NativeAddon, Simulated>> {
  /** Setup flags that this kernel does not know: EINVAL. */
  unknownSetupFlags = 0;
  /** What io_uring_setup answers instead of a descriptor. */
  setupResult: number | undefined;
  features: number = REQUIRED_FEATURES | IORING_FEAT_EXT_ARG;
  /** Every set of flags that was tried. */
  readonly setupFlags: number[] = [];
  /** Answers of the next calls of io_uring_enter; undefined acts as a healthy kernel does. */
  readonly enterResults: (number | undefined)[] = [];
  /** Every call of io_uring_enter. */
  readonly enters: { toSubmit: number; minimum: number; flags: number; result: number }[] = [];
  /** Called for every SQE as it is taken. */
  onSqe: (sqe: TakenSqe) => void = () => {};
  /** Every SQE taken so far. */
  readonly taken: TakenSqe[] = [];
  /** What is open: descriptors given out and not closed. */
  readonly open = new Set<number>();
  /** Opcodes that are not supported. */
  readonly missingOpcodes = new Set<number>();
  /** Answers of calls by name, in place of success: `refuse.set("eventfd", -24)`. */
  readonly refuse = new Map<string, number>();
  /** Names of calls whose order may matter. */
  readonly log: string[] = [];
  referenced = false;

  #words = new Uint32Array(CQES);
  #sqes = new Uint32Array(0);
  #sqEntries = 0;
  #cqEntries = 0;
  #array = -1;
  #overflowed: number[][] = [];
  #nextFd = 1000;
  #nextAddress = 0x7f12_3450_0000;
  readonly #bases = new WeakMap<ArrayBufferLike, number>();
  readonly #memory: [number, ArrayBufferLike][] = [];
  #wake: (() => void) | undefined;
  #start = 0;
  #deferred: (() => void)[] = [];
  /** The flag says that there is work, and there is none: it stays until there is. */
  #late = false;

  /** What `statxCached` answers: a mount, or -ENOSYS as before Linux 6.8. */
  mount = -38;
  /** The file system of every mount: ext4. */
  magic = 0xef53;

  /** As the addon that it stands for. */
  get addon(): NativeAddon {
    return this as unknown as NativeAddon;
  }

  /** The memory at an invented address. */
  bytesAt(address: number, length: number): Uint8Array {
    for (const [base, buffer] of this.#memory) {
      if (address >= base && address + length <= base + buffer.byteLength) {
        return new Uint8Array(buffer, address - base, length);
      }
    }
    throw new Error(`Nobody's memory: 0x${address.toString(16)}`);
  }

  /** The C string at an invented address. */
  stringAt(address: number): string {
    let length = 0;
    while (this.bytesAt(address + length, 1)[0] !== 0) length++;
    return Buffer.from(this.bytesAt(address, length)).toString();
  }

  /** Moves both counters of both rings, before the engine has looked at them. */
  startCountingAt(value: number): void {
    this.#start = value >>> 0;
  }

  /** Puts a CQE into the queue, or into the backlog when the queue is full. Wakes who sleeps. */
  post(low: number, high: number, result: number, flags = 0): void {
    this.#overflowed.push([low, high, result, flags]);
    if (!this.#flush()) this.#raise(IORING_SQ_CQ_OVERFLOW);
    this.signal();
  }

  /** Completes a request. */
  answer(sqe: TakenSqe, result: number, more = false): void {
    this.post(sqe.low, sqe.high, result, more ? IORING_CQE_F_MORE : 0);
  }

  /** What the eventfd does: calls the engine back later, unless it asked not to be. */
  signal(): void {
    if ((this.#word(CQ_FLAGS) & IORING_CQ_EVENTFD_DISABLED) !== 0) return;
    setImmediate(() => this.#wake?.());
  }

  /** Says that completion work waits for the next enter; it is done there. */
  defer(work: () => void): void {
    this.#deferred.push(work);
    this.#raise(IORING_SQ_TASKRUN);
    this.signal();
  }

  /** Says that there is work after it was done: the kernel adds work first, and says so then. */
  deferTooLate(): void {
    this.#raise(IORING_SQ_TASKRUN);
    this.#late = true;
  }

  /** Says that the thread of SQPOLL sleeps. */
  sleepSqPoll(): void {
    this.#raise(IORING_SQ_NEED_WAKEUP);
  }

  /** Whether the engine wants to be woken. */
  get eventfdEnabled(): boolean {
    return (this.#word(CQ_FLAGS) & IORING_CQ_EVENTFD_DISABLED) === 0;
  }

  uringSetup(entries: number, params: Uint8Array): number {
    const view = new DataView(params.buffer, params.byteOffset, params.byteLength);
    const flags = view.getUint32(PARAMS_FLAGS, true);
    this.setupFlags.push(flags);
    if (this.setupResult !== undefined) return this.setupResult;
    if ((flags & this.unknownSetupFlags) !== 0) return -EINVAL;
    this.#sqEntries = 2 ** Math.ceil(Math.log2(entries));
    this.#cqEntries = 2 ** Math.ceil(Math.log2(view.getUint32(PARAMS_CQ_ENTRIES, true)));
    const cqesEnd = CQES + this.#cqEntries * 4;
    this.#array = (flags & IORING_SETUP_NO_SQARRAY) === 0 ? cqesEnd : -1;
    this.#words = new Uint32Array(cqesEnd + this.#sqEntries);
    for (const at of [SQ_HEAD, SQ_TAIL, CQ_HEAD, CQ_TAIL]) this.#words[at] = this.#start;
    // An engine that forgets to fill the indirection array must not get away with it.
    this.#words.fill(0xdead, cqesEnd);
    this.#sqes = new Uint32Array(this.#sqEntries * 16);
    const set = (offset: number, value: number) => view.setUint32(offset, value, true);
    set(PARAMS_SQ_ENTRIES, this.#sqEntries);
    set(PARAMS_CQ_ENTRIES, this.#cqEntries);
    set(PARAMS_FEATURES, this.features);
    set(PARAMS_SQ_OFF_HEAD, SQ_HEAD * 4);
    set(PARAMS_SQ_OFF_TAIL, SQ_TAIL * 4);
    set(PARAMS_SQ_OFF_FLAGS, SQ_FLAGS * 4);
    set(PARAMS_SQ_OFF_ARRAY, this.#array === -1 ? 0 : this.#array * 4);
    set(PARAMS_CQ_OFF_HEAD, CQ_HEAD * 4);
    set(PARAMS_CQ_OFF_TAIL, CQ_TAIL * 4);
    set(PARAMS_CQ_OFF_FLAGS, CQ_FLAGS * 4);
    set(PARAMS_CQ_OFF_OVERFLOW, CQ_OVERFLOW * 4);
    set(PARAMS_CQ_OFF_CQES, CQES * 4);
    return this.#opened();
  }

  uringEnter(_fd: number, toSubmit: number, minimum: number, flags: number): number {
    const scripted = this.enterResults.shift();
    let result = scripted ?? toSubmit;
    if (result > 0) result = this.#take(result);
    if (scripted === undefined || scripted >= 0) {
      const work = this.#deferred;
      this.#deferred = [];
      if (work.length > 0) this.#late = false;
      if (!this.#late) this.#lower(IORING_SQ_TASKRUN);
      for (const run of work) run();
      if ((flags & IORING_ENTER_GETEVENTS) !== 0) this.#flush();
    }
    this.enters.push({ toSubmit, minimum, flags, result });
    return result;
  }

  uringEnterArg(fd: number, toSubmit: number, minimum: number, flags: number): number {
    return this.uringEnter(fd, toSubmit, minimum, flags);
  }

  uringRegister(_fd: number, opcode: number, argAddress: number, nrArgs: number): number {
    this.log.push(`register ${opcode}`);
    const refused = this.refuse.get(`register ${opcode}`);
    if (refused !== undefined) return refused;
    if (opcode === IORING_REGISTER_RING_FDS) return -EINVAL;
    if (opcode !== IORING_REGISTER_PROBE) return 0;
    const probe = this.bytesAt(argAddress, PROBE_OPS + nrArgs * PROBE_OP_SIZE);
    for (let op = 0; op < 63; op++) {
      const supported = this.missingOpcodes.has(op) ? 0 : IO_URING_OP_SUPPORTED;
      probe[PROBE_OPS + op * PROBE_OP_SIZE + PROBE_OP_FLAGS] = supported;
    }
    return 0;
  }

  ringGuard(): number {
    return this.refuse.get("ringGuard") ?? 0;
  }

  ringCloseWith(): number {
    return 0;
  }

  ringForsake(): number {
    this.log.push("ringForsake");
    return 0;
  }

  ringUnguard(): number {
    this.log.push("ringUnguard");
    return 0;
  }

  map(_fd: number, _length: number, offset: number): ArrayBuffer | number {
    const refused = this.refuse.get("map");
    if (refused !== undefined) return refused;
    return (offset === IORING_OFF_SQES ? this.#sqes : this.#words).buffer as ArrayBuffer;
  }

  unmap(): number {
    return 0;
  }

  allocate(length: number): ArrayBuffer | number {
    return this.refuse.get("allocate") ?? new ArrayBuffer(length);
  }

  addressOf(memory: ArrayBufferView | ArrayBufferLike): number {
    const buffer = ArrayBuffer.isView(memory) ? memory.buffer : memory;
    let base = this.#bases.get(buffer);
    if (base === undefined) {
      base = this.#nextAddress;
      // Not all in one place, so that a high word that is left out is noticed.
      this.#nextAddress += Math.ceil(buffer.byteLength / 4096) * 4096 + 0x3_0000_0000;
      this.#bases.set(buffer, base);
      this.#memory.push([base, buffer]);
    }
    return base + (ArrayBuffer.isView(memory) ? memory.byteOffset : 0);
  }

  hold(memory: ArrayBuffer): ArrayBuffer | undefined {
    return memory;
  }

  eventfd(): number {
    return this.refuse.get("eventfd") ?? this.#opened();
  }

  closeFd(fd: number): number {
    this.log.push(`close ${fd}`);
    return this.open.delete(fd) ? 0 : -9;
  }

  fcntlGetFlags(): number {
    return 0;
  }

  descriptorFacts(): number {
    return 0;
  }

  directAlignment(): number {
    return -95;
  }

  statxCached(): number {
    this.log.push("statx");
    return this.mount;
  }

  mountMagic(mount: number): number {
    this.log.push(`mount ${mount}`);
    return this.magic;
  }

  wakeupOpen(_fd: number, callback: () => void): Wakeup | number {
    const refused = this.refuse.get("wakeupOpen");
    if (refused !== undefined) return refused;
    this.#wake = callback;
    return {} as Wakeup;
  }

  wakeupRef(): void {
    this.referenced = true;
  }

  wakeupSend(): void {}

  wakeupUnref(): void {
    this.referenced = false;
  }

  wakeupClose(): void {
    this.log.push("wakeupClose");
    this.#wake = undefined;
  }

  wakeupKind(): WakeupKind {
    return "uv_poll";
  }

  uringAbi(): Record<string, number> {
    return {};
  }

  /** Takes up to `count` published SQEs, in order. */
  #take(count: number): number {
    let taken = 0;
    while (taken < count && this.#word(SQ_HEAD) !== this.#word(SQ_TAIL)) {
      const slot = this.#word(SQ_HEAD) & (this.#sqEntries - 1);
      const entry = this.#array === -1 ? slot : this.#word(this.#array + slot);
      const words = this.#sqes.slice(entry * 16, entry * 16 + 16);
      if (words.length !== 16) throw new Error(`The indirection array says ${entry}`);
      const [first = 0, fd = 0] = words;
      const sqe = {
        words,
        opcode: first & 0xff,
        flags: (first >>> 8) & 0xff,
        fd: fd | 0,
        low: words[8] as number,
        high: words[9] as number,
      };
      this.#words[SQ_HEAD] = this.#word(SQ_HEAD) + 1;
      // What the kernel has read, it does not read again. Flags and user data stay: the engine may
      // look at what it wrote.
      this.#sqes.fill(0xffff_ffff, entry * 16 + 1, entry * 16 + 8);
      this.#sqes.fill(0xffff_ffff, entry * 16 + 10, entry * 16 + 16);
      this.taken.push(sqe);
      taken++;
      this.onSqe(sqe);
    }
    return taken;
  }

  /** Moves the backlog into the queue. True if all of it fitted. */
  #flush(): boolean {
    while (this.#overflowed.length > 0) {
      const tail = this.#word(CQ_TAIL);
      if ((tail - this.#word(CQ_HEAD)) >>> 0 >= this.#cqEntries) return false;
      const cqe = this.#overflowed.shift() as number[];
      this.#words.set(cqe, CQES + (tail & (this.#cqEntries - 1)) * 4);
      this.#words[CQ_TAIL] = tail + 1;
    }
    this.#lower(IORING_SQ_CQ_OVERFLOW);
    return true;
  }

  #raise(flag: number): void {
    this.#words[SQ_FLAGS] = this.#word(SQ_FLAGS) | flag;
  }

  #lower(flag: number): void {
    this.#words[SQ_FLAGS] = this.#word(SQ_FLAGS) & ~flag;
  }

  #word(at: number): number {
    return this.#words[at] as number;
  }

  #opened(): number {
    const fd = this.#nextFd++;
    this.open.add(fd);
    return fd;
  }
}
