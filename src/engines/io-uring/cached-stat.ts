/**
 * A status that the kernel has in memory is read at once. io_uring gives every statx(2) to a thread
 * of the kernel, which has to get a core first, as has the loop to hear of it; for one call alone
 * that is ten times the work. Where it is done, and where not:
 * docs/decisions/0023-one-status-at-once.md.
 */
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_SYMLINK_NOFOLLOW,
  EINVAL,
  ENOSYS,
  EPERM,
  STATX_BASIC_STATS,
  STATX_BTIME,
} from "../../abi/linux.ts";
import type { Request } from "../../core/index.ts";
import type { NativeAddon } from "../../native/addon.ts";
import type { Scratch } from "./scratch.ts";

/** What asks nobody but this machine: ext, XFS, Btrfs, F2FS, tmpfs, overlayfs, EROFS, squashfs. */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994, 0x794c7630, 0xe0f5e1e2, 0x73717368,
]);

/** Answers that every other call would get as well. */
const NEVER: ReadonlySet<number> = new Set([-ENOSYS, -EPERM, -EINVAL]);

/** Other flags and fields are the kernel's business. */
const FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
const FIELDS = STATX_BASIC_STATS | STATX_BTIME;

/** Reads statuses without the ring. */
export class CachedStat {
  readonly #addon: NativeAddon;
  readonly #scratch: Scratch;
  /** Mounts, by their unique numbers: whether they are local. */
  readonly #local = new Map<number, boolean>();
  #isPossible = true;

  constructor(addon: NativeAddon, scratch: Scratch) {
    this.#addon = addon;
    this.#scratch = scratch;
  }

  /** Fills in what a request asks for. False: it goes to the ring, as if this had not been. */
  fill(request: Request, slot: number): boolean {
    const { flags, extra, path = "" } = request;
    if (!this.#isPossible || request.fixedFile || request.offLoop) return false;
    if ((flags & ~FLAGS) !== 0 || (extra & ~FIELDS) !== 0) return false;
    if (path.length === 0 && (flags & AT_EMPTY_PATH) === 0) return false;
    const mount = this.#addon.statxCached(
      request.fd,
      this.#scratch.path(slot, path),
      flags,
      extra,
      request.addressHigh * 0x1_0000_0000 + (request.addressLow >>> 0),
    );
    if (mount >= 0) return this.#isLocal(mount);
    if (NEVER.has(mount)) this.#isPossible = false;
    return false;
  }

  #isLocal(mount: number): boolean {
    let local = this.#local.get(mount);
    if (local === undefined) {
      local = LOCAL.has(this.#addon.mountMagic(mount));
      this.#local.set(mount, local);
    }
    return local;
  }
}
