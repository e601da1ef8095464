import { warnForgotten } from "../base/warnings.ts";
import type { Engine } from "../core/index.ts";
import type { DescriptorFacts } from "./descriptor-facts.ts";
import type { DirectFiles } from "./direct.ts";
import type { StartRule } from "./early.ts";
import type { FilePositions } from "./file-positions.ts";
import type { RequestMemory } from "./memory.ts";
import type { Scheduler } from "./scheduler.ts";

/** What a scheduler may need besides its engines. */
export interface Helpers {
  /** For an engine without the capability `heedsDescriptor`. */
  readonly facts?: DescriptorFacts | undefined;
  /** Makes the fallback once a descriptor is for read(2) and write(2) themselves. */
  readonly makeThreads?: () => Engine;
  /** Orders what moves a file position; absent where the engine does. */
  readonly positions?: FilePositions | undefined;
  /** Decides what is handed over before the end of the tick. */
  readonly early?: StartRule | undefined;
}

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

/** Sessions that are being closed, or are. */
const closing = new WeakMap<Session, Promise<void>>();

/** Gives back what a session has, as soon as nothing is in flight and nothing waits. */
export function closeWhenQuiet(session: Session): Promise<void> {
  const known = closing.get(session);
  if (known !== undefined) return known;
  const closed = close(session);
  closing.set(session, closed);
  return closed;
}

async function close(session: Session): Promise<void> {
  const { scheduler, engine } = session;
  await new Promise<void>((resolve) => scheduler.whenQuiet(resolve));
  // Handles and streams go on with what does the failed engine's part.
  if (session.retired !== true) scheduler.stop();
  engine.close();
  if (session.retired !== true) scheduler.fallback?.close();
}

/** What ran on an engine that failed for good. */
const failed: Session[] = [];

/** Keeps what holds the memory of operations that the kernel may never give back. */
export function keepForEver(session: Session): void {
  failed.push(session);
}

// Nothing in a session leads back to the proactor that the program holds.
const collected = new FinalizationRegistry<Session>((session) => {
  if (closing.has(session)) return;
  const { scheduler, engine } = session;
  const inFlight = scheduler.inFlight + scheduler.waiting;
  warnForgotten(`A Proactor on ${engine.name}`, inFlight, "Call shutdown()");
  // Somebody may await its operations: they go on.
  void closeWhenQuiet(session);
});

/** Has a session closed should the program forget its proactor. */
export function closeIfForgotten(proactor: object, session: Session): void {
  collected.register(proactor, session, proactor);
}

/** The program shuts its proactor down. */
export function keepFromClosing(proactor: object): void {
  collected.unregister(proactor);
}
