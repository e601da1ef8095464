/** Linux native AIO as the addon gives it, for tests: addresses are numbers, nothing is checked. */
import * as aio from "../../src/abi/linux-aio.ts";
import type { NativeAddon } from "../../src/native/addon.ts";

const TWO_32 = 0x1_0000_0000;

/** The fields of a struct iocb; what is left out is 0. */
export interface IocbFields {
  readonly data?: number;
  readonly opcode?: number;
  readonly reqprio?: number;
  readonly fd?: number;
  /** An address, or memory. */
  readonly buf?: number | Uint8Array;
  /** As long as the memory, unless told. */
  readonly nbytes?: number;
  readonly offset?: number;
  readonly flags?: number;
  readonly resfd?: number;
  readonly rwFlags?: number;
}

/** One struct io_event. */
export interface RawEvent {
  readonly data: number;
  readonly obj: number;
  readonly res: number;
  readonly res2: number;
}

/** How many events a call can bring. */
const EVENTS = 1024;

/** Memory whose address never changes: an ArrayBuffer of its own, not of V8's moving heap. */
export function memory(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** A context of the kernel, and memory for what it is told and answers. */
export class RawContext {
  readonly addon: NativeAddon;
  /** What the last io_setup answered: 0, or a negative errno. */
  readonly result: number;
  id: number;
  readonly #kept: unknown[] = [];
  readonly #events = new DataView(new ArrayBuffer(EVENTS * aio.IO_EVENT_SIZE));
  readonly #scratch = new DataView(new ArrayBuffer(64));

  constructor(addon: NativeAddon, nr: number, before = 0) {
    this.addon = addon;
    this.#scratch.setBigUint64(0, BigInt(before), true);
    this.result = addon.aioSetup(nr, addon.addressOf(this.#scratch));
    this.id = Number(this.#scratch.getBigUint64(0, true));
  }

  /** Writes an iocb into memory of its own. Returns its address. */
  iocb(fields: IocbFields): number {
    const { buf = 0 } = fields;
    const view = new DataView(new ArrayBuffer(aio.IOCB_SIZE));
    this.#kept.push(view, buf);
    const u64 = (at: number, value: number) => view.setBigInt64(at, BigInt(value), true);
    u64(aio.IOCB_DATA, fields.data ?? 0);
    view.setInt32(aio.IOCB_RW_FLAGS, fields.rwFlags ?? 0, true);
    view.setUint16(aio.IOCB_LIO_OPCODE, fields.opcode ?? aio.IOCB_CMD_PREAD, true);
    view.setInt16(aio.IOCB_REQPRIO, fields.reqprio ?? 0, true);
    view.setInt32(aio.IOCB_FILDES, fields.fd ?? 0, true);
    const address = typeof buf === "number" ? buf : this.addon.addressOf(buf);
    view.setBigUint64(aio.IOCB_BUF, BigInt(address), true);
    u64(aio.IOCB_NBYTES, fields.nbytes ?? (typeof buf === "number" ? 0 : buf.length));
    u64(aio.IOCB_OFFSET, fields.offset ?? 0);
    view.setUint32(aio.IOCB_FLAGS, fields.flags ?? 0, true);
    view.setInt32(aio.IOCB_RESFD, fields.resfd ?? 0, true);
    return this.addon.addressOf(view);
  }

  /** An array of struct iovec. Returns its address. */
  vectors(buffers: readonly Uint8Array[]): number {
    const words = new BigUint64Array(new ArrayBuffer(Math.max(1, buffers.length) * 16));
    this.#kept.push(words, buffers);
    buffers.forEach((buffer, i) => {
      words[i * 2] = BigInt(this.addon.addressOf(buffer));
      words[i * 2 + 1] = BigInt(buffer.length);
    });
    return this.addon.addressOf(words);
  }

  /** io_submit of iocbs at these addresses. */
  submit(iocbs: readonly number[], nr = iocbs.length): number {
    const pointers = new BigUint64Array(new ArrayBuffer(Math.max(1, iocbs.length) * 8));
    iocbs.forEach((address, i) => {
      pointers[i] = BigInt.asUintN(64, BigInt(address));
    });
    return this.addon.aioSubmit(this.id, nr, this.addon.addressOf(pointers));
  }

  /** Submits one request. */
  submitOne(fields: IocbFields): number {
    return this.submit([this.iocb(fields)]);
  }

  /** Submits one request and waits for its result; a refusal is thrown as a number in a message. */
  run(fields: IocbFields): number {
    const submitted = this.submitOne(fields);
    if (submitted !== 1) throw new Error(`io_submit answered ${submitted}`);
    const [event] = this.events(1, 1);
    if (event === undefined) throw new Error("There is no event");
    return event.res;
  }

  /** io_getevents. A time of undefined is no limit. Returns its answer. */
  getevents(min: number, nr: number, timeoutMs?: number): number {
    const time = timeoutMs === undefined ? 0 : this.#time(timeoutMs);
    return this.addon.aioGetevents(this.id, min, nr, this.addon.addressOf(this.#events), time);
  }

  /** The events of io_getevents, which must succeed. */
  events(min: number, nr: number, timeoutMs?: number): RawEvent[] {
    const count = this.getevents(min, nr, timeoutMs);
    if (count < 0) throw new Error(`io_getevents answered ${count}`);
    return this.#decode(count);
  }

  /** io_pgetevents with a set of signals. */
  pgetevents(min: number, nr: number, timeoutMs: number, signals: readonly number[]): number {
    return this.addon.aioPgetevents(
      this.id,
      min,
      nr,
      this.addon.addressOf(this.#events),
      this.#time(timeoutMs),
      this.sigset(signals),
    );
  }

  /** A struct __aio_sigset. Returns its address. */
  sigset(signals: readonly number[], size = 8): number {
    const mask = new BigUint64Array(new ArrayBuffer(8));
    mask[0] = signals.reduce((set, signal) => set | (1n << BigInt(signal - 1)), 0n);
    const set = new BigUint64Array(new ArrayBuffer(16));
    set[0] = BigInt(this.addon.addressOf(mask));
    set[1] = BigInt(size);
    this.#kept.push(mask, set);
    return this.addon.addressOf(set);
  }

  /** Takes events out of the ring, in user space. */
  reap(max: number): RawEvent[] {
    const count = this.addon.aioReap(this.id, max, this.addon.addressOf(this.#events));
    if (count < 0) throw new Error(`aioReap answered ${count}`);
    return this.#decode(count);
  }

  /** io_cancel. */
  cancel(iocb: number): number {
    return this.addon.aioCancel(this.id, iocb, this.addon.addressOf(this.#scratch) + 16);
  }

  /** io_destroy. */
  destroy(): number {
    return this.addon.aioDestroy(this.id);
  }

  #time(ms: number): number {
    const at = 48;
    this.#scratch.setBigInt64(at, BigInt(Math.floor(ms / 1000)), true);
    this.#scratch.setBigInt64(at + 8, BigInt(Math.floor((ms % 1000) * 1e6)), true);
    return this.addon.addressOf(this.#scratch) + at;
  }

  #decode(count: number): RawEvent[] {
    return Array.from({ length: count }, (_, i) => {
      const at = i * aio.IO_EVENT_SIZE;
      const word = (offset: number) =>
        this.#events.getUint32(at + offset, true) +
        this.#events.getInt32(at + offset + 4, true) * TWO_32;
      return {
        data: word(aio.IO_EVENT_DATA),
        obj: word(aio.IO_EVENT_OBJ),
        res: word(aio.IO_EVENT_RES),
        res2: word(aio.IO_EVENT_RES2),
      };
    });
  }
}
