import {
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_NO_IOWAIT,
  IORING_ENTER_REGISTERED_RING,
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQ_REWIND,
} from "../../abi/io-uring.ts";
import { ProactorError, systemError } from "../../base/errors.ts";
import { INSPECT, type InspectArguments, shownAs } from "../../base/inspect.ts";
import type { Ring as MappedRing } from "../../engines/io-uring/setup.ts";
import type { NativeAddon } from "../../native/addon.ts";
import type { CompletionQueue, SubmissionQueue } from "../../ring/index.ts";
import { InFlight } from "./in-flight.ts";
import { type Pointer, resolve } from "./memory.ts";
import { closeAddress, dropRemains, keepRemains, type Remains } from "./remains.ts";

/** Rings that the teardown guard cannot read; see `ringGuard`. */
const UNGUARDED = IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_SQ_REWIND;

/** The control page: what the guard reads, then room for arguments of the enter call. */
export const CONTROL = { eventsArg: 16, words: 1024 } as const;

/**
 * What all verbs stand on: the mapped ring, entering the kernel, the end.
 *
 * The ring is one class in several files, each of which adds verbs to the one before.
 */
export abstract class RingCore {
  /** All SQEs, as words; an sqe is the index of its first. Another array after `resizeRings`. */
  sqes: Uint32Array;
  /** The words of the rings, signed; a cqe is the index of its first. Another after a resize. */
  cqes: Int32Array;
  /** The descriptor of the ring, or -1 when it exists only as a registration. */
  readonly ringFd: number;
  /** IORING_SETUP_* in force. */
  readonly flags: number;
  /** IORING_FEAT_* of this kernel. */
  readonly features: number;

  protected readonly addon: NativeAddon;
  protected mapped: MappedRing;
  protected sq: SubmissionQueue;
  protected cq: CompletionQueue;
  protected readonly inFlight = new InFlight();
  protected readonly control: Uint32Array;
  protected readonly controlAddress: number;
  /** All SQEs, two words at a time: to write zeros. */
  protected pairs: Float64Array;
  /** The words of an SQE, as a shift; a field, because it is used for every request. */
  protected shift: number;
  protected readonly isMixed: boolean;
  protected isOpen = true;
  /** What io_uring_enter is called with. */
  protected enterFd: number;
  protected enterFlags: number;
  /** What io_uring_register is called with. */
  protected registerFd: number;
  protected registerFlags: number;
  /** What outlives this object where the program forgets it. */
  readonly #remains: Remains;
  /** What the kernel keeps beyond single requests, by what it was registered as. */
  readonly #registered = new Map<string, unknown>();
  /** What is not registered any more, but may be in use until nothing is in flight. */
  protected readonly retired: unknown[] = [];

  /** @param mapped A ring that is set up and mapped, and nobody else uses. */
  constructor(addon: NativeAddon, mapped: MappedRing) {
    this.addon = addon;
    this.mapped = mapped;
    this.flags = mapped.flags;
    this.features = mapped.features;
    this.sq = mapped.sq;
    this.cq = mapped.cq;
    this.sqes = mapped.sq.sqes;
    this.pairs = pairsOf(this.sqes);
    this.cqes = mapped.cq.signedWords;
    this.shift = mapped.sq.shift;
    this.isMixed = (mapped.flags & IORING_SETUP_CQE_MIXED) !== 0;
    const isRegistration = (mapped.flags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0;
    this.ringFd = isRegistration ? -1 : mapped.fd;
    this.enterFd = mapped.fd;
    this.enterFlags = isRegistration ? IORING_ENTER_REGISTERED_RING : 0;
    this.registerFd = mapped.fd;
    this.registerFlags = isRegistration ? IORING_REGISTER_USE_REGISTERED_RING : 0;
    const page = addon.allocate(CONTROL.words * 4, 4096, false);
    if (typeof page === "number") throw systemError(page, "mmap");
    this.control = new Uint32Array(page);
    this.controlAddress = addon.addressOf(this.control);
    this.#remains = {
      addon,
      mapped,
      address: this.#address(),
      isGuarded: false,
      lent: this.inFlight.lent,
      registered: this.#registered,
      retired: this.retired,
      control: this.control,
    };
    this.guard();
    keepRemains(this, this.#remains);
  }

  #address(): Remains["address"] {
    const { ringFd, enterFd, enterFlags, registerFd, registerFlags } = this;
    return { ringFd, enterFd, enterFlags, registerFd, registerFlags };
  }

  /** After a change of how the kernel is called for this ring. */
  protected noteAddress(): void {
    this.#remains.address = this.#address();
  }

