import {
  CLOCK_REGISTER_CLOCKID,
  CLOCK_REGISTER_SIZE,
  CQE_SIZE,
  CQE32_SIZE,
  IORING_ENTER_REGISTERED_RING,
  IORING_FEAT_REG_REG_RING,
  IORING_MEM_REGION_TYPE_USER,
  IORING_REGISTER_CLOCK,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_IOWQ_AFF,
  IORING_REGISTER_IOWQ_MAX_WORKERS,
  IORING_REGISTER_MEM_REGION,
  IORING_REGISTER_NAPI,
  IORING_REGISTER_PERSONALITY,
  IORING_REGISTER_PROBE,
  IORING_REGISTER_QUERY,
  IORING_REGISTER_RESIZE_RINGS,
  IORING_REGISTER_RESTRICTIONS,
  IORING_REGISTER_RING_FDS,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_REGISTER_ZCRX_CTRL,
  IORING_REGISTER_ZCRX_IFQ,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_SQARRAY,
  IORING_UNREGISTER_IOWQ_AFF,
  IORING_UNREGISTER_NAPI,
  IORING_UNREGISTER_PERSONALITY,
  IORING_UNREGISTER_RING_FDS,
  MEM_REGION_REG_FLAGS,
  MEM_REGION_REG_REGION_UPTR,
  MEM_REGION_REG_SIZE,
  NAPI_BUSY_POLL_TO,
  NAPI_OP_PARAM,
  NAPI_OPCODE,
  NAPI_PREFER_BUSY_POLL,
  NAPI_SIZE,
  PARAMS_CQ_ENTRIES,
  PARAMS_CQ_OFF_CQES,
  PARAMS_FEATURES,
  PARAMS_FLAGS,
  PARAMS_SIZE,
  PARAMS_SQ_ENTRIES,
  PARAMS_SQ_OFF_ARRAY,
  REGION_DESC_BYTES,
  REGION_DESC_FLAGS,
  REGION_DESC_MMAP_OFFSET,
  REGION_DESC_SIZE,
  REGION_DESC_USER_ADDR,
  RESTRICTION_OPCODE,
  RESTRICTION_REGISTER_OP,
  RESTRICTION_SIZE,
  RSRC_UPDATE_DATA,
  RSRC_UPDATE_OFFSET,
  RSRC_UPDATE_SIZE,
  SYNC_CANCEL_REG_ADDR,
  SYNC_CANCEL_REG_FD,
  SYNC_CANCEL_REG_FLAGS,
  SYNC_CANCEL_REG_OPCODE,
  SYNC_CANCEL_REG_SIZE,
  SYNC_CANCEL_REG_TIMEOUT,
} from "../../abi/io-uring.ts";
import { EBUSY, EINVAL, TIMESPEC_SIZE } from "../../abi/linux.ts";
import { systemError } from "../../base/errors.ts";
import { mapRing } from "../../engines/io-uring/setup.ts";
import { Struct } from "./memory.ts";
import { Probe } from "./probe.ts";
import { BufferRingVerbs } from "./provided-buffers.ts";

const ALL_ONES = 0xffff_ffff;
/** Bytes, on every machine that Node runs on. */
const CACHE_LINE = 64;

/** One rule for a ring that is still disabled. */
export interface Restriction {
  /** IORING_RESTRICTION_*. */
  readonly opcode: number;
  /** The register opcode, the SQE opcode, or the SQE flags, whichever it is about. */
  readonly value: number;
}

/** What `registerSyncCancel` looks for; what is not given matches anything the flags let it. */
export interface SyncCancel {
  /** User data, as in `sqeSetData64`. */
  readonly low?: number;
  readonly high?: number;
  readonly fd?: number;
  /** IORING_ASYNC_CANCEL_*. */
  readonly flags?: number;
  readonly opcode?: number;
  /** How long to wait for what runs already; without a limit unless told. */
  readonly timeout?: Struct;
}

/** Busy polling of network cards. */
export interface Napi {
  /** Microseconds. */
  readonly busyPollTo: number;
  readonly preferBusyPoll: boolean;
  /** IO_URING_NAPI_*: REGISTER_OP unless told. */
  readonly opcode?: number;
  /** IO_URING_NAPI_TRACKING_*, or an id. */
  readonly opParam?: number;
}

/** The verbs that set the ring itself up and ask about it. */
export abstract class RegisterRingVerbs extends BufferRingVerbs {
  /** Asks which opcodes the kernel has: io_uring_get_probe_ring(3). Throws a system error. */
  getProbeRing(): Probe {
    const probe = new Probe();
    const result = this.registerProbe(probe);
    if (result < 0) throw systemError(result, "io_uring_register");
    return probe;
  }

