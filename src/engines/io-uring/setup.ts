import {
  IORING_FEAT_FAST_POLL,
  IORING_FEAT_NODROP,
  IORING_FEAT_RW_CUR_POS,
  IORING_FEAT_SINGLE_MMAP,
  IORING_FEAT_SUBMIT_STABLE,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
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
} from "../../abi/io-uring.ts";
import { EINVAL } from "../../abi/linux.ts";
import { ProactorError, systemError } from "../../base/errors.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { CompletionQueue, SubmissionQueue } from "../../ring/index.ts";

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
}

const SMALLEST: RingOptions = {
  entries: 2,
  completionEntries: 4,
  sqPoll: false,
  sqPollIdleMs: 0,
};

/**
 * The sets of setup flags worth having, best first. Every set is tried until the kernel takes one:
 * EINVAL says that it does not know a flag, anything else is final.
 */
export function setupFlagCandidates(sqPoll: boolean): readonly number[] {
  const base = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
  if (sqPoll) {
    const poll = base | IORING_SETUP_SQPOLL;
    return [poll | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY, poll];
  }
  const all = base | IORING_SETUP_SUBMIT_ALL;
  const deferred =
    all | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  return [
    deferred | IORING_SETUP_NO_SQARRAY,
    deferred,
    all | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    all,
    base,
  ];
}

/** Sets a ring up with the best flags this kernel takes. Returns its descriptor or -errno. */
export function setupRing(
  addon: NativeAddon,
  options: RingOptions,
  params: Uint32Array<ArrayBuffer>,
): number {
  const bytes = new Uint8Array(params.buffer);
  let result = -EINVAL;
  for (const flags of setupFlagCandidates(options.sqPoll)) {
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
  const fd = setupRing(addon, options, params);
  if (fd < 0) throw systemError(fd, "io_uring_setup");
  try {
    checkFeatures(wordAt(params, PARAMS_FEATURES));
    return mapRing(addon, fd, params);
  } catch (error) {
    addon.closeFd(fd);
    throw error;
  }
}

/** Sets the smallest ring up and closes it again. Throws what `openRing` would. */
export function tryRing(addon: NativeAddon): void {
  const params = new Uint32Array(PARAMS_SIZE / 4);
  const fd = setupRing(addon, SMALLEST, params);
  if (fd < 0) throw systemError(fd, "io_uring_setup");
  addon.closeFd(fd);
  checkFeatures(wordAt(params, PARAMS_FEATURES));
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

function mapRing(addon: NativeAddon, fd: number, params: Uint32Array<ArrayBuffer>): Ring {
  const sqEntries = wordAt(params, PARAMS_SQ_ENTRIES);
  const cqEntries = wordAt(params, PARAMS_CQ_ENTRIES);
  const cqes = wordAt(params, PARAMS_CQ_OFF_CQES);
  const flags = wordAt(params, PARAMS_FLAGS);
  const hasArray = (flags & IORING_SETUP_NO_SQARRAY) === 0;
  const arrayAt = wordAt(params, PARAMS_SQ_OFF_ARRAY);
  const ringBytes = Math.max(cqes + cqEntries * 16, hasArray ? arrayAt + sqEntries * 4 : 0);
  const ringMemory = mapped(addon.map(fd, ringBytes, IORING_OFF_SQ_RING));
  const sqeMemory = mapped(addon.map(fd, sqEntries * 64, IORING_OFF_SQES));
  const words = new Uint32Array(ringMemory, 0, ringBytes >> 2);
  // The indirection array is of no use to us: entry i is always the ith.
  if (hasArray) for (let i = 0; i < sqEntries; i++) words[arrayAt / 4 + i] = i;
  return {
    fd,
    flags,
    features: wordAt(params, PARAMS_FEATURES),
    sq: new SubmissionQueue(words, new Uint32Array(sqeMemory), {
      head: wordAt(params, PARAMS_SQ_OFF_HEAD) / 4,
      tail: wordAt(params, PARAMS_SQ_OFF_TAIL) / 4,
      flags: wordAt(params, PARAMS_SQ_OFF_FLAGS) / 4,
      entries: sqEntries,
    }),
    cq: new CompletionQueue(words, {
      head: wordAt(params, PARAMS_CQ_OFF_HEAD) / 4,
      tail: wordAt(params, PARAMS_CQ_OFF_TAIL) / 4,
      flags: wordAt(params, PARAMS_CQ_OFF_FLAGS) / 4,
      overflow: wordAt(params, PARAMS_CQ_OFF_OVERFLOW) / 4,
      cqes: cqes / 4,
      entries: cqEntries,
      stride: 4,
    }),
    ringMemory,
    params: new Uint8Array(params.buffer),
    close() {
      // The mappings go when they are collected. To detach them now would make every access to
      // every typed array of the process slower: V8 then checks each for being detached.
      addon.closeFd(fd);
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
