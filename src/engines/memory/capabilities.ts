import { type EngineCapabilities, OPERATIONS } from "../../core/index.ts";

/** What a file system in memory can do. Order and deadlines are left to the runtime to emulate. */
export const CAPABILITIES: EngineCapabilities = {
  operations: OPERATIONS.map(() => true),
  asynchronous: true,
  addresses: false,
  positionByOffset: true,
  links: false,
  drain: false,
  deadline: false,
  cancel: "running",
  registeredBuffers: false,
  registeredFiles: false,
  wait: true,
  direct: false,
};
