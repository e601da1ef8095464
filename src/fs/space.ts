import type { FileHandle } from "node:fs/promises";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  POSIX_FADV_DONTNEED,
  POSIX_FADV_NOREUSE,
  POSIX_FADV_NORMAL,
  POSIX_FADV_RANDOM,
  POSIX_FADV_SEQUENTIAL,
  POSIX_FADV_WILLNEED,
} from "../abi/linux.ts";
import { invalidArgValue } from "../base/argument-errors.ts";
import { ProactorError } from "../base/errors.ts";
import { optionsOf } from "../base/options.ts";
import { validateInteger, validateObject } from "../base/validate.ts";
import { OperationKind, Request } from "../core/index.ts";
import { hold } from "../runtime/file-handle.ts";
import { failure } from "./calls.ts";
import { road } from "./road.ts";
import { checkStop, Stop, type StopOptions } from "./stop.ts";

/** A part of a file, and how long it may take. */
export interface RangeOptions extends StopOptions {
  /** Where it begins, in bytes: 0 unless told. */
  readonly offset?: number | undefined;
  /** How many bytes. */
  readonly length: number;
}

/** How space is allocated. */
export interface AllocateOptions extends RangeOptions {
  /** Leave the size as it is: space beyond the end waits for what will be appended. */
  readonly keepSize?: boolean | undefined;
}

/** What a program will do with a part of a file; the names of posix_fadvise(2). */
export type Advice = "normal" | "sequential" | "random" | "willneed" | "dontneed" | "noreuse";

const ADVICE: Readonly<Record<Advice, number>> = {
  normal: POSIX_FADV_NORMAL,
  sequential: POSIX_FADV_SEQUENTIAL,
  random: POSIX_FADV_RANDOM,
  willneed: POSIX_FADV_WILLNEED,
  dontneed: POSIX_FADV_DONTNEED,
  noreuse: POSIX_FADV_NOREUSE,
};

/**
 * Makes sure that a part of a file has space on the device, fallocate(2): writing there will not
 * fail with `ENOSPC`. What is new reads as zeros; the file grows to the end of the part unless
 * `keepSize` is set.
 *
 * @param file A FileHandle, or a descriptor that stays open until it settles.
 * @throws `EOPNOTSUPP` where the file system cannot; `ENOSPC`, `EFBIG`; `ERR_PROACTOR_UNSUPPORTED`
 *   without io_uring, because node:fs has no function for it.
 */
export async function allocate(file: FileHandle | number, options: AllocateOptions): Promise<void> {
  const told = optionsOf(options);
  checkRange(told, 1);
  const flags = told.keepSize === true ? FALLOC_FL_KEEP_SIZE : 0;
  await change(file, told, flags, "allocate");
}

/**
 * Gives the space of a part of a file back to the file system, fallocate(2) with
 * FALLOC_FL_PUNCH_HOLE: it reads as zeros from then on, and the size stays as it is. Of blocks that
 * lie in the part only partly, that part is written with zeros.
 *
 * @param file A FileHandle, or a descriptor that stays open until it settles.
 * @throws As {@link allocate} does.
 */
export async function punchHole(file: FileHandle | number, options: RangeOptions): Promise<void> {
  const told = optionsOf(options);
  checkRange(told, 1);
  await change(file, told, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punchHole");
}

/**
 * Tells the page cache what will be done with a part of a file, posix_fadvise(2): `"willneed"`
 * begins to read it, `"dontneed"` drops what is clean of it. A `length` of 0 means to the end of
 * the file. Advice changes no result of any call; without io_uring it is not given.
 *
 * @param file A FileHandle, or a descriptor that stays open until it settles.
 */
export async function advise(
  file: FileHandle | number,
  advice: Advice,
  options: Partial<RangeOptions> = {},
): Promise<void> {
  if (!Object.hasOwn(ADVICE, advice)) throw invalidArgValue("advice", advice);
  const told = optionsOf(options);
  const range = Object.assign(told, { length: told.length ?? 0 });
  checkRange(range, 0);
  const request = requestFor(OperationKind.Fadvise, range);
  request.extra = ADVICE[advice];
  await perform(file, request, range);
}

async function change(
  file: FileHandle | number,
  options: RangeOptions,
  flags: number,
  name: string,
): Promise<void> {
  const request = requestFor(OperationKind.Fallocate, options);
  request.flags = flags;
  if (await perform(file, request, options)) return;
  throw new ProactorError(
    "ERR_PROACTOR_UNSUPPORTED",
    `${name} needs io_uring: node:fs has no function for it`,
    "Ask explain() why there is no io_uring here",
  );
}

/** False where nobody can do it. */
async function perform(
  file: FileHandle | number,
  request: Request,
  options: RangeOptions,
): Promise<boolean> {
  const { kind } = request;
  const syscall = kind === OperationKind.Fadvise ? "fadvise" : "fallocate";
  const held = hold(file, syscall);
  const session = road();
  if (session?.engine.capabilities.operations[kind] !== true) {
    held.release();
    return false;
  }
  const { scheduler } = session;
  request.fd = held.fd;
  const stop = new Stop(options, syscall, () => {
    if (inFlight !== undefined) scheduler.requestCancel(inFlight);
  });
  let inFlight: ReturnType<typeof scheduler.startFor> | undefined;
  try {
    if (stop.error !== undefined) throw stop.error;
    const result = await new Promise<number>((settled, failed) => {
      inFlight = scheduler.startFor(request, { settled, failed });
    });
    if (result < 0) throw stop.error ?? failure(kind, result);
    return true;
  } finally {
    stop.release();
    held.release();
  }
}

function requestFor(kind: OperationKind, options: RangeOptions): Request {
  const request = new Request().reset(kind);
  request.offset = options.offset ?? 0;
  request.length = options.length;
  return request;
}

function checkRange(options: RangeOptions, least: number): void {
  validateObject(options, "options");
  const { offset, length } = options;
  if (offset !== undefined) validateInteger(offset, "options.offset", 0);
  validateInteger(length, "options.length", least);
  checkStop(options);
}
