import { type EngineCapabilities, OPERATIONS } from "../../core/index.ts";
import { permitted } from "../permission.ts";
import { OPCODES } from "./requests.ts";

/** What glibc's POSIX AIO can do, everywhere. */
export const CAPABILITIES: EngineCapabilities = {
  operations: permitted(OPERATIONS.map((_, kind) => OPCODES[kind] !== -1)),
  // A thread of glibc is parked behind every descriptor, and does one request after the other.
  asynchronous: false,
  addresses: true,
  filePosition: false,
  heedsDescriptor: false,
  links: false,
  drain: false,
  deadline: false,
  // aio_cancel takes back what no thread has begun.
  cancel: "waiting",
  registeredBuffers: false,
  registeredFiles: false,
  wait: true,
  direct: false,
};
