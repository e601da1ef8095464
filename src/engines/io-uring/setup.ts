import {
  CQE_SIZE,
  CQE32_SIZE,
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_FAST_POLL,
  IORING_FEAT_NODROP,
  IORING_FEAT_RW_CUR_POS,
  IORING_FEAT_SINGLE_MMAP,
  IORING_FEAT_SUBMIT_STABLE,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_OP_NOP,
  IORING_REGISTER_PROBE,
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_UNREGISTER_RING_FDS,
  PARAMS_CQ_ENTRIES,
  PARAMS_CQ_OFF_CQES,
  PARAMS_CQ_OFF_FLAGS,
  PARAMS_CQ_OFF_HEAD,
  PARAMS_CQ_OFF_OVERFLOW,
  PARAMS_CQ_OFF_TAIL,
  PARAMS_FEATURES,
  PARAMS_FLAGS,
  PARAMS_SIZE,
  PARAMS_SQ_ENTRIES,
  PARAMS_SQ_OFF_ARRAY,
  PARAMS_SQ_OFF_FLAGS,
  PARAMS_SQ_OFF_HEAD,
  PARAMS_SQ_OFF_TAIL,
  PARAMS_SQ_THREAD_IDLE,
  PROBE_OP_SIZE,
  PROBE_SIZE,
  SQE_SIZE,
  SQE128_SIZE,
} from "../../abi/io-uring.ts";
import { EINVAL, ENOMEM } from "../../abi/linux.ts";
import { ProactorError, systemError } from "../../base/errors.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { CompletionQueue, SubmissionQueue } from "../../ring/index.ts";
import { writeSqeHead } from "./requests.ts";

/** What every ring of ours stands on; all of it is in Linux 5.7. */
export const REQUIRED_FEATURES =
  IORING_FEAT_SINGLE_MMAP |
  IORING_FEAT_NODROP |
  IORING_FEAT_SUBMIT_STABLE |
  IORING_FEAT_RW_CUR_POS |
  IORING_FEAT_FAST_POLL;

/** A ring that is set up and mapped. */
export interface Ring {
  readonly fd: number;
  readonly sq: SubmissionQueue;
  readonly cq: CompletionQueue;
  /** IORING_SETUP_* in force. */
  readonly flags: number;
  /** IORING_FEAT_* of this kernel. */
  readonly features: number;
  /** The mapped memory of both rings, for the teardown guard. */
  readonly ringMemory: ArrayBuffer;
  /** struct io_uring_params as the kernel answered it. */
  readonly params: Uint8Array;
  /** Unmaps and closes. Nothing may be in flight. */
  close(): void;
}

/** What a ring is asked to be. */
export interface RingOptions {
  readonly entries: number;
  readonly completionEntries: number;
  readonly sqPoll: boolean;
  readonly sqPollIdleMs: number;
  /**
   * Let completions wait until we enter the kernel (IORING_SETUP_DEFER_TASKRUN), where it can.
   * Default true.
   */
  readonly defer?: boolean;
}

/** A ring to ask the kernel with. */
export const SMALLEST: RingOptions = {
  entries: 2,
  completionEntries: 4,
  sqPoll: false,
  sqPollIdleMs: 0,
};

/**
 * The sets of setup flags worth having, best first. Every set is tried until the kernel takes one:
 * EINVAL says that it does not know a flag, anything else is final.
 */
export function setupFlagCandidates(sqPoll: boolean, defer = true): readonly number[] {
  const base = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
  if (sqPoll) {
    const poll = base | IORING_SETUP_SQPOLL;
    return [poll | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY, poll];
  }
  const all = base | IORING_SETUP_SUBMIT_ALL;
  const deferred =
    all | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  const cooperative = all | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  // What knows NO_SQARRAY (6.6) knows DEFER_TASKRUN (6.1) as well.
  const best = defer
    ? [deferred | IORING_SETUP_NO_SQARRAY, deferred]
    : [cooperative | IORING_SETUP_NO_SQARRAY];
  return [...best, cooperative, all, base];
}

/** Sets a ring up with the best flags this kernel takes. Returns its descriptor or -errno. */
export function setupRing(
  addon: NativeAddon,
  options: RingOptions,
  params: Uint32Array<ArrayBuffer>,
): number {
  const bytes = new Uint8Array(params.buffer);
  let result = -EINVAL;
  for (const flags of setupFlagCandidates(options.sqPoll, options.defer)) {
    params.fill(0);
    params[PARAMS_FLAGS / 4] = flags;
    params[PARAMS_CQ_ENTRIES / 4] = options.completionEntries;
    params[PARAMS_SQ_THREAD_IDLE / 4] = options.sqPollIdleMs;
    result = addon.uringSetup(options.entries, bytes);
    if (result !== -EINVAL) break;
  }
  return result;
}

