/** A measuring process: is told one job as JSON, and prints one sample. */
import type { Job } from "./job.ts";
import { latencyOf } from "./latency.ts";
import { WORK } from "./works.ts";

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const sample = job.latency === undefined ? await WORK[job.work](job) : await latencyOf(job);
process.stdout.write(`${JSON.stringify(sample)}\n`);
// Hashes that are still running are of no use to anybody.
process.exit(0);
