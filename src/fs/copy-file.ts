/**
 * copyFile: over the ring where the file system copies by reading and writing anyway, by node:fs
 * where it may share or copy the bytes itself.
 */
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_WRONLY,
  STATX_BASIC_STATS,
  STX_DEV_MAJOR,
  STX_DEV_MINOR,
  STX_INO,
  STX_MODE,
  STX_SIZE,
  STX_UID,
} from "../abi/linux.ts";
import { errnoOf, systemError } from "../base/errors.ts";
import {
  FS_CALLS_KEPT,
  FS_COPY_FOLDERS,
  FS_COPY_OFF_LOOP_BYTES,
  FS_COPY_RING_BYTES,
  FS_OFF_LOOP_BYTES,
} from "../base/limits.ts";
import { OperationKind, Request } from "../core/index.ts";
import { Call } from "./call.ts";
import type { Cell } from "./cells.ts";
import { nodeFs, nodePromises } from "./node.ts";
import { road } from "./road.ts";
import {
  closeRequest,
  folderNameOf,
  openRequest,
  pathOf,
  type WholeFiles,
  wholeFiles,
} from "./whole-file.ts";

type Path = string | Uint8Array;

const { S_IFMT, S_IFREG, COPYFILE_EXCL } = nodeFs.constants;
const PERMISSIONS = 0o7777;
const EIO = -errnoOf("EIO");

/**
 * What statfs(2) calls ext2, ext3 and ext4. They have no way to share or copy bytes by themselves,
 * and their writes go to a thread of the kernel anyway. See record 16.
 */
const EXT = 0xef53;

/** By device: whether files are copied over the ring there. */
const known = new Map<string, boolean>();

/** Folders whose files node:fs copies: nobody has to look at the next one of them. */
const nodesFolders = new Set<string>();

/** What the request in flight is. */
const Step = {
  openingSource: 0,
  askingSource: 1,
  openingTarget: 2,
  askingTarget: 3,
  truncating: 4,
  reading: 5,
  writing: 6,
  closingSource: 7,
  closingTarget: 8,
  removing: 9,
} as const;

const TRANSFER = new Request().reset(OperationKind.Read);
const TRUNCATE = new Request().reset(OperationKind.Truncate);
const UNLINK = new Request().reset(OperationKind.Unlink);
UNLINK.fd = AT_FDCWD;
const STATX = new Request().reset(OperationKind.Statx);
STATX.path = "";
STATX.flags = AT_EMPTY_PATH;
STATX.extra = STATX_BASIC_STATS;
TRUNCATE.offset = 0;

/** The copy of one file; see the steps. */
class CopyFile extends Call {
  readonly #files: WholeFiles;
  #step: number = Step.openingSource;
  #source: Path = "";
  #target: Path = "";
  #exclusive = false;
  #from = -1;
  #to = -1;
  #cell: Cell | undefined = undefined;
  #size = 0;
  #mode = 0;
  #device = "";
  #inode = 0n;
  /** Bytes that were copied so far. */
  #copied = 0;
  /** Bytes of the cell, and how many of them are written. */
  #filled = 0;
  #written = 0;
  #failed = 0;
  #error: unknown = undefined;
  #value: unknown = undefined;

  constructor(files: WholeFiles) {
    super();
    this.#files = files;
  }