/** Opens a ring: set up, checked against what we stand on, mapped. Throws if any of it fails. */
export function openRing(addon: NativeAddon, options: RingOptions): Ring {
  const params = new Uint32Array(PARAMS_SIZE / 4);
  return openSetUp(addon, setupRing(addon, options, params), params, mapMemory);
}

/** What a person is to know of a ring that is smaller than it was asked for. */
export function sizeNote(ring: Ring, asked: RingOptions): { smaller?: string } {
  if (ring.sq.entries >= asked.entries) return {};
  const { entries, completionEntries } = asked;
  return {
    smaller: `${entries} and ${completionEntries} entries were too many (ENOMEM): raise ulimit -l`,
  };
}

/**
 * Opens a ring with exactly these parameters, whatever the size of its entries. Throws if the
 * kernel refuses any of them.
 *
 * @param params `struct io_uring_params`, which the kernel completes.
 * @param provided The memory of the ring with IORING_SETUP_NO_MMAP; its address is in `params`.
 */
export function openExactRing(
  addon: NativeAddon,
  entries: number,
  params: Uint32Array<ArrayBuffer>,
  provided?: RingMemory,
): Ring {
  const fd = addon.uringSetup(entries, new Uint8Array(params.buffer));
  const memory = provided === undefined ? mapMemory : () => provided;
  return openSetUp(addon, fd, params, memory);
}

function openSetUp(
  addon: NativeAddon,
  fd: number,
  params: Uint32Array<ArrayBuffer>,
  memory: typeof mapMemory,
): Ring {
  if (fd < 0) throw systemError(fd, "io_uring_setup");
  try {
    checkFeatures(wordAt(params, PARAMS_FEATURES));
    return mapRing(addon, fd, params, memory);
  } catch (error) {
    closeRing(addon, fd, wordAt(params, PARAMS_FLAGS));
    throw error;
  }
}

/** A ring without a descriptor is gone with its registration. */
function closeRing(addon: NativeAddon, fd: number, flags: number): void {
  if ((flags & IORING_SETUP_REGISTERED_FD_ONLY) === 0) {
    addon.closeFd(fd);
    return;
  }
  // struct io_uring_rsrc_update: offset, resv, data.
  const update = new Uint32Array([fd, 0, 0, 0]);
  const opcode = IORING_UNREGISTER_RING_FDS | IORING_REGISTER_USE_REGISTERED_RING;
  addon.uringRegister(fd, opcode >>> 0, addon.addressOf(update), 1);
}

/**
 * Sets the smallest ring up, has it do nothing once, and closes it again. A filter may let a ring
 * be made, and forbid that it is used. Throws what `openRing` would, or the error of the call.
 */
export function tryRing(addon: NativeAddon): void {
  const ring = openRing(addon, SMALLEST);
  try {
    const { sq, fd } = ring;
    writeSqeHead(sq.sqes, sq.reserve(), IORING_OP_NOP, 0, -1, 0, 0);
    const taken = addon.uringEnter(fd, sq.publish(), 0, IORING_ENTER_GETEVENTS);
    if (taken < 0) throw systemError(taken, "io_uring_enter");
    const probe = new Uint8Array(PROBE_SIZE + PROBE_OP_SIZE);
    const asked = addon.uringRegister(fd, IORING_REGISTER_PROBE, addon.addressOf(probe), 1);
    if (asked < 0) throw systemError(asked, "io_uring_register");
  } finally {
    ring.close();
  }
}

/** The smallest ring that is worth more than the thread pool: a batch of so many. */
const FEWEST_ENTRIES = 8;

/**
 * Opens a ring as it is asked for, or half as large again and again while the kernel has no memory
 * for it: before Linux 5.12 a ring counts against the limit of locked memory.
 */
export function openLargestRing(addon: NativeAddon, options: RingOptions): Ring {
  let { entries, completionEntries } = options;
  for (;;) {
    try {
      return openRing(addon, { ...options, entries, completionEntries });
    } catch (error) {
      const short = (error as NodeJS.ErrnoException).errno === -ENOMEM;
      if (!short || entries <= FEWEST_ENTRIES) throw error;
      // The queue of completions is the larger one: what does not fit into it waits in the kernel.
      entries = Math.max(FEWEST_ENTRIES, entries >> 1);
      completionEntries = Math.max(entries * 2, completionEntries >> 2);
    }
  }
}

function checkFeatures(features: number): void {
  if ((features & REQUIRED_FEATURES) === REQUIRED_FEATURES) return;
  const hex = (flags: number) => `0x${flags.toString(16)}`;
  throw new ProactorError(
    "ERR_PROACTOR_ENGINE_UNAVAILABLE",
    `io_uring lacks features: have ${hex(features)}, want ${hex(REQUIRED_FEATURES)}`,
    "Use Linux 5.7 or newer",
  );
}

