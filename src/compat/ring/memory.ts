import { outOfRange } from "../../base/argument-errors.ts";
import { ProactorError, systemError } from "../../base/errors.ts";
import { byteLengthOf, Leases, type LentView } from "../../memory/leases.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { loadNative } from "../../native/load.ts";
import { unstable } from "./loans.ts";

/*
 * Memory as the ring's verbs take it: views of the program, structures that this module lays out,
 * and plain addresses.
 */

/**
 * Where the kernel finds something. A view is lent: it is kept, and held in place, until the
 * request's last completion was seen. So is a {@link Struct}, with all it points to. A number is an
 * address that is the caller's own business; null is NULL.
 */
export type Pointer = NodeJS.ArrayBufferView | Struct | number | null;

/** A path: text, or bytes, which become a C string; or whatever a {@link Pointer} is. */
export type Path = string | Pointer;

const TWO_32 = 0x1_0000_0000;

let environment: { addon: NativeAddon; leases: Leases } | undefined;

function open(): { addon: NativeAddon; leases: Leases } {
  if (environment === undefined) {
    const native = loadNative();
    if (!native.available) {
      throw new ProactorError("ERR_PROACTOR_NATIVE", native.reason, native.remedy);
    }
    environment = { addon: native.addon, leases: new Leases(native.addon) };
  }
  return environment;
}

/** The addon of this environment. Throws `ERR_PROACTOR_NATIVE` where there is none. */
export function addonOfRing(): NativeAddon {
  return open().addon;
}

/** ArrayBuffers from `allocate`: their memory stays where it is for as long as they live. */
const ours = new WeakSet<ArrayBufferLike>();

/**
 * Zeroed memory that begins on a page, as O_DIRECT and registered buffers want it. It lives as long
 * as the Buffer does, and can be lent on every runtime. Throws a system error where there is none.
 *
 * @param bytes How much, in bytes.
 * @param alignment A power of two, in bytes; at least a page is given.
 */
export function allocate(bytes: number, alignment = 4096): Buffer {
  const memory = addonOfRing().allocate(bytes, alignment, bytes >= 2 * 1024 * 1024);
  if (typeof memory === "number") throw systemError(memory, "mmap");
  ours.add(memory);
  return Buffer.from(memory);
}

/**
 * The address of a view's first byte. Nothing is lent by asking: whoever hands the number to the
 * kernel keeps the view, and neither detaches nor resizes its memory.
 */
export function addressOf(view: NodeJS.ArrayBufferView | Struct): number {
  if (view instanceof Struct) return view.address;
  // Small typed arrays lie on V8's moving heap until their buffer was touched.
  void view.buffer;
  return addonOfRing().addressOf(view);
}

/** An address as the two words that go to the kernel. */
export type Place = Pick<LentView, "addressLow" | "addressHigh">;

/** Finds a view and holds its memory. Throws where it cannot be held, or is shorter than `bytes`. */
export function lendView(
  view: NodeJS.ArrayBufferView,
  bytes: number,
): Place & { readonly address: number } {
  const place = placeOf(view, bytes);
  if (place === undefined) throw unstable("so the kernel must not have it");
  return place;
}

/** As `lendView`, but undefined where it cannot be held. */
export function placeOf(
  view: NodeJS.ArrayBufferView,
  bytes: number,
): (Place & { readonly address: number }) | undefined {
  const { addon, leases } = open();
  const lent = leases.lend(view);
  // Written so that what is not a number is refused, too: -1 would be 4 GiB for the kernel.
  if (!(bytes >= 0 && bytes <= byteLengthOf(view, lent))) {
    throw outOfRange("length", `<= ${byteLengthOf(view, lent)}, the bytes of the view`, bytes);
  }
  if (lent.address !== -1) return lent;
  if (!ours.has(view.buffer)) return undefined;
  const address = addon.addressOf(view);
  return { ...lent, address, addressLow: address | 0, addressHigh: (address / TWO_32) | 0 };
}

/** The memory of a structure that the kernel reads or fills in, and what that points to. */
export class Struct {
  /** All of it, to be written before the request is submitted and read after it is done. */
  readonly bytes: Uint8Array;
  /** The same, field by field; little-endian. */
  readonly view: DataView;
  /** Where it is. */
  readonly address: number;
  /** The low and the high word of the address, signed. */
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly #held: unknown[] = [];

  /** @param size In bytes; zeroed. */
  constructor(size: number) {
    // Of its own, never on V8's moving heap, and of 8 bytes at least, so that it has an address.
    this.bytes = new Uint8Array(new ArrayBuffer(Math.max(size, 8)), 0, size);
    this.view = new DataView(this.bytes.buffer, 0, size);
    this.address = addonOfRing().addressOf(new Uint8Array(this.bytes.buffer));
    this.addressLow = this.address | 0;
    this.addressHigh = (this.address / TWO_32) | 0;
  }

  /** How many bytes it has. */
  get byteLength(): number {
    return this.bytes.length;
  }

  /** Reads a u32, or an s32 as unsigned. */
  u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  /** Reads an s32. */
  s32(offset: number): number {
    return this.view.getInt32(offset, true);
  }

  /** Reads a u64 as a number, exact up to 2^53. */
  u64(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * TWO_32;
  }

  /** Writes a u16. Returns the structure. */
  setU16(offset: number, value: number): this {
    this.view.setUint16(offset, value, true);
    return this;
  }

  /** Writes a u32 or an s32. Returns the structure. */
  setU32(offset: number, value: number): this {
    this.view.setUint32(offset, value, true);
    return this;
  }

  /** Writes a 64-bit field, exact up to 2^53; -1 is all ones. Returns the structure. */
  setU64(offset: number, value: number): this {
    this.view.setUint32(offset, value, true);
    this.view.setUint32(offset + 4, Math.floor(value / TWO_32), true);
    return this;
  }

  /** Writes an address, and keeps what is there for as long as this structure is. Returns it. */
  setPointer(offset: number, pointer: Pointer, bytes = 0): this {
    const { address, holder } = resolve(pointer, bytes);
    if (holder !== undefined) this.#held.push(holder);
    return this.setU64(offset, address);
  }
}

/** Where a pointer leads, and what has to be kept for it to lead there. Throws as `lendView`. */
export function resolve(
  pointer: Pointer,
  bytes: number,
): { address: number; holder: object | undefined } {
  if (pointer === null) return { address: 0, holder: undefined };
  if (typeof pointer === "number") return { address: pointer, holder: undefined };
  if (pointer instanceof Struct) {
    lendStruct(pointer, bytes);
    return { address: pointer.address, holder: pointer };
  }
  return { address: lendView(pointer, bytes).address, holder: pointer };
}

/** Holds the memory of a structure where the runtime can. Throws where it is too short. */
export function lendStruct(struct: Struct, bytes: number): Place {
  if (!(bytes >= 0 && bytes <= struct.byteLength)) {
    throw outOfRange("length", `<= ${struct.byteLength}, the bytes of the structure`, bytes);
  }
  // Where memory cannot be held, the structure is kept all the same. Names are nobody else's.
  if (!(struct instanceof CString)) open().leases.lend(struct.bytes);
  return struct;
}

/** Text as a C string: with a zero byte at the end. */
export class CString extends Struct {
  constructor(text: string) {
    const bytes = Buffer.from(text);
    super(bytes.length + 1);
    this.bytes.set(bytes);
  }
}
