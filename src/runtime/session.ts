import type { Engine } from "../core/index.ts";
import type { DescriptorFacts } from "./descriptor-facts.ts";
import type { DirectFiles } from "./direct.ts";
import type { RequestMemory } from "./memory.ts";
import type { Scheduler } from "./scheduler.ts";

/** What a proactor runs on once its first operation was asked for. */
export interface Session {
  readonly engine: Engine;
  /** Does what the engine has no way to do. */
  readonly fallback: Engine | undefined;
  readonly scheduler: Scheduler;
  /** Holds the memory that operations are in flight with, or copies it. */
  readonly memory: RequestMemory;
  /** Knows what O_DIRECT asks for, where the addon can tell. */
  readonly direct: DirectFiles | undefined;
  /** The best engine was short of something: this one stands in until it has nothing to do. */
  readonly standIn?: boolean;
  /** Knows what a descriptor takes, where the engine does not heed it. */
  readonly facts: DescriptorFacts | undefined;
  /** The engine has failed for good: another session takes what comes. */
  retired?: boolean;
}
