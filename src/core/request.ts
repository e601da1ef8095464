import { OperationKind } from "./operation-kind.ts";

/** A view over memory that an operation reads or writes: a Buffer, a typed array, a DataView. */
export type BufferView = NodeJS.ArrayBufferView;

/** How a request is tied to the one queued after it. */
export const Link = {
  /** Not tied. */
  None: 0,
  /** The next starts after this one; an error or a short transfer cancels the rest of the chain. */
  Link: 1,
  /** The next starts after this one, whatever its result. */
  HardLink: 2,
} as const;

/** One of the values of {@link Link}. */
export type Link = (typeof Link)[keyof typeof Link];

// A constant of this module is part of the code; one read out of an object is looked up.
const NOT_TIED = Link.None;

/** The offset that means "the file position, and advance it", as Node's `null` or -1. */
export const FILE_POSITION = -1;

/**
 * An operation as data: what `Engine.queue` is given.
 *
 * The runtime owns one instance and fills it anew for every operation, so an engine takes what it
 * needs out of it before `queue` returns and never keeps it. That is why every field is always
 * present and numbers stay numbers: the object keeps one hidden class and costs no allocation.
 *
 * The meaning of the numeric fields depends on `kind`:
 *
 * | kind | fd | length | offset | flags | extra | mode |
 * |---|---|---|---|---|---|---|
 * | open | directory | – | – | O_* | RESOLVE_* | permission bits |
 * | read, write | file | bytes | file offset or -1 | RWF_* | – | – |
 * | readv, writev | file | vectors | file offset or -1 | RWF_* | – | – |
 * | syncFileRange | file | bytes | file offset | SYNC_FILE_RANGE_* | – | – |
 * | statx | directory or file | – | – | AT_* | STATX_* mask | – |
 * | truncate | file | – | new size | – | – | – |
 * | fallocate | file | bytes | file offset | FALLOC_FL_* | – | – |
 * | fadvise | file | bytes | file offset | – | POSIX_FADV_* | – |
 * | unlink | directory | – | – | AT_* | – | – |
 * | rename, link | directory | – | – | RENAME_* or AT_* | second directory | – |
 * | mkdir | directory | – | – | – | – | permission bits |
 * | symlink | directory of the new link | – | – | – | – | – |
 * | splice | written to | bytes | offset written to or -1 | SPLICE_F_* | read from | – |
 * | tee | written to | bytes | – | SPLICE_F_* | read from | – |
 * | timeout | – | – | milliseconds | – | – | – |
 * | poll | file | – | – | POLL* events | – | – |
 *
 * For splice, `offset2` is the offset read from, or -1.
 */
export class Request {
  kind: OperationKind = OperationKind.Nop;
  fd = -1;
  /** `fd` is an index into the registered files. */
  fixedFile = false;
  /**
   * The registered file, empty before, that an open fills instead of giving a descriptor, or that a
   * close empties; -1 for descriptors. Only with capability `directDescriptors`.
   */
  directSlot = -1;
  length = 0;
  /** A whole number up to 2^53 - 1, or {@link FILE_POSITION}. */
  offset = -1;
  offset2 = -1;
  flags = 0;
  extra = 0;
  mode = 0;
  /** The memory, for engines that work on views. `length` bytes from its start are used. */
  buffer: BufferView | undefined = undefined;
  /**
   * Where `buffer` starts, for engines whose capability `addresses` is set: the low and the high
   * word of the address, signed, because those need no conversion on their way to the kernel.
   */
  addressLow = 0;
  addressHigh = 0;
  /** The registered buffer that `buffer` lies in, or -1. */
  bufferIndex = -1;
  /** The memory of readv and writev. */
  buffers: readonly BufferView[] | undefined = undefined;
  /** Where each of `buffers` starts, for engines whose capability `addresses` is set. */
  addresses: readonly number[] | undefined = undefined;
  path: string | Uint8Array | undefined = undefined;
  /** The second path of rename and link. Of a symlink, `path` is what it says, this where it is. */
  path2: string | Uint8Array | undefined = undefined;
  link: Link = Link.None;
  /**
   * How many requests, this one included, must be staged together: 1 for a single one, the length
   * of the chain on its first, 0 on its others. An engine that orders chains itself answers `Busy`
   * to the first unless it has room for all, and never to the others.
   */
  chain = 1;
  /** Goes past the page cache to a device (O_DIRECT): see DIRECT_BATCH. */
  direct = false;
  /**
   * Goes to a thread of the kernel at once, where there are such, and is not tried on ours. An open
   * that is tried does not wait for the other side of a FIFO; a transfer that is cached holds the
   * loop while it is copied.
   */
  offLoop = false;
  /**
   * A transfer whose descriptor is known to take it: positions, if it has one, and else to wait.
   * The runtime looks at any other, for engines that do not say ESPIPE and EAGAIN by themselves.
   */
  trusted = false;
  /** Start only when everything queued before has completed. */
  drain = false;
  /** Give up after this many milliseconds; 0 means never. Only with capability `deadline`. */
  deadlineMs = 0;

  /** Sets where `buffer` starts. */
  setAddress(address: number): void {
    this.addressLow = address | 0;
    this.addressHigh = (address / 0x1_0000_0000) | 0;
  }

  /** Makes it a request of `kind` with nothing asked for yet. */
  reset(kind: OperationKind): this {
    this.kind = kind;
    this.fd = -1;
    this.fixedFile = false;
    this.directSlot = -1;
    this.length = 0;
    this.offset = -1;
    this.offset2 = -1;
    this.flags = 0;
    this.extra = 0;
    this.mode = 0;
    this.buffer = undefined;
    this.addressLow = 0;
    this.addressHigh = 0;
    this.bufferIndex = -1;
    this.buffers = undefined;
    this.addresses = undefined;
    this.path = undefined;
    this.path2 = undefined;
    this.link = NOT_TIED;
    this.chain = 1;
    this.drain = false;
    this.direct = false;
    this.offLoop = false;
    this.trusted = false;
    this.deadlineMs = 0;
    return this;
  }
}
