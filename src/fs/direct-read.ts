/** One whole file, read without a descriptor. */
import { AT_FDCWD, O_RDONLY } from "../abi/linux.ts";
import { systemError } from "../base/errors.ts";
import { FS_CHUNK_BYTES } from "../base/limits.ts";
import { OperationKind, Request } from "../core/index.ts";
import { errorFrom } from "../runtime/failing.ts";
import type { Operation } from "../runtime/operation.ts";
import type { Receiver } from "../runtime/receiver.ts";
import type { CheckedPath } from "./calls.ts";
import type { Cell } from "./cells.ts";
import type { DirectSlots } from "./direct-slots.ts";
import type { WholeFiles } from "./whole-file.ts";

const OPEN = new Request().reset(OperationKind.Open);
OPEN.fd = AT_FDCWD;
// A place in the ring's table is closed by execve(2) as it is: O_CLOEXEC would be refused.
OPEN.flags = O_RDONLY;
const READ = new Request().reset(OperationKind.Read);
READ.fixedFile = true;
READ.trusted = true;
const CLOSE = new Request().reset(OperationKind.Close);
CLOSE.fd = 0;

const Step = { opening: 0, reading: 1, closing: 2 } as const;
const { opening, reading, closing } = Step;

// Allocates and copies in one call, half the price of doing the one after the other.
const copyOf = Uint8Array.prototype.slice as (this: Buffer, from: number, to: number) => Buffer;

/**
 * Opens into a place of the ring's table, reads until nothing comes, empties the place. Small files
 * fit into a cell; larger ones go on in memory that doubles.
 */
export class DirectRead implements Receiver {
  readonly #files: WholeFiles;
  readonly #slots: DirectSlots;
  readonly #slot: number;
  readonly #path: CheckedPath;
  readonly #done: (data: Buffer | undefined, error: Error | undefined) => void;
  #step: number = opening;
  #cell: Cell | undefined;
  /** What is read into: the cell's bytes, or memory of its own, and where it starts. */
  #memory: Buffer | undefined;
  #address = 0;
  #have = 0;
  #error: Error | undefined;
  #inFlight: Receiver | Operation<unknown> | undefined;
  #stopped = false;
  #isOpen = false;
  #isOver = false;

  /** @param done Called once, when the place is free again. */
  constructor(
    files: WholeFiles,
    slots: DirectSlots,
    slot: number,
    path: CheckedPath,
    done: (data: Buffer | undefined, error: Error | undefined) => void,
  ) {
    this.#files = files;
    this.#slots = slots;
    this.#slot = slot;
    this.#path = path;
    this.#done = done;
  }

  start(): void {
    OPEN.path = this.#path;
    OPEN.directSlot = this.#slot;
    this.#inFlight = this.#files.session.scheduler.startFor(OPEN, this);
  }

  /** Ends it as soon as the kernel lets go. */
  stop(): void {
    this.#stopped = true;
    const inFlight = this.#inFlight;
    if (inFlight !== undefined) this.#files.session.scheduler.requestCancel(inFlight);
  }

  settled(result: number): void {
    const step = this.#step;
    if (step === closing) this.#closed();
    else if (step === reading) this.#came(result);
    else if (result < 0) {
      this.#error = systemError(result, "open", this.#path);
      this.#closed();
    } else {
      this.#isOpen = true;
      const cell = this.#files.cells.take();
      this.#cell = cell;
      this.#memory = cell.bytes;
      this.#address = cell.address;
      this.#read();
    }
  }

  failed(error: unknown): void {
    this.#error ??= errorFrom(error);
    if (this.#isOpen && this.#step !== closing) this.#close();
    else this.#closed();
  }

  #read(): void {
    if (this.#stopped) {
      this.#close();
      return;
    }
    const memory = this.#memory as Buffer;
    this.#step = reading;
    READ.fd = this.#slot;
    READ.buffer = memory;
    READ.length = Math.min(memory.length - this.#have, FS_CHUNK_BYTES);
    READ.offset = this.#have;
    READ.setAddress(this.#address + this.#have);
    this.#inFlight = this.#files.session.scheduler.startFor(READ, this);
  }

  #came(result: number): void {
    if (result <= 0) {
      if (result < 0) this.#error = systemError(result, "read", this.#path);
      this.#close();
      return;
    }
    this.#have += result;
    const memory = this.#memory as Buffer;
    if (this.#have === memory.length) this.#grow(memory);
    this.#read();
  }

  #grow(full: Buffer): void {
    const memory = Buffer.allocUnsafeSlow(full.length * 4);
    full.copy(memory);
    this.#memory = memory;
    this.#files.session.memory.useOwn(READ, memory);
    this.#address = READ.addressHigh * 0x1_0000_0000 + (READ.addressLow >>> 0);
  }

  #close(): void {
    this.#step = closing;
    this.#inFlight = undefined;
    CLOSE.directSlot = this.#slot;
    void this.#files.session.scheduler.startFor(CLOSE, this);
  }

  #closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const cell = this.#cell;
    const memory = this.#memory;
    const have = this.#have;
    let data: Buffer | undefined;
    if (this.#error === undefined && memory !== undefined) {
      // Memory that is filled for the most part is not copied once more.
      const keep = memory !== cell?.bytes && have * 2 > memory.length;
      data = keep ? memory.subarray(0, have) : copyOf.call(memory, 0, have);
    }
    if (cell !== undefined) this.#files.cells.give(cell);
    this.#slots.give(this.#slot);
    this.#done(data, this.#error);
  }
}
