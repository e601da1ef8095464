import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  PARAMS_CQ_ENTRIES,
  PARAMS_CQ_OFF_USER_ADDR,
  PARAMS_FLAGS,
  PARAMS_SIZE,
  PARAMS_SQ_OFF_USER_ADDR,
  PARAMS_SQ_THREAD_CPU,
  PARAMS_SQ_THREAD_IDLE,
  PARAMS_WQ_FD,
} from "../../abi/io-uring.ts";
import { EINVAL } from "../../abi/linux.ts";
import { outOfRange } from "../../base/argument-errors.ts";
import { RING_EXIT_MS } from "../../base/limits.ts";
import { optionsOf } from "../../base/options.ts";
import { refuseUnlessAllowed } from "../../base/permission.ts";
import { validateBuffer, validateInteger, validateUint32 } from "../../base/validate.ts";
import { openExactRing, type RingMemory } from "../../engines/io-uring/setup.ts";
import { addonOfRing, addressOf, allocate } from "./memory.ts";
import { ControlVerbs } from "./prep-control.ts";
import type { Probe } from "./probe.ts";
import { timespecMs } from "./structs.ts";

const PAGE = 4096;
const TWO_32 = 0x1_0000_0000;

/** What a ring is asked to be: `struct io_uring_params`, as far as it is asked. */
export interface RingParams {
  /** IORING_SETUP_*. */
  readonly flags?: number;
  /** Places in the completion queue; sets IORING_SETUP_CQSIZE. Twice the SQEs unless told. */
  readonly cqEntries?: number;
  /** With IORING_SETUP_SQ_AFF, the processor of the kernel's thread. */
  readonly sqThreadCpu?: number;
  /** With IORING_SETUP_SQPOLL, milliseconds without work until the kernel's thread sleeps. */
  readonly sqThreadIdle?: number;
  /** With IORING_SETUP_ATTACH_WQ, the descriptor of the ring whose workers are shared. */
  readonly wqFd?: number;
}

/**
 * A ring of io_uring(7), with liburing's verbs as methods. Made by `queueInit`.
 *
 * Verbs that liburing has return a value >= 0 or -errno, as there. Misuse throws: a length beyond
 * the end of a view, an sqe of -1, a ring that was closed. The ring belongs to one thread.
 *
 * A ring that is collected without `queueExit` is closed in order, with a process warning
 * `PROACTOR_FORGOTTEN`: its requests are canceled, and what they were lent stays until the last has
 * completed.
 */
export class Ring extends ControlVerbs {
  /**
   * Closes the ring: io_uring_queue_exit(3). Requests in flight are canceled and waited for, up to
   * a second; what the kernel may still be writing to after that is never freed. Before Linux 6.0
   * nothing cancels them all: there, none is waited for. What was prepared
   * and not submitted is dropped. A second call does nothing.
   */
  queueExit(): void {
    if (!this.isOpen) return;
    if (!this.#drain()) this.keepLent();
    this.closeRing();
  }

  /** The same as `queueExit`, for `using`. */
  [Symbol.dispose](): void {
    this.queueExit();
  }

  /** Whether `queueExit` was called. */
  get isClosed(): boolean {
    return !this.isOpen;
  }

  /** How many requests are in flight whose last completion is still to be seen. */
  get requestsInFlight(): number {
    return this.inFlight.total - this.untaken();
  }

  /** Cancels everything and consumes completions. Returns whether nothing is in flight. */
  #drain(): boolean {
    const end = performance.now() + RING_EXIT_MS;
    const soon = timespecMs(20);
    for (;;) {
      while (this.peekCqe() >= 0) this.cqAdvance(this.cqReady());
      if (this.requestsInFlight <= 0) return true;
      const flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
      const result = this.registerSyncCancel({ flags, timeout: soon });
      if (result === -EINVAL || performance.now() > end) return false;
      this.waitCqeTimeout(soon);
    }
  }
}

/**
 * Opens a ring: io_uring_queue_init(3). Throws a system error when the kernel refuses,
 * `ERR_PROACTOR_NATIVE` without the addon, and `ERR_ACCESS_DENIED` where Node's permission model
 * does not allow all files and all of the network: a ring asks Node for nothing.
 *
 * @param entries How many SQEs, rounded up to a power of two; up to 32768.
 * @param flags IORING_SETUP_*.
 */
