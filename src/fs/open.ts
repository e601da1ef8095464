/** `open`, and what has to be known before the first handle can be made. */
import type { FileHandle as NodeFileHandle } from "node:fs/promises";
import { AT_FDCWD, O_CLOEXEC, O_DIRECT, O_PATH } from "../abi/linux.ts";
import { systemError } from "../base/errors.ts";
import { type PathLike, parseFileMode, stringToFlags, validatePath } from "../base/validate.ts";
import { OperationKind, Request } from "../core/index.ts";
import { NO_PREAD, NO_PWRITE, NO_SEEK } from "../runtime/descriptor-facts.ts";
import { failing } from "../runtime/failing.ts";
import type { Receiver } from "../runtime/receiver.ts";
import type { Session } from "../runtime/session.ts";
import { closeFd } from "./calls.ts";
import { isEarly, lacksReader, openByThread, openFifo } from "./fifo.ts";
import { adoptHandle, FileHandle } from "./handle-class.ts";
import { learnHandleShape } from "./native-class.ts";
import { adoptNative, nativeHandle } from "./native-handle.ts";
import { nodePromises } from "./node.ts";
import { road } from "./road.ts";

const OPEN = new Request().reset(OperationKind.Open);
OPEN.fd = AT_FDCWD;

/** What handles are made on; null where they are Node's own, undefined until that is known. */
let known: Session | null | undefined;
let learning: Promise<void> | undefined;

/** Arguments of `open` that are plainly good. */
interface Wanted {
  readonly path: string | Uint8Array;
  readonly flags: number;
  readonly mode: number;
}

type OpenArguments = Parameters<typeof nodePromises.open>;

/** fs.promises.open: resolves with a {@link FileHandle} over the ring. */
export function open(
  path: PathLike,
  flags?: string | number,
  mode?: string | number | null,
): Promise<NodeFileHandle> {
  const session = known === undefined ? road() : undefined;
  if (session === undefined) return openAs(known, path, flags, mode);
  return learn(session).then(() => openAs(known, path, flags, mode));
}

function openAs(
  on: Session | null | undefined,
  path: PathLike,
  flags: unknown,
  mode: unknown,
): Promise<NodeFileHandle> {
  const wanted = on ? checked(path, flags, mode) : undefined;
  if (on && wanted !== undefined) return start(on, wanted);
  return nodePromises.open(...([path, flags, mode] as OpenArguments));
}

/** fs.promises.truncate: opens the file, cuts it, closes it. */
export async function truncate(path: PathLike, length = 0): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.truncate(length);
  } finally {
    await handle.close();
  }
}

/**
 * Learns what Node's handles look like; once, however many ask. Where it cannot be learned now, for
 * want of a descriptor or of memory, this call is Node's, and the next one tries again.
 */
function learn(session: Session): Promise<void> {
  learning ??= (async () => {
    try {
      const shape = await learnHandleShape();
      known = shape === undefined ? null : session;
      if (shape === undefined) return;
      adoptNative(shape, session);
      adoptHandle(shape, session);
    } catch {
      // Node's own function says what is wrong, of the caller's path.
    } finally {
      learning = undefined;
    }
  })();
  return learning;
}

function checked(path: unknown, flags: unknown, mode: unknown): Wanted | undefined {
  try {
    const valid = validatePath(path);
    const bits = stringToFlags(flags);
    // A descriptor that is only a place in the file system is nothing to read.
    if ((bits & O_PATH) !== 0) return undefined;
    return {
      path: typeof valid === "string" ? valid : Uint8Array.from(valid),
      flags: bits,
      mode: parseFileMode(mode, "mode", 0o666),
    };
  } catch {
    return undefined;
  }
}

function start(session: Session, wanted: Wanted): Promise<NodeFileHandle> {
  return new Promise((resolve, reject) => {
    const opening = new Opening(session, wanted, resolve as (handle: unknown) => void, reject);
    OPEN.path = wanted.path;
    OPEN.flags = wanted.flags | O_CLOEXEC;
    OPEN.mode = wanted.mode;
    void session.scheduler.startFor(OPEN, opening);
  });
}

class Opening implements Receiver {
  readonly #session: Session;
  readonly #wanted: Wanted;
  readonly #resolve: (handle: unknown) => void;
  readonly #reject: (error: unknown) => void;
  /** What was opened, until a handle has it. */
  #fd = -1;

  constructor(
    session: Session,
    wanted: Wanted,
    resolve: (handle: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#session = session;
    this.#wanted = wanted;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  settled(result: number): void {
    const { path, flags, mode } = this.#wanted;
    if (result >= 0) this.#opened(result);
    else if (lacksReader(result, flags)) {
      // Nobody reads this FIFO: the ring says so, where node:fs waits for somebody.
      openByThread(path, flags, mode).then(
        (fd) => this.#succeed(fd, NO_SEEK | NO_PREAD | NO_PWRITE),
        this.#reject,
      );
    } else this.#resolve(failing(systemError(result, "open", path)));
  }

  failed(error: unknown): void {
    this.#reject(error);
    const fd = this.#fd;
    this.#fd = -1;
    if (fd !== -1) void closeFd(fd).catch(() => undefined);
  }

  #opened(fd: number): void {
    this.#fd = fd;
    const { scheduler, facts } = this.#session;
    const known = facts?.opened(fd) ?? 0;
    const seekable = (known & NO_SEEK) === 0;
    if (!isEarly(fd, this.#wanted.flags, seekable)) this.#succeed(fd, known);
    else {
      // From here on it is closed there.
      this.#fd = -1;
      const opening = openFifo(scheduler, { ...this.#wanted, fd });
      opening.then((waited) => this.#succeed(waited, known), this.#reject);
    }
  }

  #succeed(fd: number, facts: number): void {
    const { flags } = this.#wanted;
    this.#session.direct?.opened(fd, flags);
    const native = nativeHandle(fd);
    this.#fd = -1;
    this.#resolve(new FileHandle(native, facts, (flags & O_DIRECT) !== 0));
  }
}
