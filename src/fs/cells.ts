/** Scratch memory for calls that handle whole files: ours alone, so that it needs no lease. */
import { STATX_BYTES } from "../abi/linux.ts";
import { Request } from "../core/index.ts";
import { isLost } from "../memory/lost.ts";
import type { RequestMemory } from "../runtime/memory.ts";

/** Cells that are mapped at once. */
const CELLS_PER_MAPPING = 16;
/**
 * What lies between two cells: struct statx, and more, because what begins at the same place of its
 * page, or at a power of two, falls into the same few sets of the cache.
 */
const GAP = 4096 + 64;

/** How large the cells are, and how many are kept for the next calls. */
export interface CellSize {
  readonly bytes: number;
  readonly kept: number;
}

/** A piece of scratch memory, in the hands of one call at a time. */
export interface Cell {
  readonly bytes: Buffer;
  /** Where it starts, as `Request.addressLow` and `addressHigh` want it. */
  readonly addressLow: number;
  readonly addressHigh: number;
  /** The same as a number. */
  readonly address: number;
  /** Room for struct statx, behind the bytes. */
  readonly statx: DataView;
  readonly statxAddress: number;
}

/**
 * The cells of one proactor. Last out is first in, which keeps the hot ones in cache; of what many
 * calls at once took, some cells are kept, and the rest is left to the collector.
 */
export class Cells {
  readonly #memory: RequestMemory;
  readonly #bytes: number;
  readonly #kept: number;
  readonly #free: Cell[] = [];

  constructor(memory: RequestMemory, size: CellSize) {
    this.#memory = memory;
    this.#bytes = size.bytes;
    this.#kept = size.kept;
  }

  /** Takes a cell; what is in it is of no meaning. */
  take(): Cell {
    return this.#free.pop() ?? this.#map();
  }

  /** Gives a cell back. The kernel has let go of it, or keeps it for ever. */
  give(cell: Cell): void {
    if (isLost(cell.bytes) || isLost(cell.statx)) return;
    if (this.#free.length < this.#kept) this.#free.push(cell);
  }

  #map(): Cell {
    const length = this.#bytes;
    const stride = length + GAP;
    const memory = this.#memory.allocateOwn(stride * CELLS_PER_MAPPING);
    const probe = new Request();
    this.#memory.useOwn(probe, new Uint8Array(memory));
    const base = probe.addressHigh * 0x1_0000_0000 + (probe.addressLow >>> 0);
    for (let i = CELLS_PER_MAPPING - 1; i >= 0; i--) {
      const address = base + i * stride;
      probe.setAddress(address);
      const { addressLow, addressHigh } = probe;
      const bytes = Buffer.from(memory, i * stride, length);
      const statx = new DataView(memory, i * stride + length, STATX_BYTES);
      const statxAddress = address + length;
      this.#free.push({ bytes, addressLow, addressHigh, address, statx, statxAddress });
    }
    return this.#free.pop() as Cell;
  }
}
