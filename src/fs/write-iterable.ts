/** writeFile with what comes in pieces: iterables, generators, streams. */
import { O_NONBLOCK } from "../abi/linux.ts";
import { abortError, systemError } from "../base/errors.ts";
import { FS_CHUNK_BYTES, FS_OFF_LOOP_BYTES } from "../base/limits.ts";
import { type BufferView, FILE_POSITION, OperationKind, Request } from "../core/index.ts";
import { AbortListeners } from "../runtime/abort.ts";
import { type Extras, extrasWith } from "../runtime/extras.ts";
import type { Operation } from "../runtime/operation.ts";
import type { Receiver } from "../runtime/receiver.ts";
import type { Session } from "../runtime/session.ts";
import { withCloseError } from "./call.ts";
import { lostMemory } from "./lost-memory.ts";
import { closeRequest, type HeldDescriptor, openRequest } from "./whole-file.ts";

/** Pieces of a file. */
export type Pieces = AsyncIterable<unknown> | Iterable<unknown>;

/** What is known of the file and of how to write it. */
export interface PieceSettings {
  readonly encoding: BufferEncoding;
  readonly signal: AbortSignal | undefined;
  readonly flags: number;
  readonly mode: number;
  readonly flush: boolean;
}

/** Whether data comes in pieces, as Node understands it. */
export function isIterable(data: unknown): data is Pieces {
  if (typeof data !== "object" && typeof data !== "function") return false;
  if (data === null) return false;
  const looks = data as Record<symbol, unknown>;
  return (
    typeof looks[Symbol.asyncIterator] === "function" ||
    typeof looks[Symbol.iterator] === "function"
  );
}

const FSYNC = new Request().reset(OperationKind.Fsync);
const WRITE = new Request().reset(OperationKind.Write);
const aborts = new AbortListeners();

/** Asks for one thing after the other, and can be told to give up. */
class Asking {
  readonly #session: Session;
  readonly #signal: AbortSignal | undefined;
  /** Where the next write begins. */
  #place = FILE_POSITION;

  constructor(session: Session, signal: AbortSignal | undefined) {
    this.#session = session;
    this.#signal = signal;
  }

  /** Resolves with the kernel's number. Only what says so is given up when the signal aborts. */
  ask(request: Request, stoppable: boolean): Promise<number> {
    const { scheduler } = this.#session;
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      let unwatch: (() => void) | undefined;
      const receiver: Receiver = {
        settled(result) {
          unwatch?.();
          resolve(result);
        },
        failed: reject,
      };
      const inFlight: Receiver | Operation<unknown> = scheduler.startFor(request, receiver);
      if (stoppable && signal !== undefined && !signal.aborted) {
        unwatch = aborts.add(signal, () => scheduler.requestCancel(inFlight));
      }
    });
  }

  /** Throws where the signal has aborted. */
  check(): void {
    if (this.#signal?.aborted) throw abortError(this.#signal);
  }

  /** From now on writes begin at the front, of a file that we opened. */
  beginAtFront(): void {
    this.#place = 0;
  }

  /** Writes all of one piece. */
  async write(fd: number, piece: BufferView): Promise<void> {
    const { memory } = this.#session;
    const lent = memory.leases.lend(piece);
    const length = piece.byteLength;
    for (let done = 0; done < length; ) {
      if (piece.byteLength < length) throw lostMemory();
      WRITE.fd = fd;
      WRITE.length = Math.min(length - done, FS_CHUNK_BYTES);
      WRITE.buffer = piece;
      WRITE.offset = this.#place;
      // Its rules are those of a file that we opened.
      WRITE.trusted = this.#place !== FILE_POSITION;
      WRITE.offLoop = WRITE.length >= FS_OFF_LOOP_BYTES;
      let extras: Extras | undefined;
      if (lent.held) WRITE.setAddress(lent.address + done);
      else {
        extras = extrasWith(undefined);
        const { buffer, byteOffset } = piece;
        const part = new Uint8Array(buffer, byteOffset + done, WRITE.length);
        memory.bounce(WRITE, part, true, extras);
      }
      const result = await this.ask(WRITE, true);
      for (const last of extras?.last ?? []) last();
      this.check();
      if (result < 0) throw systemError(result, "write");
      done += result;
      if (this.#place !== FILE_POSITION) this.#place += result;
    }
  }
}

/** Writes pieces to a file that is opened, or is open already. */
export async function writeIterable(
  session: Session,
  file: string | Uint8Array | HeldDescriptor,
  pieces: Pieces,
  settings: PieceSettings,
): Promise<void> {
  const asking = new Asking(session, settings.signal);
  if (typeof file === "object" && "ref" in file) {
    file.ref();
    try {
      await writePieces(asking, file.fd, pieces, settings.encoding);
    } finally {
      file.unref();
    }
    return;
  }
  const request = openRequest(file, settings.flags, settings.mode);
  request.offLoop = true;
  const opening = asking.ask(request, true);
  request.offLoop = false;
  const fd = await opening;
  if (fd < 0) {
    asking.check();
    throw systemError(fd, "open", file);
  }
  let failure: { readonly error: unknown } | undefined;
  if ((settings.flags & O_NONBLOCK) === 0) asking.beginAtFront();
  try {
    await writePieces(asking, fd, pieces, settings.encoding);
    if (settings.flush) {
      FSYNC.fd = fd;
      const result = await asking.ask(FSYNC, true);
      asking.check();
      if (result < 0) throw systemError(result, "fsync");
    }
  } catch (error) {
    failure = { error };
  }
  const closed = await asking.ask(closeRequest(fd), false);
  if (closed < 0) throw withCloseError(failure?.error, systemError(closed, "close"));
  if (failure !== undefined) throw failure.error;
}

async function writePieces(
  asking: Asking,
  fd: number,
  pieces: Pieces,
  encoding: BufferEncoding,
): Promise<void> {
  asking.check();
  for await (const piece of pieces) {
    asking.check();
    const bytes = isView(piece) ? piece : Buffer.from(piece as string, encoding);
    await asking.write(fd, bytes);
  }
}

function isView(piece: unknown): piece is BufferView {
  return ArrayBuffer.isView(piece);
}
