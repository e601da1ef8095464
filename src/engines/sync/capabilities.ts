import { type EngineCapabilities, OPERATIONS, type OperationKind } from "../../core/index.ts";
import { isKnown } from "./requests.ts";

/** What the blocking model can do. */
export const CAPABILITIES: EngineCapabilities = {
  operations: OPERATIONS.map((_, kind) => isKnown(kind as OperationKind)),
  asynchronous: false,
  addresses: false,
  links: false,
  // Everything queued before has completed, always.
  drain: true,
  deadline: false,
  cancel: "none",
  registeredBuffers: false,
  registeredFiles: false,
  wait: true,
  direct: false,
};
