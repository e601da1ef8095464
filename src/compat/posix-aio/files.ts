import { fstatSync, readFileSync } from "node:fs";
import { O_ACCMODE, O_APPEND, O_RDONLY, O_WRONLY } from "../../abi/linux.ts";
import { OperationKind } from "../../core/index.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { FILE_REGULAR, FILE_SEEKABLE } from "../../native/posix-aio.ts";
import { EBADF, ECANCELED } from "./errors.ts";
import type { Use } from "./use.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const READ = OperationKind.Read;
const WRITE = OperationKind.Write;

/** The operations on a descriptor do not all have the same priority, or are no transfers. */
const MIXED = -1;

/**
 * The operations on one descriptor, in the order of their submission, and which of them may run.
 *
 * - Transfers of a file that has positions run at the same time, but for writes with O_APPEND,
 *   which run one by one, so that their data is in the order of the calls.
 * - Of pipes, sockets and terminals one read and one write run at a time.
 * - A transfer waits for all of a higher priority on its descriptor.
 * - An fsync waits for everything that was queued before it.
 */
export class FileQueue {
  readonly fd: number;
  /** The open flags of the descriptor, `FILE_REGULAR` and `FILE_SEEKABLE`; or -1 if it is none. */
  flags = 0;
  /** How many of the operations may not run yet. */
  waiting = 0;
  #first: Use | undefined;
  #last: Use | undefined;
  /** The priority that all of them share. */
  #level = 0;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** The first of those that are not done. */
  get first(): Use | undefined {
    return this.#first;
  }

  /** Whether the descriptor is open, and open for this. Returns 0 or EBADF. */
  refuses(kind: OperationKind): number {
    const { flags } = this;
    if (flags < 0) return EBADF;
    const mode = flags & O_ACCMODE;
    const wrong = (kind === READ && mode === O_WRONLY) || (kind === WRITE && mode === O_RDONLY);
    return wrong ? EBADF : 0;
  }

  /** Whether the file has positions at all. */
  get isSeekable(): boolean {
    return (this.flags & FILE_SEEKABLE) !== 0;
  }

  /** Whether it is a regular file. */
  get isRegular(): boolean {
    return (this.flags & FILE_REGULAR) !== 0;
  }

  /** Whether a write ignores its offset. */
  get appends(): boolean {
    return (this.flags & O_APPEND) !== 0;
  }

  /** Appends an operation. Returns whether it may run at once; if not, `release` tells when. */
  add(use: Use): boolean {
    const last = this.#last;
    use.file = this;
    use.started = true;
    use.carried = 0;
    use.before = last;
    use.after = undefined;
    this.#last = use;
    if (last === undefined) {
      this.#first = use;
      this.#level = isTransfer(use) ? use.priority : MIXED;
      return true;
    }
    last.after = use;
    if (this.waiting === 0 && use.priority === this.#level && this.#isParallel(use)) return true;
    this.#level = MIXED;
    use.started = false;
    this.waiting++;
    return false;
  }

  /** An operation is done, or was taken back before it ran. */
  remove(use: Use, error: number): void {
    const { before, after } = use;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    use.file = undefined;
    use.before = undefined;
    use.after = undefined;
    if (!use.started) this.waiting--;
    if (error === 0 || error === ECANCELED || this.waiting === 0) return;
    // An fsync ends with the error of what it was to make durable.
    for (let next = after; next !== undefined; next = next.after) {
      if (!isTransfer(next) && next.carried === 0) next.carried = error;
    }
  }

  /** Starts those that may run by now. */
  release(start: (use: Use) => void): void {
    const read = this.#survey(READ);
    const write = this.#survey(WRITE);
    const best = Math.min(read.best, write.best);
    for (let use = this.#first; use !== undefined && this.waiting > 0; use = use.after) {
      if (use.started) continue;
      if (isTransfer(use)) {
        const own = use.kind === READ ? read : write;
        if (use.priority !== (this.isSeekable ? best : own.best)) continue;
        if (!this.#isParallel(use) && own.running) continue;
        own.running = true;
      } else if (use !== this.#first) {
        continue;
      }
      use.started = true;
      this.waiting--;
      start(use);
    }
  }

  /** The highest priority among the reads, or the writes, and whether one of them runs. */
  #survey(kind: OperationKind): { best: number; running: boolean } {
    const found = { best: Number.POSITIVE_INFINITY, running: false };
    for (let use = this.#first; use !== undefined; use = use.after) {
      if (use.kind !== kind) continue;
      found.best = Math.min(found.best, use.priority);
      found.running ||= use.started;
    }
    return found;
  }

  #isParallel(use: Use): boolean {
    return this.isSeekable && !(use.kind === WRITE && this.appends) && isTransfer(use);
  }
}

function isTransfer({ kind }: Use): boolean {
  return kind === READ || kind === WRITE;
}

/** Every descriptor with operations of ours. */
export class Files {
  readonly #addon: NativeAddon | undefined;
  readonly #queues = new Map<number, FileQueue>();

  constructor(addon: NativeAddon | undefined) {
    this.#addon = addon;
  }

  /**
   * What is known of a descriptor. While there are operations on it, it stays what it is; else the
   * system is asked anew, because it may have been closed and opened as another.
   */
  at(fd: number): FileQueue {
    let queue = this.#queues.get(fd);
    if (queue === undefined) {
      queue = new FileQueue(fd);
      this.#queues.set(fd, queue);
    }
    if (queue.first === undefined) queue.flags = this.flagsOf(fd);
    return queue;
  }

  /** The open flags of a descriptor and what kind of file it is; negative where it is not open. */
  flagsOf(fd: number): number {
    return this.#addon === undefined ? flagsByNode(fd) : this.#addon.posixAioFile(fd);
  }
}

/** The same without the addon: by what Linux tells in /proc. */
function flagsByNode(fd: number): number {
  try {
    const status = fstatSync(fd);
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? "2", 8);
    const regular = status.isFile() ? FILE_REGULAR : 0;
    const seekable = status.isFile() || status.isBlockDevice() ? FILE_SEEKABLE : 0;
    return (flags & (FILE_REGULAR - 1)) | regular | seekable;
  } catch {
    return -EBADF;
  }
}
