/**
 * A process that measures. Started with a job as its argument, it prints the result as JSON; with
 * an IPC channel it runs job after job until the channel closes.
 */

import { runHashing } from "./hashing.ts";
import { runHeap } from "./heap.ts";
import type { Job } from "./job.ts";
import { runRead } from "./models.ts";

function perform(job: Job): Promise<unknown> {
  switch (job.kind) {
    case "read":
      return runRead(job);
    case "hashing":
      return runHashing(job);
    case "heap":
      return runHeap(job);
    default:
      return job satisfies never;
  }
}

async function answer(job: Job): Promise<void> {
  try {
    process.send?.({ result: await perform(job) });
  } catch (error) {
    process.send?.({ error: messageOf(error) });
  }
}

/** One line: it ends up beside a table. */
function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

if (process.send === undefined) {
  try {
    const result = await perform(JSON.parse(process.argv[2] ?? "") as Job);
    // Hashes may still be running, and nobody waits for them.
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`, () => process.exit(1));
  }
} else {
  // Ctrl-C goes to every process of the terminal: whoever started us decides what it means.
  process.on("SIGINT", () => {});
  process.on("disconnect", () => process.exit());
  process.on("message", (job: Job) => void answer(job));
}
