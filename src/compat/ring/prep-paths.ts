import {
  IORING_OP_CLOSE,
  IORING_OP_FGETXATTR,
  IORING_OP_FILES_UPDATE,
  IORING_OP_FIXED_FD_INSTALL,
  IORING_OP_FSETXATTR,
  IORING_OP_GETXATTR,
  IORING_OP_LINKAT,
  IORING_OP_MKDIRAT,
  IORING_OP_OPENAT,
  IORING_OP_OPENAT2,
  IORING_OP_RENAMEAT,
  IORING_OP_SETXATTR,
  IORING_OP_STATX,
  IORING_OP_SYMLINKAT,
  IORING_OP_UNLINKAT,
  IOSQE_FIXED_FILE,
} from "../../abi/io-uring.ts";
import { AT_FDCWD, OPEN_HOW_SIZE, STATX_BYTES } from "../../abi/linux.ts";
import { CString, type Path, type Pointer } from "./memory.ts";
import { FileVerbs } from "./prep-files.ts";

/** Text becomes a C string of its own, which the request keeps until it is done. */
function pointerTo(path: Path): Pointer {
  return typeof path === "string" ? new CString(path) : path;
}

/**
 * The verbs that prepare what is done to names: open, stat, rename, attributes. A path is a string,
 * or a view that ends with a zero byte. A relative one starts at the directory `dfd`, or at the
 * current directory with AT_FDCWD.
 */
