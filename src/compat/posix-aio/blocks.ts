import {
  AIOCB_BUF,
  AIOCB_FILDES,
  AIOCB_LIO_OPCODE,
  AIOCB_NBYTES,
  AIOCB_OFFSET,
  AIOCB_REQPRIO,
  AIOCB_SIGEV_NOTIFY,
  AIOCB_SIGEV_SIGNO,
  AIOCB_SIGEV_VALUE,
  AIOCB_SIZE,
} from "../../abi/posix-aio.ts";
import { type ControlBlocks, openBlocks } from "../../engines/posix-aio/setup.ts";
import type { NativeAddon } from "../../native/addon.ts";
import type { aiocb } from "./aiocb.ts";
import { Phase, type Use } from "./use.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const WORDS = AIOCB_SIZE / 4;
const FILDES = AIOCB_FILDES / 4;
const LIO_OPCODE = AIOCB_LIO_OPCODE / 4;
const REQPRIO = AIOCB_REQPRIO / 4;
const BUF = AIOCB_BUF / 4;
const NBYTES = AIOCB_NBYTES / 4;
const VALUE = AIOCB_SIGEV_VALUE / 4;
const SIGNO = AIOCB_SIGEV_SIGNO / 4;
const NOTIFY = AIOCB_SIGEV_NOTIFY / 4;
const OFFSET = AIOCB_OFFSET / 4;
const TWO_32 = 0x1_0000_0000;

/**
 * Memory for the control blocks that glibc is given: `struct aiocb`.
 *
 * A control block of the program gets one when it is first used and keeps it, so that glibc answers
 * for it as it would in C: until it is garbage, or until others need the memory while nothing is in
 * flight with it and its result was collected.
 */
export class Blocks {
  readonly memory: ControlBlocks;
  readonly #owner: object;
  readonly #capacity: number;
  readonly #uses: (Use | undefined)[] = [];
  readonly #free: number[] = [];
  /** Where to look next for one whose memory nobody needs. */
  #cursor = 0;
  readonly #collected = new FinalizationRegistry<Use>((use) => this.#forget(use));

  /**
   * @param owner The implementation that this is the memory of.
   * @param capacity How many there can be.
   */
  constructor(addon: NativeAddon, owner: object, capacity: number, wake: () => void) {
    this.#owner = owner;
    this.#capacity = capacity;
    this.memory = openBlocks(addon, capacity, wake);
  }

  /** What is known of the control block with this index. */
  at(index: number): Use | undefined {
    return this.#uses[index];
  }

  /**
   * The index of a control block, which gets memory if it has none. -1 where there is no more, or
   * where another implementation has an operation in flight with it.
   */
  attach(block: aiocb, use: Use): number {
    if (use.owner === this.#owner && use.slot !== -1) return use.slot;
    const index = use.phase === Phase.flying ? -1 : this.#take();
    if (index === -1) return -1;
    use.owner = this.#owner;
    use.phase = Phase.idle;
    use.slot = index;
    use.abandoned = false;
    this.#uses[index] = use;
    this.memory.blocks.fill(0, index * WORDS, (index + 1) * WORDS);
    this.#collected.register(block, use);
    return index;
  }

  /** Writes what a control block asks for. `note` is the value that the notification carries. */
  write(block: aiocb, use: Use, note: number): void {
    const w = this.memory.blocks;
    const at = use.slot * WORDS;
    const { aio_offset: offset } = block;
    w[at + FILDES] = block.aio_fildes;
    w[at + LIO_OPCODE] = block.aio_lio_opcode;
    w[at + REQPRIO] = block.aio_reqprio;
    w[at + BUF] = use.low;
    w[at + BUF + 1] = use.high;
    w[at + NBYTES] = use.length;
    w[at + NBYTES + 1] = use.length / TWO_32;
    w[at + NOTIFY] = use.notify;
    w[at + SIGNO] = use.signal;
    w[at + VALUE] = note;
    w[at + VALUE + 1] = 0;
    if (typeof offset === "bigint") {
      w[at + OFFSET] = Number(BigInt.asIntN(32, offset));
      w[at + OFFSET + 1] = Number(BigInt.asIntN(32, offset >> 32n));
    } else {
      w[at + OFFSET] = offset;
      w[at + OFFSET + 1] = Math.floor(offset / TWO_32);
    }
  }

  #take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#uses.length < this.#capacity) return this.#uses.push(undefined) - 1;
    for (let i = 0; i < this.#capacity; i++) {
      const index = this.#cursor;
      this.#cursor = (index + 1) % this.#capacity;
      const use = this.#uses[index] as Use;
      if (this.#has(use, index)) {
        if (use.phase !== Phase.idle) continue;
        use.slot = -1;
      }
      return index;
    }
    return -1;
  }

  /** Whether a control block still has the memory with this index: another may have it by now. */
  #has(use: Use, index: number): boolean {
    return use.owner === this.#owner && use.slot === index && this.#uses[index] === use;
  }

  /** Nobody can name the control block any more. What is in flight ends first. */
  #forget(use: Use): void {
    const { slot } = use;
    if (!this.#has(use, slot)) return;
    if (use.phase === Phase.flying) {
      // Its result will never be collected: when it is done, its memory may be taken.
      use.abandoned = true;
      return;
    }
    use.slot = -1;
    this.#uses[slot] = undefined;
    this.#free.push(slot);
  }
}
