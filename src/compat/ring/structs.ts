import {
  IOVEC_BASE,
  IOVEC_LEN,
  IOVEC_SIZE,
  OPEN_HOW_FLAGS,
  OPEN_HOW_MODE,
  OPEN_HOW_RESOLVE,
  OPEN_HOW_SIZE,
  TIMESPEC_SIZE,
  TIMESPEC_TV_NSEC,
  TIMESPEC_TV_SEC,
} from "../../abi/linux-layout.ts";
import {
  CMSGHDR_SIZE,
  EPOLL_EVENT_DATA,
  EPOLL_EVENT_EVENTS,
  EPOLL_EVENT_SIZE,
  FUTEX_WAITV_SIZE,
  MSGHDR_CONTROL,
  MSGHDR_CONTROLLEN,
  MSGHDR_FLAGS,
  MSGHDR_IOV,
  MSGHDR_IOVLEN,
  MSGHDR_NAME,
  MSGHDR_NAMELEN,
  MSGHDR_SIZE,
  SCM_RIGHTS,
  SOL_SOCKET,
} from "../../abi/linux-socket.ts";
import { optionsOf } from "../../base/options.ts";
import { validateBuffers } from "../../base/validate.ts";
import { type Pointer, Struct } from "./memory.ts";

/** `struct __kernel_timespec`: whole seconds, and nanoseconds below 10^9. */
export function timespec(seconds: number, nanoseconds = 0): Struct {
  const struct = new Struct(TIMESPEC_SIZE);
  return struct.setU64(TIMESPEC_TV_SEC, seconds).setU64(TIMESPEC_TV_NSEC, nanoseconds);
}

/** A `struct __kernel_timespec` of so many milliseconds, whole or not. */
export function timespecMs(ms: number): Struct {
  const seconds = Math.floor(ms / 1000);
  return timespec(seconds, Math.floor((ms - seconds * 1000) * 1e6));
}

/** An array of `struct iovec` over views, all of each; the views are lent with it. */
export function iovec(views: readonly NodeJS.ArrayBufferView[]): Struct {
  const struct = new Struct(views.length * IOVEC_SIZE);
  views.forEach((view, i) => {
    struct.setPointer(i * IOVEC_SIZE + IOVEC_BASE, view);
    struct.setU64(i * IOVEC_SIZE + IOVEC_LEN, view.byteLength);
  });
  return struct;
}

/** What `msghdr` is made of. */
export interface MessageOptions {
  /** The address to send to, or room for the sender's. */
  readonly name?: NodeJS.ArrayBufferView | Struct;
  /** The data, in order. */
  readonly buffers?: readonly NodeJS.ArrayBufferView[];
  /** Control messages, or room for them. */
  readonly control?: NodeJS.ArrayBufferView | Struct;
}

/**
 * `struct msghdr` for sendmsg(2) and recvmsg(2). After a receive, {@link messageNameLength},
 * {@link messageControlLength} and {@link messageFlags} tell what came.
 */
export function msghdr(options: MessageOptions): Struct {
  const { name, buffers = [], control } = optionsOf(options);
  validateBuffers(buffers, "options.buffers");
  const struct = new Struct(MSGHDR_SIZE);
  if (name !== undefined) {
    struct.setPointer(MSGHDR_NAME, name).setU32(MSGHDR_NAMELEN, name.byteLength);
  }
  if (buffers.length > 0) struct.setPointer(MSGHDR_IOV, iovec(buffers));
  struct.setU64(MSGHDR_IOVLEN, buffers.length);
  if (control !== undefined) {
    struct.setPointer(MSGHDR_CONTROL, control).setU64(MSGHDR_CONTROLLEN, control.byteLength);
  }
  return struct;
}

/** `msg_namelen` of a `struct msghdr`, in bytes. */
export function messageNameLength(message: Struct): number {
  return message.u32(MSGHDR_NAMELEN);
}

/** `msg_controllen` of a `struct msghdr`, in bytes. */
export function messageControlLength(message: Struct): number {
  return message.u64(MSGHDR_CONTROLLEN);
}

/** `msg_flags` of a `struct msghdr`: MSG_*. */
export function messageFlags(message: Struct): number {
  return message.u32(MSGHDR_FLAGS);
}

/** A control message that hands descriptors over: SCM_RIGHTS, see unix(7). */
export function scmRights(descriptors: readonly number[]): Struct {
  // Control messages are aligned to 8 bytes, each with its padding.
  const struct = new Struct((CMSGHDR_SIZE + descriptors.length * 4 + 7) & ~7);
  struct.setU64(0, CMSGHDR_SIZE + descriptors.length * 4);
  struct.setU32(8, SOL_SOCKET).setU32(12, SCM_RIGHTS);
  descriptors.forEach((fd, i) => {
    struct.setU32(CMSGHDR_SIZE + i * 4, fd);
  });
  return struct;
}

/** `struct open_how` for openat2(2): O_*, permission bits, RESOLVE_*. */
export function openHow(options: { flags: number; mode?: number; resolve?: number }): Struct {
  const { flags, mode = 0, resolve = 0 } = optionsOf(options);
  return new Struct(OPEN_HOW_SIZE)
    .setU64(OPEN_HOW_FLAGS, flags)
    .setU64(OPEN_HOW_MODE, mode)
    .setU64(OPEN_HOW_RESOLVE, resolve);
}

/** An array of `struct epoll_event`: EPOLL*, and a number that comes back with the event. */
export function epollEvents(events: readonly { events: number; data: number }[]): Struct {
  const struct = new Struct(events.length * EPOLL_EVENT_SIZE);
  events.forEach(({ events: mask, data }, i) => {
    struct.setU32(i * EPOLL_EVENT_SIZE + EPOLL_EVENT_EVENTS, mask);
    struct.setU64(i * EPOLL_EVENT_SIZE + EPOLL_EVENT_DATA, data);
  });
  return struct;
}

/** The `i`th `struct epoll_event` of an array. */
export function epollEventAt(struct: Struct, i: number): { events: number; data: number } {
  const at = i * EPOLL_EVENT_SIZE;
  return {
    events: struct.u32(at + EPOLL_EVENT_EVENTS),
    data: struct.u64(at + EPOLL_EVENT_DATA),
  };
}

/** An array of `struct futex_waitv`: the value that is expected, where, and FUTEX2_* flags. */
export function futexWaitv(
  futexes: readonly { value: number; futex: Pointer; flags: number }[],
): Struct {
  const struct = new Struct(futexes.length * FUTEX_WAITV_SIZE);
  futexes.forEach(({ value, futex, flags }, i) => {
    const at = i * FUTEX_WAITV_SIZE;
    struct.setU64(at, value).setPointer(at + 8, futex, 4);
    struct.setU32(at + 16, flags);
  });
  return struct;
}

/** A kernel `sigset_t` of 64 signals, for `sigmask` arguments. */
export function sigset(signals: readonly number[]): Struct {
  const struct = new Struct(8);
  for (const signal of signals) {
    const at = (signal - 1) >> 3;
    struct.bytes[at] = (struct.bytes[at] ?? 0) | (1 << ((signal - 1) & 7));
  }
  return struct;
}
