import {
  IO_EVENT_SIZE,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_POLL,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_SIZE,
} from "../../abi/linux-aio.ts";
import { ProactorError } from "../../base/errors.ts";
import { FORGOTTEN_RETRY_MS, IOV_MAX, MAX_FORGOTTEN_RETRY_MS } from "../../base/limits.ts";
import { refuseDisabled } from "../../base/permission.ts";
import { warnForgotten } from "../../base/warnings.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { loadNative } from "../../native/load.ts";
import type { iocb } from "./iocb.ts";
import { Lending, type Lent } from "./lending.ts";

const TWO_32 = 0x1_0000_0000;
/** iocbs that memory is taken for at once. */
const CHUNK = 256;
const IOCB_WORDS = IOCB_SIZE / 4;
const EVENT_WORDS = IO_EVENT_SIZE / 4;
const NOTHING: Lent = { address: 0, kept: [] };

/** What has become of a request, `struct io_event`. */
export interface io_event {
  /** `iocb.data`, as it was when the request was submitted. */
  data: unknown;
  /** The iocb. */
  obj: iocb;
  /** A count, a mask, or a negative errno. */
  res: number;
  /** 0, but for gadgets of USB. */
  res2: number;
}

/** What is known of a context; undefined before `io_setup`, and after `io_destroy`. */
export let stateOf: (ctx: io_context_t) => ContextState | undefined;

/** Changes what is known of a context. */
export let setState: (ctx: io_context_t, state: ContextState | undefined) => void;

/**
 * A context, `io_context_t`: 0 until `io_setup` makes it one, as in C. After `io_destroy` the
 * object stands for nothing, whatever the kernel uses its number for.
 */
export class io_context_t {
  /** The kernel's number for it; 0 is none. */
  id: number;
  #state: ContextState | undefined = undefined;

  /** @param id Anything but 0 is what `io_setup` refuses. */
  constructor(id = 0) {
    this.id = id;
  }

  static {
    stateOf = (ctx) => ctx.#state;
    setState = (ctx, state) => {
      collected.unregister(ctx);
      ctx.#state = state;
      if (state !== undefined) collected.register(ctx, { id: ctx.id, state }, ctx);
    };
  }
}

interface Forgotten {
  readonly id: number;
  readonly state: ContextState;
}

// Nothing in a state leads back to the context, but through data and memory of the program.
const collected = new FinalizationRegistry<Forgotten>(closeForgotten);

/** The program can name a context no more: it is ended once it is quiet. */
export function closeForgotten({ id, state }: Forgotten): void {
  warnForgotten(`A context ${id} of Linux AIO`, state.inFlight, "Call io_destroy()");
  state.endWhenQuiet(id, FORGOTTEN_RETRY_MS);
}

/** A request that the kernel has. */
interface InFlight {
  readonly block: iocb;
  readonly data: unknown;
  readonly generation: number;
  readonly lent: Lent;
  /** io_destroy(2) cancels it, and does not wait for it. */
  readonly isPoll: boolean;
}

let loaded: NativeAddon | undefined;

/** The addon of this environment. Throws `ERR_PROACTOR_NATIVE` where there is none. */
export function addonOf(): NativeAddon {
  if (loaded === undefined) {
    const native = loadNative();
    if (!native.available) {
      throw new ProactorError("ERR_PROACTOR_NATIVE", native.reason, native.remedy);
    }
    loaded = native.addon;
  }
  return loaded;
}

/** Contexts that were not destroyed: what they have in flight must stay, whoever forgets them. */
const alive = new Set<ContextState>();

let lending: Lending | undefined;

/** A context's own memory, and what it has in flight. */
export class ContextState {
  readonly #addon: NativeAddon;
  readonly #lending: Lending;
  /** iocbs, by chunks: the kernel knows a request by the address that its iocb had. */
  readonly #chunks: { readonly words: Uint32Array; readonly address: number }[] = [];
  readonly #free: number[] = [];
  readonly #inFlight: (InFlight | undefined)[] = [];
  #generation = 0;
  #used = 0;
  #pointers = new Uint32Array(0);
  #events = new Int32Array(0);

  constructor(addon: NativeAddon) {
    this.#addon = addon;
    lending ??= new Lending(addon);
    this.#lending = lending;
    alive.add(this);
  }

  /** Requests whose events were not seen. */
  get inFlight(): number {
    return this.#used;
  }

  /** io_submit(2). */
  submit(id: number, nr: number, blocks: readonly (iocb | null | undefined)[]): number {
    // Behind the end of the array lies NULL.
    const count = Math.min(nr, blocks.length + 1);
    const cells: number[] = [];
    if (this.#pointers.length < count * 2) {
      this.#pointers = new Uint32Array(new ArrayBuffer(count * 8));
    }
    const pointers = this.#pointers;
    for (let i = 0; i < count; i++) {
      const block = blocks[i];
      const cell = block == null ? -1 : this.#stage(block);
      const address = cell === -1 ? 0 : this.#addressOf(cell);
      pointers[i * 2] = address;
      pointers[i * 2 + 1] = address / TWO_32;
      if (cell === -1) break;
      cells.push(cell);
    }
    // One more than there are: where the list breaks off, the kernel finds NULL and says so.
    const asked = cells.length < count ? cells.length + 1 : count;
    const result = this.#addon.aioSubmit(id, asked, this.#addon.addressOf(pointers));
    for (const cell of cells.slice(Math.max(0, result))) this.#release(cell);
    return result;
  }

  /** The address of the iocb that a request in flight has, or 0 where there is none. */
  find(block: iocb): number {
    const cell = this.#inFlight.findLastIndex((request) => request?.block === block);
    return cell === -1 ? 0 : this.#addressOf(cell);
  }