/** The memory of a ring, as it was mapped, or as the program provided it. */
export interface RingMemory {
  readonly rings: Uint8Array<ArrayBuffer>;
  readonly sqes: Uint8Array<ArrayBuffer>;
}

/** How many bytes both rings take, and all SQEs, by what the kernel answered. */
function sizesOf(params: Uint32Array): { rings: number; sqes: number } {
  const flags = wordAt(params, PARAMS_FLAGS);
  const sqEntries = wordAt(params, PARAMS_SQ_ENTRIES);
  const cqeSize = (flags & IORING_SETUP_CQE32) !== 0 ? CQE32_SIZE : CQE_SIZE;
  const cqes = wordAt(params, PARAMS_CQ_OFF_CQES) + wordAt(params, PARAMS_CQ_ENTRIES) * cqeSize;
  const array = wordAt(params, PARAMS_SQ_OFF_ARRAY) + sqEntries * 4;
  const sqeSize = (flags & IORING_SETUP_SQE128) !== 0 ? SQE128_SIZE : SQE_SIZE;
  const hasArray = (flags & IORING_SETUP_NO_SQARRAY) === 0;
  return { rings: hasArray ? Math.max(cqes, array) : cqes, sqes: sqEntries * sqeSize };
}

function mapMemory(addon: NativeAddon, fd: number, params: Uint32Array): RingMemory {
  const sizes = sizesOf(params);
  return {
    rings: new Uint8Array(mapped(addon.map(fd, sizes.rings, IORING_OFF_SQ_RING))),
    sqes: new Uint8Array(mapped(addon.map(fd, sizes.sqes, IORING_OFF_SQES))),
  };
}

/** Makes the queues of a ring that is set up, or was resized, and maps them. Throws a mmap error. */
export function mapRing(
  addon: NativeAddon,
  fd: number,
  params: Uint32Array<ArrayBuffer>,
  memory: typeof mapMemory = mapMemory,
): Ring {
  const sqEntries = wordAt(params, PARAMS_SQ_ENTRIES);
  const flags = wordAt(params, PARAMS_FLAGS);
  const sizes = sizesOf(params);
  const { rings, sqes } = memory(addon, fd, params);
  const words = new Uint32Array(rings.buffer, rings.byteOffset, sizes.rings >> 2);
  const entries = new Uint32Array(sqes.buffer, sqes.byteOffset, sizes.sqes >> 2);
  if ((flags & IORING_SETUP_NO_SQARRAY) === 0) {
    // The indirection array is of no use to us: entry i is always the ith.
    const array = wordAt(params, PARAMS_SQ_OFF_ARRAY) / 4;
    for (let i = 0; i < sqEntries; i++) words[array + i] = i;
  }
  return {
    fd,
    flags,
    features: wordAt(params, PARAMS_FEATURES),
    sq: new SubmissionQueue(words, entries, {
      head: wordAt(params, PARAMS_SQ_OFF_HEAD) / 4,
      tail: wordAt(params, PARAMS_SQ_OFF_TAIL) / 4,
      flags: wordAt(params, PARAMS_SQ_OFF_FLAGS) / 4,
      entries: sqEntries,
      stride: sizes.sqes / sqEntries / 4,
    }),
    cq: new CompletionQueue(words, {
      head: wordAt(params, PARAMS_CQ_OFF_HEAD) / 4,
      tail: wordAt(params, PARAMS_CQ_OFF_TAIL) / 4,
      flags: wordAt(params, PARAMS_CQ_OFF_FLAGS) / 4,
      overflow: wordAt(params, PARAMS_CQ_OFF_OVERFLOW) / 4,
      cqes: wordAt(params, PARAMS_CQ_OFF_CQES) / 4,
      entries: wordAt(params, PARAMS_CQ_ENTRIES),
      stride: (flags & IORING_SETUP_CQE32) !== 0 ? CQE32_SIZE / 4 : CQE_SIZE / 4,
    }),
    ringMemory: rings.buffer,
    params: new Uint8Array(params.buffer),
    close() {
      // The mappings go when they are collected. To detach them now would make every access to
      // every typed array of the process slower: V8 then checks each for being detached.
      closeRing(addon, fd, flags);
    },
  };
}

function mapped(result: ArrayBuffer | number): ArrayBuffer {
  if (typeof result === "number") throw systemError(result, "mmap");
  return result;
}

/** A word of the parameter block by its byte offset. */
function wordAt(params: Uint32Array, offset: number): number {
  return params[offset / 4] as number;
}