export abstract class PathVerbs extends FileVerbs {
  /** Prepares openat(2): io_uring_prep_openat(3). */
  prepOpenat(sqe: number, dfd: number, path: Path, flags: number, mode: number): void {
    this.fill(IORING_OP_OPENAT, sqe, dfd, pointerTo(path), 0, mode, 0);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares open(2): io_uring_prep_open(3). */
  prepOpen(sqe: number, path: Path, flags: number, mode: number): void {
    this.prepOpenat(sqe, AT_FDCWD, path, flags, mode);
  }

  /** Prepares openat(2) into the table of registered files: io_uring_prep_openat_direct(3). */
  prepOpenatDirect(
    sqe: number,
    dfd: number,
    path: Path,
    flags: number,
    mode: number,
    fileIndex: number,
  ): void {
    this.prepOpenat(sqe, dfd, path, flags, mode);
    this.sqeSetFileIndex(sqe, fileIndex);
  }

  /** Prepares open(2) into the table of registered files: io_uring_prep_open_direct(3). */
  prepOpenDirect(sqe: number, path: Path, flags: number, mode: number, fileIndex: number): void {
    this.prepOpenatDirect(sqe, AT_FDCWD, path, flags, mode, fileIndex);
  }

  /** Prepares openat2(2): io_uring_prep_openat2(3). `how` comes from `openHow`. */
  prepOpenat2(sqe: number, dfd: number, path: Path, how: Pointer): void {
    this.fill(IORING_OP_OPENAT2, sqe, dfd, pointerTo(path), 0, OPEN_HOW_SIZE, 0);
    this.lend(sqe, 2, how, OPEN_HOW_SIZE);
  }

  /** Prepares openat2(2) into the table of registered files: io_uring_prep_openat2_direct(3). */
  prepOpenat2Direct(sqe: number, dfd: number, path: Path, how: Pointer, fileIndex: number): void {
    this.prepOpenat2(sqe, dfd, path, how);
    this.sqeSetFileIndex(sqe, fileIndex);
  }

  /** Prepares close(2): io_uring_prep_close(3). */
  prepClose(sqe: number, fd: number): void {
    this.fill(IORING_OP_CLOSE, sqe, fd, 0, 0, 0, 0);
  }

  /** Prepares closing a direct descriptor: io_uring_prep_close_direct(3). */
  prepCloseDirect(sqe: number, fileIndex: number): void {
    this.prepClose(sqe, 0);
    this.sqeSetFileIndex(sqe, fileIndex);
  }

  /** Prepares making an ordinary descriptor of a direct one: io_uring_prep_fixed_fd_install(3). */
  prepFixedFdInstall(sqe: number, fd: number, flags: number): void {
    this.fill(IORING_OP_FIXED_FD_INSTALL, sqe, fd, 0, 0, 0, 0);
    this.sqeSetFlags(sqe, IOSQE_FIXED_FILE);
    this.sqes[sqe + 7] = flags;
  }

  /**
   * Prepares replacing registered files: io_uring_prep_files_update(3). `fds` is an array of 32-bit
   * descriptors; -1 empties a place. With IORING_FILE_INDEX_ALLOC as offset the kernel chooses the
   * places and writes them over the descriptors.
   */
  prepFilesUpdate(sqe: number, fds: Pointer, nrFds: number, offset: number): void {
    this.fill(IORING_OP_FILES_UPDATE, sqe, -1, fds, nrFds * 4, nrFds, offset);
  }

  /** Prepares statx(2): io_uring_prep_statx(3). `statxbuf` has room for 256 bytes. */
  prepStatx(
    sqe: number,
    dfd: number,
    path: Path,
    flags: number,
    mask: number,
    statxbuf: Pointer,
  ): void {
    this.fill(IORING_OP_STATX, sqe, dfd, pointerTo(path), 0, mask, 0);
    this.lend(sqe, 2, statxbuf, STATX_BYTES);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares unlinkat(2): io_uring_prep_unlinkat(3). AT_REMOVEDIR removes directories. */
  prepUnlinkat(sqe: number, dfd: number, path: Path, flags: number): void {
    this.fill(IORING_OP_UNLINKAT, sqe, dfd, pointerTo(path), 0, 0, 0);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares unlink(2): io_uring_prep_unlink(3). */
  prepUnlink(sqe: number, path: Path, flags: number): void {
    this.prepUnlinkat(sqe, AT_FDCWD, path, flags);
  }

  /** Prepares renameat2(2): io_uring_prep_renameat(3). */
  prepRenameat(
    sqe: number,
    olddfd: number,
    oldpath: Path,
    newdfd: number,
    newpath: Path,
    flags: number,
  ): void {
    this.#fillTwoPaths(IORING_OP_RENAMEAT, sqe, olddfd, oldpath, newdfd, newpath);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares rename(2): io_uring_prep_rename(3). */
  prepRename(sqe: number, oldpath: Path, newpath: Path): void {
    this.prepRenameat(sqe, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
  }

  /** Prepares mkdirat(2): io_uring_prep_mkdirat(3). */
  prepMkdirat(sqe: number, dfd: number, path: Path, mode: number): void {
    this.fill(IORING_OP_MKDIRAT, sqe, dfd, pointerTo(path), 0, mode, 0);
  }

  /** Prepares mkdir(2): io_uring_prep_mkdir(3). */
  prepMkdir(sqe: number, path: Path, mode: number): void {
    this.prepMkdirat(sqe, AT_FDCWD, path, mode);
  }

  /** Prepares symlinkat(2): io_uring_prep_symlinkat(3). */
  prepSymlinkat(sqe: number, target: Path, newdirfd: number, linkpath: Path): void {
    this.#fillTwoPaths(IORING_OP_SYMLINKAT, sqe, newdirfd, target, 0, linkpath);
  }

  /** Prepares symlink(2): io_uring_prep_symlink(3). */
  prepSymlink(sqe: number, target: Path, linkpath: Path): void {
    this.prepSymlinkat(sqe, target, AT_FDCWD, linkpath);
  }

  /** Prepares linkat(2): io_uring_prep_linkat(3). */
  prepLinkat(
    sqe: number,
    olddfd: number,
    oldpath: Path,
    newdfd: number,
    newpath: Path,
    flags: number,
  ): void {
    this.#fillTwoPaths(IORING_OP_LINKAT, sqe, olddfd, oldpath, newdfd, newpath);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares link(2): io_uring_prep_link(3). */
  prepLink(sqe: number, oldpath: Path, newpath: Path, flags: number): void {
    this.prepLinkat(sqe, AT_FDCWD, oldpath, AT_FDCWD, newpath, flags);
  }

  /** Prepares getxattr(2): io_uring_prep_getxattr(3). A `len` of 0 asks how long the value is. */
  prepGetxattr(sqe: number, name: Path, value: Pointer, path: Path, len: number): void {
    this.#fillAttribute(IORING_OP_GETXATTR, sqe, 0, name, value, len);
    this.lend(sqe, 12, pointerTo(path), 0);
  }

  /** Prepares fgetxattr(2): io_uring_prep_fgetxattr(3). */
  prepFgetxattr(sqe: number, fd: number, name: Path, value: Pointer, len: number): void {
    this.#fillAttribute(IORING_OP_FGETXATTR, sqe, fd, name, value, len);
  }

  /** Prepares setxattr(2): io_uring_prep_setxattr(3). */
  prepSetxattr(
    sqe: number,
    name: Path,
    value: Pointer,
    path: Path,
    flags: number,
    len: number,
  ): void {
    this.#fillAttribute(IORING_OP_SETXATTR, sqe, 0, name, value, len);
    this.lend(sqe, 12, pointerTo(path), 0);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares fsetxattr(2): io_uring_prep_fsetxattr(3). */
  prepFsetxattr(
    sqe: number,
    fd: number,
    name: Path,
    value: Pointer,
    flags: number,
    len: number,
  ): void {
    this.#fillAttribute(IORING_OP_FSETXATTR, sqe, fd, name, value, len);
    this.sqes[sqe + 7] = flags;
  }

  #fillTwoPaths(
    opcode: number,
    sqe: number,
    dfd: number,
    path: Path,
    len: number,
    otherPath: Path,
  ): void {
    this.fill(opcode, sqe, dfd, pointerTo(path), 0, len, 0);
    this.lend(sqe, 2, pointerTo(otherPath), 0);
  }

  #fillAttribute(
    opcode: number,
    sqe: number,
    fd: number,
    name: Path,
    value: Pointer,
    len: number,
  ): void {
    this.fill(opcode, sqe, fd, pointerTo(name), 0, len, 0);
    this.lend(sqe, 2, value, len);
  }
}
