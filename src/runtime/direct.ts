import { O_DIRECT } from "../abi/linux.ts";
import { ProactorError } from "../base/errors.ts";
import type { Request } from "../core/index.ts";
import type { NativeAddon } from "../native/addon.ts";
import type { FilePositions } from "./file-positions.ts";

/** What one file asks of O_DIRECT transfers, in bytes. */
interface Alignment {
  readonly memory: number;
  readonly offset: number;
}

/** What is assumed where neither kernel nor file system tells: the logical block of most disks. */
const USUAL: Alignment = { memory: 512, offset: 512 };

/** What is known of a descriptor. */
const State = { unknown: 0, buffered: 1, direct: 2 } as const;

/**
 * Which descriptors were opened with O_DIRECT, and what their files ask for (statx DIOALIGN,
 * Linux 6.1).
 *
 * A misaligned transfer is refused before the kernel sees it, because the kernel's own answer is a
 * bare EINVAL, or, worse, a silent fall back to the page cache. A descriptor is asked once
 * (fcntl), when it is first used; one that was closed behind our back and came again with other
 * flags is asked again before anything is refused.
 */
export class DirectFiles {
  readonly #addon: NativeAddon;
  readonly #files = new Map<number, Alignment>();
  readonly #out = new Uint32Array(2);
  readonly #positions: FilePositions | undefined;
  #states = new Uint8Array(1024);

  /** @param positions Hears of descriptors that are about to be closed. */
  constructor(addon: NativeAddon, positions?: FilePositions) {
    this.#addon = addon;
    this.#positions = positions;
  }

  /** Notes a descriptor just opened with `flags`. */
  opened(fd: number, flags: number): void {
    this.#note(fd, flags);
  }

  /** Forgets a descriptor that is about to be closed. */
  closed(fd: number): void {
    if (fd < this.#states.length) this.#states[fd] = State.unknown;
    this.#files.delete(fd);
    this.#positions?.closed(fd);
  }

  /**
   * Marks a transfer that goes past the page cache. Throws `ERR_PROACTOR_UNALIGNED` for one that
   * the file cannot take.
   */
  check(request: Request): void {
    if (this.#states[request.fd] !== State.buffered) this.#checkUnusual(request);
  }

  /**
   * Marks a transfer that goes past the page cache, and refuses nothing: for callers who want the
   * kernel's own answer to one that is misaligned.
   */
  mark(request: Request): void {
    if (this.#states[request.fd] === State.direct) request.direct = true;
  }

  #checkUnusual(request: Request): void {
    const { fd } = request;
    // A registered file has an index of its own, which says nothing here.
    if (request.fixedFile) return;
    if ((this.#states[fd] ?? State.unknown) === State.unknown) {
      this.#note(fd, this.#addon.fcntlGetFlags(fd));
    }
    const alignment = this.#files.get(fd);
    if (alignment === undefined) return;
    request.direct = true;
    const problem = misalignment(request, alignment);
    if (problem === undefined) return;
    const flags = this.#addon.fcntlGetFlags(fd);
    if (flags >= 0 && (flags & O_DIRECT) !== 0) throw problem;
    request.direct = false;
    this.#note(fd, flags);
  }

  #note(fd: number, flags: number): void {
    if (flags < 0) return;
    if (fd >= this.#states.length) {
      const states = new Uint8Array(2 ** Math.ceil(Math.log2(fd + 1)));
      states.set(this.#states);
      this.#states = states;
    }
    const direct = (flags & O_DIRECT) !== 0;
    this.#states[fd] = direct ? State.direct : State.buffered;
    if (direct) this.#files.set(fd, this.#ask(fd));
    else this.#files.delete(fd);
  }

  #ask(fd: number): Alignment {
    const out = this.#out;
    if (this.#addon.directAlignment(fd, out) < 0 || out[1] === 0) return USUAL;
    return { memory: out[0] as number, offset: out[1] as number };
  }
}

function misalignment(request: Request, alignment: Alignment): ProactorError | undefined {
  const { addressLow, addresses, buffers, offset } = request;
  const wrong: string[] = [];
  if (offset !== -1 && offset % alignment.offset !== 0) wrong.push(`the offset is ${offset}`);
  const check = (address: number, length: number, which: string) => {
    const past = address % alignment.memory;
    if (past !== 0) wrong.push(`the buffer${which} starts ${past} bytes past a multiple of it`);
    if (length % alignment.offset !== 0) wrong.push(`the length${which} is ${length}`);
  };
  // The alignment is a power of two far below 2^32: the low word tells.
  if (buffers === undefined) check(addressLow >>> 0, request.length, "");
  else {
    for (const [i, view] of buffers.entries())
      check(addresses?.[i] ?? 0, view.byteLength, ` [${i}]`);
  }
  if (wrong.length === 0) return undefined;
  return new ProactorError(
    "ERR_PROACTOR_UNALIGNED",
    `O_DIRECT on this file needs memory aligned to ${alignment.memory} bytes, offsets and ` +
      `lengths to ${alignment.offset}: ${wrong.join(", ")}`,
    "Take the buffer from proactor.allocate() and round offset and length to the alignment",
  );
}