  /** Whether the end of this environment waits for the ring; see the `ringGuard` of the addon. */
  get isGuarded(): boolean {
    return this.#remains.isGuarded;
  }

  /** Shows its descriptor, its sizes, and how many requests are in flight. */
  [INSPECT](...how: InspectArguments): string {
    if (!this.isOpen) return shownAs("Ring", { state: "closed" }, how);
    const state = {
      fd: this.ringFd,
      sqEntries: this.sq.entries,
      cqEntries: this.cq.entries,
      inFlight: this.inFlight.total,
    };
    return shownAs("Ring", state, how);
  }

  protected guard(): void {
    if ((this.flags & UNGUARDED) !== 0) return;
    const { fd, params, ringMemory } = this.mapped;
    const page = this.control.buffer as ArrayBuffer;
    const result = this.addon.ringGuard(fd, params, ringMemory, page);
    if (result < 0) throw systemError(result, "io_uring_setup");
    this.#remains.isGuarded = true;
  }

  protected unguard(): void {
    if (this.isGuarded) this.addon.ringUnguard(this.mapped.fd);
    this.#remains.isGuarded = false;
  }

  /** Closes the ring, or ends its registration where that is all there is left. */
  protected closeRing(): void {
    this.unguard();
    dropRemains(this.#remains);
    closeAddress(this.#remains);
    this.isOpen = false;
    // The number may be somebody else's descriptor from now on.
    this.enterFd = -1;
    this.registerFd = -1;
  }

  /** Replaces the mapped ring after a resize. */
  protected remap(mapped: MappedRing): void {
    const wasGuarded = this.isGuarded;
    this.unguard();
    this.mapped = mapped;
    this.#remains.mapped = mapped;
    this.sq = mapped.sq;
    this.cq = mapped.cq;
    this.sqes = mapped.sq.sqes;
    this.pairs = pairsOf(this.sqes);
    this.cqes = mapped.cq.signedWords;
    if (wasGuarded) this.guard();
  }

  /** io_uring_enter(2) on this ring, without an argument. */
  protected enterRing(toSubmit: number, minComplete: number, flags: number): number {
    return this.addon.uringEnter(this.enterFd, toSubmit, minComplete, flags | this.enterFlags);
  }

  /** io_uring_enter(2) on this ring, with an argument. */
  protected enterRingArg(
    toSubmit: number,
    minComplete: number,
    flags: number,
    argument: { address: number; size: number },
  ): number {
    return this.addon.uringEnterArg(
      this.enterFd,
      toSubmit,
      minComplete,
      flags | this.enterFlags | IORING_ENTER_EXT_ARG,
      argument.address,
      argument.size,
    );
  }

  /**
   * io_uring_register(2) on this ring, with any opcode and argument: for what has no verb of its
   * own. Returns what the opcode says, or -errno.
   */
  register(opcode: number, argument: Pointer, count: number): number {
    this.checkOpen();
    const { address } = resolve(argument, 0);
    return this.addon.uringRegister(this.registerFd, opcode | this.registerFlags, address, count);
  }

  /** Whether waiting counts as I/O wait in the statistics of the system; NO_IOWAIT, since 6.15. */
  protected setWaitFlag(isOn: boolean): void {
    if (isOn) this.enterFlags |= IORING_ENTER_NO_IOWAIT;
    else this.enterFlags &= ~IORING_ENTER_NO_IOWAIT;
  }

  /** Keeps what the kernel is given for longer than one request, in the place of what was there. */
  protected keepRegistered(name: string, object: unknown): void {
    const before = this.#registered.get(name);
    if (before !== undefined && this.inFlight.total > 0) this.retired.push(before);
    this.#registered.set(name, object);
  }

  /** Lets go of what was registered, by name, once the requests that may use it are done. */
  protected retireRegistered(name: string): void {
    for (const [key, object] of this.#registered) {
      if (key !== name && !key.startsWith(`${name}/`)) continue;
      this.#registered.delete(key);
      if (this.inFlight.total > 0) this.retired.push(object);
    }
  }

  /** Everything that is kept under a name, by its full name. */
  protected registeredAs(name: string): [key: string, object: unknown][] {
    return [...this.#registered].filter(([key]) => key.startsWith(`${name}/`));
  }

  /** Throws when the ring was closed. */
  protected checkOpen(): void {
    if (!this.isOpen) throw new ProactorError("ERR_PROACTOR_CLOSED", "The ring was closed");
  }
}

function pairsOf({ buffer, byteOffset, length }: Uint32Array): Float64Array {
  return new Float64Array(buffer, byteOffset, length >> 1);
}
