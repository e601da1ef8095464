import type { ModelName } from "../harness/job.ts";

const NAMES: Record<ModelName, string> = {
  readSync: "readSync",
  "fs callback": "fs.read callback",
  "fs/promises": "fs/promises",
  thread_pool: "proactor, thread_pool",
  io_uring: "proactor, io_uring",
};

/** What a model is called in the table. */
export function nameOf(model: ModelName): string {
  return NAMES[model];
}