  copy(source: Path, target: Path, exclusive: boolean): Promise<unknown> {
    this.#source = source;
    this.#target = target;
    this.#exclusive = exclusive;
    const promise = this.begin(this.#files.session.scheduler, undefined);
    this.goOn(() => this.#start(Step.openingSource, openRequest(source, O_RDONLY | O_CLOEXEC, 0)));
    return promise;
  }

  failed(error: unknown): void {
    this.#error ??= error;
    if (this.#failed === 0) this.#failed = EIO;
    if (this.#from === -1 || this.#step >= Step.closingSource) this.#leave();
    else this.#close();
  }

  settled(result: number): void {
    switch (this.#step) {
      case Step.openingSource:
        if (result < 0) {
          this.#failed = result;
          this.#leave();
        } else {
          this.#from = result;
          this.#cell = this.#files.copyCells.take();
          this.#ask(Step.askingSource, result);
        }
        return;
      case Step.closingSource:
        // Nothing was written to it, so that nothing can be lost.
        if (this.#to !== -1) this.#start(Step.closingTarget, closeRequest(this.#to));
        else this.#leave();
        return;
      case Step.closingTarget:
        if (result < 0 && this.#failed === 0 && this.#value === undefined) this.#failed = result;
        if (this.#failed === 0) this.#leave();
        else {
          // What is half a copy must not be taken for one.
          UNLINK.path = this.#target;
          this.#start(Step.removing, UNLINK);
        }
        return;
      case Step.removing:
        this.#leave();
        return;
      default:
        if (result < 0) this.#fail(result);
        else this.#went(result);
    }
  }

  #went(result: number): void {
    switch (this.#step) {
      case Step.askingSource:
        this.#sourceIsKnown();
        return;
      case Step.openingTarget:
        this.#to = result;
        this.#ask(Step.askingTarget, result);
        return;
      case Step.askingTarget:
        this.#targetIsKnown();
        return;
      case Step.truncating:
        this.#setMode();
        return;
      case Step.reading:
        this.#filled = result;
        this.#written = 0;
        // It may have become shorter meanwhile.
        if (result === 0) this.#close();
        else this.#write();
        return;
      default:
        // No write of something comes to nothing.
        if (result === 0) this.#fail(EIO);
        else {
          this.#written += result;
          this.#copied += result;
          if (this.#written < this.#filled) this.#write();
          else this.#read();
        }
    }
  }

  #sourceIsKnown(): void {
    const { statx } = this.#cell as Cell;
    const mode = statx.getUint16(STX_MODE, true);
    this.#size = Number(statx.getBigUint64(STX_SIZE, true));
    if ((mode & S_IFMT) !== S_IFREG || this.#size > FS_COPY_RING_BYTES) {
      this.#leaveToNode();
      return;
    }
    this.#mode = mode & PERMISSIONS;
    this.#inode = statx.getBigUint64(STX_INO, true);
    this.#device = deviceOf(statx);
    if (known.has(this.#device)) this.#choose();
    else this.#askFileSystem();
  }

  #choose(): void {
    const ours = known.get(this.#device);
    if (ours === true) {
      this.#openTarget();
      return;
    }
    if (ours === undefined) {
      this.#leaveToNode();
      return;
    }
    if (nodesFolders.size >= FS_COPY_FOLDERS) nodesFolders.clear();
    nodesFolders.add(folderNameOf(this.#source));
    this.#leaveToNode();
  }

  /** Once per device, by a thread of libuv's pool. */
  #askFileSystem(): void {
    const { source, device } = { source: this.#source, device: this.#device };
    nodeFs.statfs(typeof source === "string" ? source : Buffer.from(source), (error, stats) => {
      // What could not be asked now is asked again for the next file.
      if (!error) known.set(device, stats.type === EXT);
      this.goOn(() => this.#choose());
    });
  }

  #openTarget(): void {
    const flags = O_WRONLY | O_CREAT | O_CLOEXEC | (this.#exclusive ? O_EXCL : 0);
    this.#start(Step.openingTarget, openRequest(this.#target, flags, this.#mode));
  }

  #targetIsKnown(): void {
    const { statx } = this.#cell as Cell;
    const mode = statx.getUint16(STX_MODE, true);
    if (statx.getBigUint64(STX_INO, true) === this.#inode && deviceOf(statx) === this.#device) {
      this.#close();
    } else if ((mode & S_IFMT) !== S_IFREG) {
      this.#leaveToNode();
    } else if (statx.getBigUint64(STX_SIZE, true) > 0n) {
      TRUNCATE.fd = this.#to;
      this.#start(Step.truncating, TRUNCATE);
    } else {
      this.#setMode();
    }
  }

  /** The umask took some bits away, or it was there before. There is no opcode for this. */
  #setMode(): void {
    const { statx } = this.#cell as Cell;
    const same = (statx.getUint16(STX_MODE, true) & PERMISSIONS) === this.#mode;
    if (same && statx.getUint32(STX_UID, true) === process.geteuid?.()) {
      this.#read();
      return;
    }
    nodeFs.fchmod(this.#to, this.#mode, (error) => {
      this.goOn(() => (error ? this.#fail(error.errno ?? EIO) : this.#read()));
    });
  }

  #read(): void {
    const cell = this.#cell as Cell;
    const length = Math.min(this.#size - this.#copied, cell.bytes.length);
    if (length === 0) {
      this.#close();
      return;
    }
    TRANSFER.kind = OperationKind.Read;
    TRANSFER.fd = this.#from;
    TRANSFER.buffer = cell.bytes;
    TRANSFER.length = length;
    TRANSFER.offset = this.#copied;
    TRANSFER.setAddress(cell.address);
    TRANSFER.offLoop = length >= FS_OFF_LOOP_BYTES;
    this.#start(Step.reading, TRANSFER);
  }

  #write(): void {
    const cell = this.#cell as Cell;
    TRANSFER.kind = OperationKind.Write;
    TRANSFER.fd = this.#to;
    TRANSFER.buffer = cell.bytes;
    TRANSFER.length = this.#filled - this.#written;
    TRANSFER.offset = this.#copied;
    TRANSFER.setAddress(cell.address + this.#written);
    TRANSFER.offLoop = TRANSFER.length >= FS_COPY_OFF_LOOP_BYTES;
    this.#start(Step.writing, TRANSFER);
  }

  #ask(step: number, fd: number): void {
    const { statx, statxAddress } = this.#cell as Cell;
    STATX.fd = fd;
    STATX.buffer = statx;
    STATX.setAddress(statxAddress);
    this.#start(step, STATX);
  }

  #start(step: number, request: Request): void {
    this.#step = step;
    void this.#files.session.scheduler.startFor(request, this);
  }

  #fail(result: number): void {
    this.#failed = result;
    this.#close();
  }

  /** Closes what we opened, and has node:fs do all of it. */
  #leaveToNode(): void {
    const [source, target] = [this.#source, this.#target] as [string, string];
    const mode = this.#exclusive ? COPYFILE_EXCL : 0;
    this.#value = nodePromises.copyFile(source, target, mode);
    // If nobody takes it in the end, nobody has to look after it.
    (this.#value as Promise<unknown>).catch(() => {});
    this.#close();
  }

  #close(): void {
    const cell = this.#cell;
    if (cell !== undefined) {
      this.#cell = undefined;
      this.#files.copyCells.give(cell);
    }
    this.#start(Step.closingSource, closeRequest(this.#from));
  }

  #leave(): void {
    const failed = this.#failed;
    const [source, target, value] = [this.#source, this.#target, this.#value];
    const thrown = this.#error;
    const cell = this.#cell;
    if (cell !== undefined) this.#files.copyCells.give(cell);
    this.#cell = undefined;
    this.#error = undefined;
    this.#from = -1;
    this.#to = -1;
    this.#copied = 0;
    this.#failed = 0;
    this.#value = undefined;
    const error = failed < 0 ? systemError(failed, "copyfile", source, target) : undefined;
    this.end(value, thrown ?? error);
    if (free.length < FS_CALLS_KEPT) free.push(this);
  }
}

const free: CopyFile[] = [];
let freeOf: WholeFiles | undefined;

function takeCall(files: WholeFiles): CopyFile {
  if (freeOf !== files) {
    freeOf = files;
    free.length = 0;
  }
  return free.pop() ?? new CopyFile(files);
}

function deviceOf(statx: DataView): string {
  return `${statx.getUint32(STX_DEV_MAJOR, true)}:${statx.getUint32(STX_DEV_MINOR, true)}`;
}

/** Copies a file, as fs.promises.copyFile does: contents and permission bits. */
export function copyFile(source: unknown, target: unknown, mode?: unknown): Promise<unknown> {
  const session = road();
  const plain = mode === undefined || mode === null || mode === 0 || mode === COPYFILE_EXCL;
  if (session !== undefined && plain) {
    const [from, to] = [pathOf(source), pathOf(target)];
    if (from !== undefined && to !== undefined && !nodesFolders.has(folderNameOf(from))) {
      return takeCall(wholeFiles(session)).copy(from, to, mode === COPYFILE_EXCL);
    }
  }
  const args = [source, target, mode] as Parameters<typeof nodePromises.copyFile>;
  return nodePromises.copyFile(...args);
}
