import {
  BUF_REG_BGID,
  BUF_REG_FLAGS,
  BUF_REG_RING_ADDR,
  BUF_REG_RING_ENTRIES,
  BUF_REG_SIZE,
  BUF_SIZE,
  BUF_STATUS_BUF_GROUP,
  BUF_STATUS_HEAD,
  BUF_STATUS_SIZE,
  IORING_OFF_PBUF_RING,
  IORING_OFF_PBUF_SHIFT,
  IORING_REGISTER_PBUF_RING,
  IORING_REGISTER_PBUF_STATUS,
  IORING_UNREGISTER_PBUF_RING,
  IOU_PBUF_RING_MMAP,
} from "../../abi/io-uring.ts";
import { systemError } from "../../base/errors.ts";
import { BufferRing } from "../../ring/index.ts";
import { lendView, Struct } from "./memory.ts";
import { ResourceVerbs } from "./register-resources.ts";

const TWO_32 = 0x1_0000_0000;

/** A registered ring of provided buffers: `struct io_uring_buf_ring`, and whose it is. */
export interface BufRing {
  /** The structure itself. */
  readonly ring: BufferRing;
  /** The group that requests name. */
  readonly bgid: number;
  /** How many entries it has. */
  readonly entries: number;
  /** The views in it, by buffer id: kept until the id is given again, or the ring is freed. */
  readonly views: Map<number, NodeJS.ArrayBufferView>;
  /** The memory of the entries. */
  readonly memory: ArrayBuffer;
}

/** The verbs for rings of provided buffers. */
export abstract class BufferRingVerbs extends ResourceVerbs {
  /**
   * Makes and registers a ring of provided buffers: io_uring_setup_buf_ring(3). Linux 5.19. Throws
   * a system error when the kernel refuses it.
   *
   * @param nentries A power of two, up to 32768.
   * @param bgid The group, 16 bits.
   * @param flags IOU_PBUF_RING_*; with IOU_PBUF_RING_MMAP the kernel provides the memory.
   */
  setupBufRing(nentries: number, bgid: number, flags = 0): BufRing {
    const bytes = nentries * BUF_SIZE;
    if ((flags & IOU_PBUF_RING_MMAP) === 0) {
      const memory = checked(this.addon.allocate(bytes, 4096, false), "mmap");
      const br = this.bufRingInit(memory, nentries, bgid);
      checked(this.registerBufRing(br, flags), "io_uring_register");
      return br;
    }
    checked(this.#registerBufRing(nentries, bgid, flags, 0), "io_uring_register");
    const memory = this.addon.map(this.ringFd, bytes, offsetOf(bgid));
    if (typeof memory === "number") this.unregisterBufRing(bgid);
    const br = this.bufRingInit(checked(memory, "mmap"), nentries, bgid);
    this.keepRegistered(nameOf(bgid), br);
    return br;
  }

  /** Unregisters a ring of provided buffers: io_uring_free_buf_ring(3). Returns 0, or -errno. */
  freeBufRing(br: BufRing): number {
    return this.unregisterBufRing(br.bgid);
  }

  /**
   * Lays an empty ring of provided buffers out: io_uring_buf_ring_init(3).
   *
   * @param memory `nentries * 16` bytes that begin on a page.
   */
  bufRingInit(memory: ArrayBuffer, nentries: number, bgid: number): BufRing {
    const words = new Uint32Array(memory, 0, (nentries * BUF_SIZE) >> 2);
    const ring = new BufferRing(words, nentries);
    return { ring, bgid, entries: nentries, views: new Map(), memory };
  }

  /** Registers a ring from `bufRingInit`: io_uring_register_buf_ring(3). Returns 0, or -errno. */
  registerBufRing(br: BufRing, flags: number): number {
    const address = this.addon.addressOf(br.memory);
    const result = this.#registerBufRing(br.entries, br.bgid, flags, address);
    if (result >= 0) this.keepRegistered(nameOf(br.bgid), br);
    return result;
  }

  /** Unregisters a group: io_uring_unregister_buf_ring(3). Returns 0, or -errno. */
  unregisterBufRing(bgid: number): number {
    const reg = new Struct(BUF_REG_SIZE).setU16(BUF_REG_BGID, bgid);
    const result = this.register(IORING_UNREGISTER_PBUF_RING, reg, 1);
    if (result >= 0) this.retireRegistered(nameOf(bgid));
    return result;
  }

  /** The mask of a ring with so many entries: io_uring_buf_ring_mask(3). */
  bufRingMask(nentries: number): number {
    return nentries - 1;
  }

  /**
   * Adds a buffer: io_uring_buf_ring_add(3). The kernel does not see it before `bufRingAdvance`.
   *
   * @param bid The id that the completion will tell, 16 bits.
   * @param bufOffset How many were added since the last `bufRingAdvance`.
   */
  bufRingAdd(
    br: BufRing,
    addr: NodeJS.ArrayBufferView | number,
    len: number,
    bid: number,
    bufOffset: number,
  ): void {
    if (typeof addr === "number") {
      br.ring.add(addr, addr / TWO_32, len, bid, bufOffset);
      return;
    }
    const { addressLow, addressHigh } = lendView(addr, len);
    br.ring.add(addressLow, addressHigh, len, bid, bufOffset);
    br.views.set(bid, addr);
  }

  /** Hands added buffers over: io_uring_buf_ring_advance(3). */
  bufRingAdvance(br: BufRing, count: number): void {
    br.ring.advance(count);
  }

  /** `bufRingAdvance` and `cqAdvance` with one number: io_uring_buf_ring_cq_advance(3). */
  bufRingCqAdvance(br: BufRing, count: number): void {
    br.ring.advance(count);
    this.cqAdvance(count);
  }

  /** How many buffers of a group the kernel ever took, modulo 2^16: io_uring_buf_ring_head(3). */
  bufRingHead(bgid: number): number {
    const status = new Struct(BUF_STATUS_SIZE).setU32(BUF_STATUS_BUF_GROUP, bgid);
    const result = this.register(IORING_REGISTER_PBUF_STATUS, status, 1);
    return result < 0 ? result : status.u32(BUF_STATUS_HEAD);
  }

  /** How many buffers the kernel can still take: io_uring_buf_ring_available(3). Or -errno. */
  bufRingAvailable(br: BufRing): number {
    const head = this.bufRingHead(br.bgid);
    return head < 0 ? head : (br.ring.tail - head) & 0xffff;
  }

  #registerBufRing(nentries: number, bgid: number, flags: number, address: number): number {
    const reg = new Struct(BUF_REG_SIZE)
      .setU64(BUF_REG_RING_ADDR, address)
      .setU32(BUF_REG_RING_ENTRIES, nentries)
      .setU16(BUF_REG_BGID, bgid)
      .setU16(BUF_REG_FLAGS, flags);
    return this.register(IORING_REGISTER_PBUF_RING, reg, 1);
  }
}

function nameOf(bgid: number): string {
  return `buffer ring ${bgid}`;
}

/** Where the memory of a group's ring is mapped from. */
function offsetOf(bgid: number): number {
  return IORING_OFF_PBUF_RING + bgid * 2 ** IORING_OFF_PBUF_SHIFT;
}

/** Throws for a negative errno. */
function checked<T>(value: T | number, syscall: string): Exclude<T, number> {
  if (typeof value === "number" && value < 0) throw systemError(value, syscall);
  return value as Exclude<T, number>;
}
