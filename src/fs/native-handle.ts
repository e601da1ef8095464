/** Node's native handle, closed through the ring. */
import { errnoOf } from "../base/errors.ts";
import { OperationKind, Request } from "../core/index.ts";
import type { Finisher } from "../runtime/gate.ts";
import type { Session } from "../runtime/session.ts";
import type { HandleShape, NativeHandle } from "./native-class.ts";

const EINTR = -errnoOf("EINTR");
const CLOSE = new Request().reset(OperationKind.Close);

/** A close that a signal interrupted has closed all the same. */
const closed: Finisher = {
  finish: (result) =>
    typeof result === "number" || (result as NodeJS.ErrnoException).errno === EINTR
      ? undefined
      : result,
};

let session: Session;

/** In the place of Node's native class, which is known only once there was a handle. */
const Parent = class {} as unknown as HandleShape["Native"];

/**
 * Owns a descriptor, as Node's native handle does: whoever forgets it is told so when it is
 * collected, and may transfer it to another thread. Only closing does not go to the thread pool.
 */
class FileHandle extends Parent implements NativeHandle {
  override close(): Promise<void> {
    const { fd } = this;
    this.releaseFD();
    session.direct?.closed(fd);
    CLOSE.fd = fd;
    return session.scheduler.startPlain(CLOSE, closed) as Promise<void>;
  }
}

/** Says what the native class is, before the first is made. */
export function adoptNative(shape: HandleShape, road: Session): void {
  session = road;
  Object.setPrototypeOf(FileHandle, shape.Native);
  Object.setPrototypeOf(FileHandle.prototype, shape.Native.prototype);
}

/** The native handle of a descriptor that is ours. */
export function nativeHandle(fd: number): NativeHandle {
  return new FileHandle(fd);
}
