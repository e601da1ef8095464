/**
 * Collects buffers that were made to be read into, before V8 would do it, and on the calling thread
 * alone. V8 lets them grow to 32 MiB, then it scavenges with threads that have to get a core first;
 * since Node 24 to 64 MiB and more, which is as much as makes it collect the whole heap. The
 * numbers, and what else was tried: docs/decisions/0022-young-buffers.md.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { YOUNG_BUFFER_BYTES, YOUNG_BUFFERS_FIRST } from "../base/limits.ts";

/** V8's function gc, as far as it is called here. */
type Collect = (options: { readonly type: "minor"; readonly execution: "sync" }) => void;

const MINOR = { type: "minor", execution: "sync" } as const;

/** For one collection: no other thread takes part in it, or goes on with it afterwards. */
const ALONE = "--no-parallel-scavenge --no-concurrent-array-buffer-sweeping";
const TOGETHER = "--parallel-scavenge --concurrent-array-buffer-sweeping";

/** Who has told V8 how to collect, on the command line, has said enough. */
const TOLD = /^--(no[-_]?)?(parallel|concurrent|single|predictable|minor|scavenge)/;

/** Whether V8's threads are to stay out of it. */
const alone = !process.execArgv.some((argument) => TOLD.test(argument));

let isPossible = process.release.name === "node";
let collect: Collect | undefined;
let young = YOUNG_BUFFER_BYTES - YOUNG_BUFFERS_FIRST;

/** To be told of each buffer that is made for a read, and that the caller soon forgets. */
export function bufferMade(bytes: number): void {
  young += bytes;
  if (young < YOUNG_BUFFER_BYTES) return;
  young = 0;
  if (!isPossible) return;
  collect ??= exposed();
  if (collect !== undefined) scavenge(collect);
}

function scavenge(minor: Collect): void {
  if (alone) setFlagsFromString(ALONE);
  minor(MINOR);
  if (alone) setFlagsFromString(TOGETHER);
}

/**
 * The function that `--expose-gc` gives a program, without giving it to this one: only the context
 * that is made here has it. Undefined, and never asked for again, where there is none.
 */
function exposed(): Collect | undefined {
  const asked = typeof globalThis.gc === "function";
  try {
    if (!asked) setFlagsFromString("--expose-gc");
    return runInNewContext("gc") as Collect;
  } catch {
    isPossible = false;
    return undefined;
  } finally {
    if (!asked) setFlagsFromString("--no-expose-gc");
  }
}
