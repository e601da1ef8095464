/**
 * liburing's verbs over a ring, in TypeScript: `proactor/ring`.
 *
 * @packageDocumentation
 */
export * from "../../abi/io-uring.ts";
export * from "../../abi/linux.ts";
export * from "../../abi/linux-socket.ts";
export { addressOf, allocate, type Path, type Pointer, Struct } from "./memory.ts";
export { Probe, type QueriedOpcodes, queryOpcodes, registerSyncMsg } from "./probe.ts";
export type { BufRing } from "./provided-buffers.ts";
export { type RecvmsgOut, recvmsgValidate } from "./recvmsg-out.ts";
export type { Buffers, Descriptors, Tags } from "./register-resources.ts";
export type { Napi, Restriction, SyncCancel } from "./register-ring.ts";
export { setRegWait } from "./registered-wait.ts";
export {
  getProbe,
  memorySize,
  queueInit,
  queueInitMem,
  queueInitParams,
  type Ring,
  type RingParams,
} from "./ring.ts";
export { readSockaddr, type SocketAddress, sockaddr, sockaddrUn } from "./sockaddr.ts";
export {
  epollEventAt,
  epollEvents,
  futexWaitv,
  iovec,
  type MessageOptions,
  messageControlLength,
  messageFlags,
  messageNameLength,
  msghdr,
  openHow,
  scmRights,
  sigset,
  timespec,
  timespecMs,
} from "./structs.ts";
export { type CompletionWatch, eventfd, watchCompletions } from "./watch.ts";