export function queueInit(entries: number, flags = 0): Ring {
  return queueInitParams(entries, { flags });
}

/** Opens a ring with more to say about it: io_uring_queue_init_params(3). Throws as `queueInit`. */
export function queueInitParams(entries: number, given: RingParams): Ring {
  const params = paramsOf(given);
  const flags = params.flags ?? 0;
  if ((flags & IORING_SETUP_NO_MMAP) === 0) return open(entries, params, flags, undefined);
  return queueInitMem(entries, params, allocate(memorySize(entries, params)));
}

/**
 * Opens a ring in memory of ours: io_uring_queue_init_mem(3). Sets IORING_SETUP_NO_MMAP. The end of
 * this environment does not wait for such a ring. Throws as `queueInit`; Linux 6.5.
 *
 * @param memory `memorySize` bytes from `allocate`; before Linux 6.14 in one huge page.
 */
export function queueInitMem(entries: number, given: RingParams, memory: Buffer): Ring {
  const params = paramsOf(given);
  validateBuffer(memory, "memory");
  const needed = memorySize(entries, params);
  if (memory.byteLength < needed) throw outOfRange("memory", `>= ${needed} bytes`, memory.length);
  return open(entries, params, (params.flags ?? 0) | IORING_SETUP_NO_MMAP, memory);
}

/**
 * How many bytes `queueInitMem` needs: io_uring_memory_size_params(3). Enough for entries of any
 * size, in whole pages.
 */
export function memorySize(entries: number, given: RingParams = {}): number {
  validateInteger(entries, "entries", 0, 0xffff_ffff);
  const params = paramsOf(given);
  return ringBytes(entries, params) + roundUp(roundUpToPower(entries) * 128);
}

/** Which opcodes the kernel has: io_uring_get_probe(3). Throws as `queueInit`. */
export function getProbe(): Probe {
  using ring = queueInit(2);
  return ring.getProbeRing();
}

/** The parameters, checked: each is 32 bits. */
function paramsOf(given: RingParams): RingParams {
  const params = optionsOf(given, "params");
  for (const name of ["flags", "cqEntries", "sqThreadCpu", "sqThreadIdle", "wqFd"] as const) {
    if (params[name] !== undefined) validateUint32(params[name], `params.${name}`);
  }
  return params;
}

function open(
  entries: number,
  options: RingParams,
  flags: number,
  memory: Buffer | undefined,
): Ring {
  validateInteger(entries, "entries", 0, 0xffff_ffff);
  refuseUnlessAllowed("a ring");
  const params = new Uint32Array(PARAMS_SIZE / 4);
  params[PARAMS_FLAGS / 4] = flags | (options.cqEntries === undefined ? 0 : IORING_SETUP_CQSIZE);
  params[PARAMS_CQ_ENTRIES / 4] = options.cqEntries ?? 0;
  params[PARAMS_SQ_THREAD_CPU / 4] = options.sqThreadCpu ?? 0;
  params[PARAMS_SQ_THREAD_IDLE / 4] = options.sqThreadIdle ?? 0;
  params[PARAMS_WQ_FD / 4] = options.wqFd ?? 0;
  const addon = addonOfRing();
  let provided: RingMemory | undefined;
  if (memory !== undefined) {
    const bytes = new Uint8Array(memory.buffer as ArrayBuffer, memory.byteOffset, memory.length);
    const sqesAt = ringBytes(entries, options);
    setAddress(params, PARAMS_CQ_OFF_USER_ADDR / 4, addressOf(memory));
    setAddress(params, PARAMS_SQ_OFF_USER_ADDR / 4, addressOf(memory) + sqesAt);
    provided = { rings: bytes, sqes: bytes.subarray(sqesAt) };
  }
  return new Ring(addon, openExactRing(addon, entries, params, provided));
}

/** The header, completions of any size, and the indirection array. */
function ringBytes(entries: number, params: RingParams): number {
  const sqEntries = roundUpToPower(entries);
  const cqEntries = roundUpToPower(params.cqEntries ?? sqEntries * 2);
  return roundUp(PAGE / 4 + cqEntries * 32 + sqEntries * 4);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}

function roundUpToPower(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(count, 1)));
}

function setAddress(params: Uint32Array, word: number, address: number): void {
  params[word] = address;
  params[word + 1] = address / TWO_32;
}
