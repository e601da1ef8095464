/** Memory for struct statx: ours alone, so that it needs no lease. */
import { STATX_BYTES } from "../abi/linux.ts";
import { DEFAULT_DEPTH } from "../base/limits.ts";
import { Request } from "../core/index.ts";
import { isLost } from "../memory/lost.ts";
import type { RequestMemory } from "../runtime/memory.ts";

const MAPPING_BYTES = STATX_BYTES * 256;

/** Room for one struct statx, in the hands of one call at a time. */
export interface StatxCell {
  readonly view: DataView;
  /** Where it is. */
  readonly address: number;
}

/** The cells of one proactor; last out is first in. */
export class StatxCells {
  readonly #memory: RequestMemory;
  readonly #free: StatxCell[] = [];
  #mapping: ArrayBuffer | undefined = undefined;
  /** Where the mapping starts. */
  #base = 0;
  /** How much of it is in cells by now. */
  #used = MAPPING_BYTES;

  constructor(memory: RequestMemory) {
    this.#memory = memory;
  }

  /** Takes a cell; what is in it is of no meaning. */
  take(): StatxCell {
    return this.#free.pop() ?? this.#make();
  }

  /** Gives a cell back. The kernel has let go of it, or keeps it for ever. */
  give(cell: StatxCell): void {
    if (isLost(cell.view)) return;
    if (this.#free.length < DEFAULT_DEPTH) this.#free.push(cell);
  }

  #make(): StatxCell {
    if (this.#mapping === undefined || this.#used === MAPPING_BYTES) {
      this.#mapping = this.#memory.allocateOwn(MAPPING_BYTES);
      const probe = new Request();
      this.#memory.useOwn(probe, new Uint8Array(this.#mapping));
      this.#base = probe.addressHigh * 0x1_0000_0000 + (probe.addressLow >>> 0);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += STATX_BYTES;
    return { view: new DataView(this.#mapping, at, STATX_BYTES), address: this.#base + at };
  }
}
