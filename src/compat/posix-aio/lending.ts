import { MIN_POOL_BUFFER_BYTES } from "../../base/index.ts";
import { type BufferView, OperationKind } from "../../core/index.ts";
import { byteLengthOf, Leases } from "../../memory/leases.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { EAGAIN, EFAULT, EINVAL } from "./errors.ts";
import type { Use } from "./use.ts";

const WRITE = OperationKind.Write;

/**
 * Lends buffers to the kernel, and holds their memory until the operation is done: see `Leases`.
 * What cannot be held is copied, before a write and after a read.
 */
export class Lending {
  readonly #addon: NativeAddon | undefined;
  readonly #leases: Leases;

  /** @param addon Without it everything is copied. */
  constructor(addon: NativeAddon | undefined) {
    this.#addon = addon;
    this.#leases = new Leases(addon ?? { addressOf: () => 0, hold: () => undefined });
  }

  /** Lends the memory of an operation, which then knows where it is. Returns 0 or an error. */
  lend(use: Use, buffer: BufferView | null): number {
    use.copy = undefined;
    use.buffer = undefined;
    use.low = 0;
    use.high = 0;
    if (buffer === null || !ArrayBuffer.isView(buffer)) return use.length === 0 ? 0 : EFAULT;
    const lent = this.#leases.lend(buffer);
    if (use.length > byteLengthOf(buffer, lent)) return EINVAL;
    use.buffer = buffer;
    if (!lent.held) return this.#copy(use, buffer);
    use.low = lent.addressLow;
    use.high = lent.addressHigh;
    return 0;
  }

  /** The operation is done: the bytes it read are where they belong. Returns its error or a new one. */
  giveBack(use: Use): number {
    const { buffer, copy, result } = use;
    use.buffer = undefined;
    use.copy = undefined;
    if (result <= 0 || use.kind !== OperationKind.Read || buffer === undefined) return use.error;
    // Whoever transferred the buffer meanwhile does not see the bytes in it.
    if (buffer.byteLength < result) return EFAULT;
    if (copy !== undefined) {
      new Uint8Array(buffer.buffer, buffer.byteOffset, result).set(copy.subarray(0, result));
    }
    return use.error;
  }

  #copy(use: Use, buffer: BufferView): number {
    const bytes = Math.max(use.length, 1);
    const memory = this.#addon?.allocate(bytes, MIN_POOL_BUFFER_BYTES, false);
    if (typeof memory === "number") return EAGAIN;
    const copy = new Uint8Array(memory ?? new ArrayBuffer(bytes), 0, use.length);
    if (use.kind === WRITE) copy.set(new Uint8Array(buffer.buffer, buffer.byteOffset, use.length));
    use.copy = copy;
    const address = this.#addon?.addressOf(copy) ?? 0;
    use.low = address | 0;
    use.high = (address / 0x1_0000_0000) | 0;
    return 0;
  }
}
