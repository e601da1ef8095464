import {
  IORING_OP_READ,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_OP_SEND_ZC,
  IORING_OP_WRITE,
} from "../../abi/io-uring.ts";
import { ProactorError, systemError } from "../../base/errors.ts";
import type { NativeAddon } from "../../native/addon.ts";

/** Opcodes with one plain buffer: whether the kernel writes to it. */
const READS: ReadonlyMap<number, boolean> = new Map([
  [IORING_OP_READ, true],
  [IORING_OP_RECV, true],
  [IORING_OP_WRITE, false],
  [IORING_OP_SEND, false],
  [IORING_OP_SEND_ZC, false],
]);

/** Loans that are prepared or in flight, by the memory they stand for. */
const current = new WeakMap<ArrayBufferLike, Set<WeakRef<Loan>>>();

/** The error of memory that the kernel must not have. */
export function unstable(why: string): ProactorError {
  return new ProactorError(
    "ERR_PROACTOR_BUFFER_UNSTABLE",
    `The memory cannot be held in place on this runtime, ${why}`,
    "Take the memory from allocate()",
  );
}

/**
 * Memory of ours that the kernel has in the place of a view's, where that cannot be held. The
 * view's bytes are copied into it when the request is submitted, and back when its completion is
 * found: that is the first moment at which the program may look.
 */
export class Loan {
  /** What the kernel has. */
  readonly own: Uint8Array;
  /** The low and the high word of its address. */
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly #view: NodeJS.ArrayBufferView;
  readonly #start: number;
  readonly #reads: boolean;
  #isGiven = false;
  readonly #self = new WeakRef(this);

  /**
   * @param bytes How many bytes of the view, from its start on, the request uses.
   * @param beside What the same request was lent before.
   * @throws `ERR_PROACTOR_BUFFER_UNSTABLE` where a copy would not do: for opcodes that know more of
   *   an address, and where another request reads into the same bytes, or uses bytes that this one
   *   reads into, because each has a copy of its own.
   */
  constructor(
    addon: NativeAddon,
    opcode: number,
    view: NodeJS.ArrayBufferView,
    bytes: number,
    beside: unknown,
  ) {
    const reads = READS.get(opcode);
    if (reads === undefined) throw unstable("and a copy would not do for this request");
    this.#view = view;
    this.#start = view.byteOffset;
    this.#reads = reads;
    const memory = addon.allocate(Math.max(1, bytes), 4096, false);
    if (typeof memory === "number") throw systemError(memory, "mmap");
    this.own = new Uint8Array(memory, 0, bytes);
    const address = addon.addressOf(memory);
    this.addressLow = address | 0;
    this.addressHigh = (address / 0x1_0000_0000) | 0;
    const others = current.get(view.buffer) ?? new Set();
    for (const ref of others) {
      const other = ref.deref();
      if (other === undefined) others.delete(ref);
      else if (this.#meets(other) && !isAmong(beside, other)) {
        throw unstable("and another request in flight shares it");
      }
    }
    others.add(this.#self);
    current.set(view.buffer, others);
    this.fill();
  }

  /** Whether the kernel writes to it. */
  get reads(): boolean {
    return this.#reads;
  }

  /** Copies the view's bytes, which the kernel is about to have. */
  fill(): void {
    const shown = this.#shown();
    if (shown !== undefined) this.own.set(shown);
  }

  /** Copies what the kernel wrote, if the view is still there. */
  giveBack(): void {
    this.#isGiven = true;
    if (this.#reads) this.#shown()?.set(this.own);
  }

  /** The kernel has let go, and the program has seen it, maybe without a verb of the ring. */
  end(): void {
    if (!this.#isGiven) this.giveBack();
    current.get(this.#view.buffer)?.delete(this.#self);
  }

  #shown(): Uint8Array | undefined {
    const { buffer, byteOffset, byteLength } = this.#view;
    const { length } = this.own;
    return byteLength < length ? undefined : new Uint8Array(buffer, byteOffset, length);
  }

  #meets(other: Loan): boolean {
    return (
      (this.#reads || other.#reads) &&
      this.#start < other.#start + other.own.length &&
      other.#start < this.#start + this.own.length
    );
  }
}

function isAmong(lent: unknown, loan: Loan): boolean {
  return [...loansIn(lent)].includes(loan);
}

/** The loans in what was lent: nothing, one object, or several. */
export function* loansIn(lent: unknown): Generator<Loan> {
  if (lent instanceof Loan) yield lent;
  else if (Array.isArray(lent) || lent instanceof Set)
    for (const each of lent) yield* loansIn(each);
}