  /** Fills a probe in: io_uring_register_probe(3). Returns 0, or -errno. */
  registerProbe(probe: Probe): number {
    return this.register(IORING_REGISTER_PROBE, probe.struct, probe.room);
  }

  /** Registers the credentials of this moment: io_uring_register_personality(3). An id, or -errno. */
  registerPersonality(): number {
    return this.register(IORING_REGISTER_PERSONALITY, null, 0);
  }

  /** Forgets registered credentials: io_uring_unregister_personality(3). Returns 0, or -errno. */
  unregisterPersonality(id: number): number {
    return this.register(IORING_UNREGISTER_PERSONALITY, null, id);
  }

  /** Limits what a disabled ring will do: io_uring_register_restrictions(3). Returns 0, or -errno. */
  registerRestrictions(restrictions: readonly Restriction[]): number {
    const struct = new Struct(restrictions.length * RESTRICTION_SIZE);
    restrictions.forEach(({ opcode, value }, i) => {
      struct.setU16(i * RESTRICTION_SIZE + RESTRICTION_OPCODE, opcode);
      struct.bytes[i * RESTRICTION_SIZE + RESTRICTION_REGISTER_OP] = value;
    });
    return this.register(IORING_REGISTER_RESTRICTIONS, struct, restrictions.length);
  }

  /** Enables a ring made with IORING_SETUP_R_DISABLED: io_uring_enable_rings(3). 0, or -errno. */
  enableRings(): number {
    return this.register(IORING_REGISTER_ENABLE_RINGS, null, 0);
  }

  /** Binds the kernel's workers to processors: io_uring_register_iowq_aff(3). 0, or -errno. */
  registerIowqAff(cpus: readonly number[]): number {
    const mask = new Struct((Math.max(0, ...cpus) >> 6) * 8 + 8);
    for (const cpu of cpus) {
      mask.bytes[cpu >> 3] = (mask.bytes[cpu >> 3] ?? 0) | (1 << (cpu & 7));
    }
    return this.register(IORING_REGISTER_IOWQ_AFF, mask, mask.byteLength);
  }

  /** Lets the kernel's workers run anywhere: io_uring_unregister_iowq_aff(3). 0, or -errno. */
  unregisterIowqAff(): number {
    return this.register(IORING_UNREGISTER_IOWQ_AFF, null, 0);
  }

  /**
   * Limits the kernel's workers: io_uring_register_iowq_max_workers(3). Two numbers, for regular
   * files and for everything else; 0 changes nothing. The array is told what was in force before.
   * Returns 0, or -errno.
   */
  registerIowqMaxWorkers(values: Uint32Array): number {
    return this.register(IORING_REGISTER_IOWQ_MAX_WORKERS, values, 2);
  }

  // The ring's own descriptor

  /**
   * Registers the ring's descriptor, which makes entering cheaper: io_uring_register_ring_fd(3). It
   * counts for the thread that asks. Returns 1, or -errno. Linux 5.18.
   */
  registerRingFd(): number {
    if ((this.enterFlags & IORING_ENTER_REGISTERED_RING) !== 0) return -EINVAL;
    const update = new Struct(RSRC_UPDATE_SIZE)
      .setU32(RSRC_UPDATE_OFFSET, ALL_ONES)
      .setU64(RSRC_UPDATE_DATA, this.ringFd);
    const result = this.register(IORING_REGISTER_RING_FDS, update, 1);
    if (result === 1) {
      this.enterFd = update.u32(RSRC_UPDATE_OFFSET);
      this.enterFlags |= IORING_ENTER_REGISTERED_RING;
      this.noteAddress();
    }
    return result;
  }

  /** Ends `registerRingFd`: io_uring_unregister_ring_fd(3). Returns 1, or -errno. */
  unregisterRingFd(): number {
    const isRegistered = (this.enterFlags & IORING_ENTER_REGISTERED_RING) !== 0;
    if (!isRegistered || this.registerFlags !== 0) return -EINVAL;
    const update = new Struct(RSRC_UPDATE_SIZE).setU32(RSRC_UPDATE_OFFSET, this.enterFd);
    const result = this.register(IORING_UNREGISTER_RING_FDS, update, 1);
    if (result === 1) {
      this.enterFd = this.ringFd;
      this.enterFlags &= ~IORING_ENTER_REGISTERED_RING;
      this.noteAddress();
    }
    return result;
  }

