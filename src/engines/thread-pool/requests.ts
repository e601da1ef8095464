import fs from "node:fs";
import { AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW } from "../../abi/linux.ts";
import { invariant } from "../../base/index.ts";
import { OperationKind } from "../../core/index.ts";
import {
  BIGINT,
  MODE_BITS,
  memory,
  NOTHING,
  namesDescriptor,
  position,
  vectors,
} from "../node-fs.ts";
import type { Job } from "./job.ts";

/*
 * The functions as they were when this module was loaded: a program, and our own preload hook, may
 * put others in their place that end up here again.
 */
const {
  close,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  link,
  lstat,
  mkdir,
  open,
  read,
  readv,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
  write,
  writev,
} = fs;

/** How each operation is started, with the job's `finish` as its callback. */
const STARTERS: Readonly<Partial<Record<OperationKind, (job: Job) => void>>> = {
  [OperationKind.Open]: (job) => open(job.path, job.flags | 0, job.mode & MODE_BITS, job.finish),
  [OperationKind.Close]: (job) => close(job.fd, job.finish),
  [OperationKind.Read]: (job) => {
    // Without bytes to read, fs.read answers 0 itself, even for a descriptor that is not open.
    if (job.length === 0) readv(job.fd, NOTHING, position(job) as number, job.finish);
    else read(job.fd, memory(job), 0, job.length, position(job), job.finish);
  },
  [OperationKind.Write]: (job) =>
    write(job.fd, memory(job), 0, job.length, position(job), job.finish),
  [OperationKind.Readv]: (job) => readv(job.fd, vectors(job), position(job) as number, job.finish),
  [OperationKind.Writev]: (job) =>
    writev(job.fd, vectors(job), position(job) as number, job.finish),
  [OperationKind.Fsync]: (job) => fsync(job.fd, job.finish),
  [OperationKind.Fdatasync]: (job) => fdatasync(job.fd, job.finish),
  [OperationKind.Statx]: (job) => {
    if (namesDescriptor(job)) fstat(job.fd, BIGINT, job.finish);
    else if ((job.flags & AT_SYMLINK_NOFOLLOW) !== 0) lstat(job.path, BIGINT, job.finish);
    else stat(job.path, BIGINT, job.finish);
  },
  [OperationKind.Truncate]: (job) => ftruncate(job.fd, job.offset, job.finish),
  [OperationKind.Unlink]: (job) => {
    if ((job.flags & AT_REMOVEDIR) !== 0) rmdir(job.path, job.finish);
    else unlink(job.path, job.finish);
  },
  [OperationKind.Rename]: (job) => rename(job.path, job.path2, job.finish),
  [OperationKind.Mkdir]: (job) => mkdir(job.path, job.mode & MODE_BITS, job.finish),
  [OperationKind.Symlink]: (job) => symlink(job.path, job.path2, job.finish),
  [OperationKind.Link]: (job) => link(job.path, job.path2, job.finish),
};

/** Starts a job. Throws what node:fs throws for arguments that it does not take. */
export function start(job: Job): void {
  const starter = STARTERS[job.kind];
  invariant(starter, `The thread pool was given an operation that it refuses: ${job.kind}`);
  starter(job);
}