  /** Makes room for as many events as there can be, at most `nr`. Returns its address. */
  eventsAddress(nr: number): number {
    const room = Math.max(1, Math.min(nr, this.#used));
    if (this.#events.length < room * EVENT_WORDS) {
      this.#events = new Int32Array(new ArrayBuffer(room * IO_EVENT_SIZE));
    }
    return this.#addon.addressOf(this.#events);
  }

  /**
   * Turns what lies at {@link eventsAddress} into events; their memory is the caller's again.
   * Returns how many there are.
   */
  decode(count: number, events: io_event[]): number {
    const words = this.#events;
    let known = 0;
    for (let at = 0; at < count * EVENT_WORDS; at += EVENT_WORDS) {
      const cell = words[at] as number;
      const request = this.#inFlight[cell];
      // Whoever submits past us to the kernel takes the events past us, too.
      if (request === undefined || request.generation !== words[at + 1]) continue;
      const res = s64(words, at + 4);
      if (res > 0) request.lent.giveBack?.(res);
      this.#release(cell);
      const { data, block: obj } = request;
      events[known++] = { data, obj, res, res2: s64(words, at + 6) };
    }
    return known;
  }

  /**
   * The program has forgotten the context: takes events until nothing is in flight that
   * io_destroy(2) would wait for, then calls it. The end of the environment waits by itself.
   */
  endWhenQuiet(id: number, delayMs: number): void {
    const nr = this.#used;
    const address = this.eventsAddress(nr);
    let count = this.#addon.aioReap(id, nr, address);
    if (count < 0) {
      const now = new Uint32Array(new ArrayBuffer(16));
      count = this.#addon.aioGetevents(id, 0, nr, address, this.#addon.addressOf(now));
    }
    if (count > 0) this.decode(count, []);
    if (this.#inFlight.some((request) => request?.isPoll === false)) {
      const again = Math.min(delayMs * 2, MAX_FORGOTTEN_RETRY_MS);
      setTimeout(() => this.endWhenQuiet(id, again), delayMs).unref();
      return;
    }
    this.#addon.aioDestroy(id);
    this.end();
  }

  /** The kernel has let go of everything. */
  end(): void {
    this.#inFlight.length = 0;
    alive.delete(this);
  }

  /** Writes an iocb and lends its memory. Returns its cell, or -1 where there is no such memory. */
  #stage(block: iocb): number {
    const { aio_lio_opcode: opcode } = block;
    if (opcode === IOCB_CMD_FSYNC) refuseDisabled("fsync");
    if (opcode === IOCB_CMD_FDSYNC) refuseDisabled("fdatasync");
    const lent = this.#lend(block);
    if (lent.address === -1) return -1;
    const cell = this.#free.pop() ?? this.#newCell();
    this.#generation = (this.#generation + 1) & 0x7fff_ffff;
    const { words } = this.#chunks[Math.floor(cell / CHUNK)] as { words: Uint32Array };
    const at = (cell % CHUNK) * IOCB_WORDS;
    const offset = typeof block.offset === "bigint" ? block.offset : BigInt(block.offset);
    const address = block.aio_lio_opcode === IOCB_CMD_POLL ? block.events : lent.address;
    words[at] = cell;
    words[at + 1] = this.#generation;
    words[at + 2] = 0;
    words[at + 3] = block.aio_rw_flags;
    words[at + 4] = (block.aio_lio_opcode & 0xffff) | (block.aio_reqprio << 16);
    words[at + 5] = block.aio_fildes;
    words[at + 6] = address;
    words[at + 7] = Math.floor(address / TWO_32);
    words[at + 8] = block.nbytes;
    words[at + 9] = Math.floor(block.nbytes / TWO_32);
    words[at + 10] = Number(BigInt.asUintN(32, offset));
    words[at + 11] = Number(BigInt.asUintN(32, offset >> 32n));
    words[at + 14] = block.flags;
    words[at + 15] = block.resfd;
    const { data } = block;
    const isPoll = opcode === IOCB_CMD_POLL;
    this.#inFlight[cell] = { block, data, generation: this.#generation, lent, isPoll };
    this.#used++;
    return cell;
  }

  #lend(block: iocb): Lent {
    const { buf, aio_lio_opcode: opcode } = block;
    if (buf === null) return NOTHING;
    if (typeof buf === "number") return { address: buf, kept: [] };
    const writes = opcode === IOCB_CMD_PWRITE || opcode === IOCB_CMD_PWRITEV;
    // What makes no sense to the kernel either is the kernel's to refuse.
    if (ArrayBuffer.isView(buf)) return this.#lending.one(buf, Math.max(0, block.nbytes), writes);
    const count = block.nbytes > IOV_MAX ? 0 : Math.max(0, block.nbytes);
    return this.#lending.several(buf, count, writes);
  }

  #newCell(): number {
    const cell = this.#inFlight.length;
    if (cell === this.#chunks.length * CHUNK) {
      const words = new Uint32Array(new ArrayBuffer(CHUNK * IOCB_SIZE));
      this.#chunks.push({ words, address: this.#addon.addressOf(words) });
    }
    return cell;
  }

  #addressOf(cell: number): number {
    const { address } = this.#chunks[Math.floor(cell / CHUNK)] as { address: number };
    return address + (cell % CHUNK) * IOCB_SIZE;
  }

  #release(cell: number): void {
    this.#inFlight[cell] = undefined;
    this.#free.push(cell);
    this.#used--;
  }
}

function s64(words: Int32Array, at: number): number {
  return ((words[at] as number) >>> 0) + (words[at + 1] as number) * TWO_32;
}