  /**
   * Closes the ring's descriptor and goes on with the registered one: io_uring_close_ring_fd(3).
   * From then on the end of the environment does not wait for this ring, because nothing is left
   * to wait with. Returns 1, or -errno. Linux 6.3.
   */
  closeRingFd(): number {
    if ((this.features & IORING_FEAT_REG_REG_RING) === 0) return -EINVAL;
    if ((this.enterFlags & IORING_ENTER_REGISTERED_RING) === 0) return -EINVAL;
    if (this.registerFlags !== 0) return -EINVAL;
    this.unguard();
    this.addon.closeFd(this.ringFd);
    this.registerFd = this.enterFd;
    this.registerFlags = IORING_REGISTER_USE_REGISTERED_RING;
    this.noteAddress();
    return 1;
  }

  // Waiting and canceling

  /**
   * Cancels requests and waits until they are: io_uring_register_sync_cancel(3). Returns 0,
   * -ENOENT, -ETIME or another -errno. Linux 6.0.
   */
  registerSyncCancel(cancel: SyncCancel): number {
    const { low = 0, high = 0, fd = -1, flags = 0, opcode = 0, timeout } = cancel;
    const reg = new Struct(SYNC_CANCEL_REG_SIZE)
      .setU32(SYNC_CANCEL_REG_ADDR, low)
      .setU32(SYNC_CANCEL_REG_ADDR + 4, high)
      .setU32(SYNC_CANCEL_REG_FD, fd)
      .setU32(SYNC_CANCEL_REG_FLAGS, flags);
    reg.bytes[SYNC_CANCEL_REG_OPCODE] = opcode;
    // All ones are no limit.
    if (timeout === undefined) {
      reg.bytes.fill(0xff, SYNC_CANCEL_REG_TIMEOUT, SYNC_CANCEL_REG_TIMEOUT + TIMESPEC_SIZE);
    } else {
      reg.bytes.set(timeout.bytes, SYNC_CANCEL_REG_TIMEOUT);
    }
    return this.register(IORING_REGISTER_SYNC_CANCEL, reg, 1);
  }

  /** Chooses the clock for waiting: io_uring_register_clock(3). CLOCK_*. 0, or -errno. Linux 6.12. */
  registerClock(clockId: number): number {
    const clock = new Struct(CLOCK_REGISTER_SIZE).setU32(CLOCK_REGISTER_CLOCKID, clockId);
    return this.register(IORING_REGISTER_CLOCK, clock, 0);
  }

  /** Turns busy polling on: io_uring_register_napi(3). Returns what was in force, or -errno. */
  registerNapi(napi: Napi): Napi | number {
    const struct = napiOf(napi);
    const result = this.register(IORING_REGISTER_NAPI, struct, 1);
    return result < 0 ? result : readNapi(struct);
  }

  /** Turns busy polling off: io_uring_unregister_napi(3). Returns what was in force, or -errno. */
  unregisterNapi(): Napi | number {
    const struct = new Struct(NAPI_SIZE);
    const result = this.register(IORING_UNREGISTER_NAPI, struct, 1);
    return result < 0 ? result : readNapi(struct);
  }

  // Memory

  /**
   * Resizes both queues: io_uring_resize_rings(3). Only with IORING_SETUP_DEFER_TASKRUN. SQEs that
   * were prepared have to be submitted first: -EBUSY. `sqes` and `cqes` are others afterwards, and
   * so is every sqe and cqe. Returns 0, or -errno. Linux 6.13.
   */
  resizeRings(sizes: { sqEntries: number; cqEntries?: number; flags?: number }): number {
    if (this.hasUnsubmitted()) return -EBUSY;
    const struct = new Struct(PARAMS_SIZE);
    const params = new Uint32Array(struct.bytes.buffer as ArrayBuffer, 0, PARAMS_SIZE / 4);
    const cqSize = sizes.cqEntries === undefined ? 0 : IORING_SETUP_CQSIZE;
    params[PARAMS_SQ_ENTRIES / 4] = sizes.sqEntries;
    params[PARAMS_CQ_ENTRIES / 4] = sizes.cqEntries ?? 0;
    params[PARAMS_FLAGS / 4] = (sizes.flags ?? 0) | cqSize;
    const result = this.register(IORING_REGISTER_RESIZE_RINGS, struct, 1);
    if (result < 0) return result;
    // The answer has the new sizes and places; what the ring is stays as it was.
    params[PARAMS_FLAGS / 4] = this.flags;
    params[PARAMS_FEATURES / 4] = this.features;
    placeArray(params);
    this.remap(mapRing(this.addon, this.mapped.fd, params));
    return result;
  }

  /**
   * Registers memory that the ring uses: io_uring_register_region(3). With
   * IORING_MEM_REGION_REG_WAIT_ARG it holds the arguments of `submitAndWaitReg`, and the ring must
   * still be disabled. Returns 0, or -errno. Linux 6.13.
   *
   * @param memory Whole pages, from `allocate`.
   */
  registerRegion(memory: Buffer, flags: number): number {
    const region = new Struct(REGION_DESC_SIZE)
      .setPointer(REGION_DESC_USER_ADDR, memory)
      .setU64(REGION_DESC_BYTES, memory.byteLength)
      .setU32(REGION_DESC_FLAGS, IORING_MEM_REGION_TYPE_USER);
    const result = this.#registerRegion(region, flags);
    if (result >= 0) this.keepRegistered("region", memory);
    return result;
  }

  /** As `registerRegion`, in memory of the kernel's own, which is answered. Throws a system error. */
  registerKernelRegion(bytes: number, flags: number): Buffer {
    const region = new Struct(REGION_DESC_SIZE).setU64(REGION_DESC_BYTES, bytes);
    const result = this.#registerRegion(region, flags);
    if (result < 0) throw systemError(result, "io_uring_register");
    const memory = this.addon.map(this.ringFd, bytes, region.u64(REGION_DESC_MMAP_OFFSET));
    if (typeof memory === "number") throw systemError(memory, "mmap");
    return Buffer.from(memory);
  }

  #registerRegion(region: Struct, flags: number): number {
    const reg = new Struct(MEM_REGION_REG_SIZE)
      .setPointer(MEM_REGION_REG_REGION_UPTR, region)
      .setU64(MEM_REGION_REG_FLAGS, flags);
    return this.register(IORING_REGISTER_MEM_REGION, reg, 1);
  }

  // Zero-copy receive, and questions

  /**
   * Registers a hardware receive queue: io_uring_register_ifq(3). Needs a network card that splits
   * headers and has flow steering. `reg` is a `struct io_uring_zcrx_ifq_reg`, whose offsets are
   * ZCRX_IFQ_REG_* in this module. Returns 0, or -errno. Linux 6.15.
   */
  registerIfq(reg: Struct): number {
    const result = this.register(IORING_REGISTER_ZCRX_IFQ, reg, 1);
    if (result >= 0) this.keepRegistered("zcrx", reg);
    return result;
  }

  /** Controls a registered receive queue: `struct zcrx_ctrl`. Returns 0, or -errno. Linux 6.19. */
  registerZcrxCtrl(ctrl: Struct): number {
    return this.register(IORING_REGISTER_ZCRX_CTRL, ctrl, 0);
  }

  /** Asks what the kernel has: a `struct io_uring_query_hdr`. Returns 0, or -errno. Linux 6.18. */
  registerQuery(header: Struct): number {
    return this.register(IORING_REGISTER_QUERY, header, 0);
  }

  /** A child does not inherit the ring's memory: io_uring_ring_dontfork(3). It never does: 0. */
  ringDontfork(): number {
    return 0;
  }
}

/**
 * Linux up to 6.18 does not answer where the indirection array of a resized ring is: on the first
 * cache line after the completions.
 */
function placeArray(params: Uint32Array): void {
  const flags = params[PARAMS_FLAGS / 4] as number;
  if ((flags & IORING_SETUP_NO_SQARRAY) !== 0 || params[PARAMS_SQ_OFF_ARRAY / 4] !== 0) return;
  const cqeSize = (flags & IORING_SETUP_CQE32) !== 0 ? CQE32_SIZE : CQE_SIZE;
  const cqes = params[PARAMS_CQ_OFF_CQES / 4] as number;
  const end = cqes + (params[PARAMS_CQ_ENTRIES / 4] as number) * cqeSize;
  params[PARAMS_SQ_OFF_ARRAY / 4] = Math.ceil(end / CACHE_LINE) * CACHE_LINE;
}

function napiOf(napi: Napi): Struct {
  const struct = new Struct(NAPI_SIZE)
    .setU32(NAPI_BUSY_POLL_TO, napi.busyPollTo)
    .setU32(NAPI_OP_PARAM, napi.opParam ?? 0);
  struct.bytes[NAPI_PREFER_BUSY_POLL] = napi.preferBusyPoll ? 1 : 0;
  struct.bytes[NAPI_OPCODE] = napi.opcode ?? 0;
  return struct;
}

function readNapi(struct: Struct): Napi {
  return {
    busyPollTo: struct.u32(NAPI_BUSY_POLL_TO),
    preferBusyPoll: struct.bytes[NAPI_PREFER_BUSY_POLL] === 1,
    opParam: struct.u32(NAPI_OP_PARAM),
  };
}
