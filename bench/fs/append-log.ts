/** Durable appends by many writers: an append log beside a write and an fdatasync for each. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { openLog } from "../../src/fs/append-log.ts";

/** What is measured. */
export interface AppendLogPlan {
  /** A folder on the disk that is meant; what is made there is removed again. */
  readonly dir: string;
  readonly writers?: number;
  readonly recordBytes?: number;
  /** Rounds, each of both sides one after the other, and how long each side of one takes. */
  readonly rounds?: number;
  readonly roundMs?: number;
}

/** One round: durable appends per second. */
export interface AppendLogRound {
  /** Through the log. */
  readonly log: number;
  /** `handle.write` and then `handle.datasync` of node:fs/promises, for every append. */
  readonly node: number;
  /** Appends that shared one fdatasync of the log. */
  readonly perGroup: number;
}

/** Measures both sides in turn. */
export async function measureAppendLog(plan: AppendLogPlan): Promise<AppendLogRound[]> {
  const { writers = 64, recordBytes = 100, rounds = 5, roundMs = 500 } = plan;
  const dir = await mkdtemp(join(plan.dir, "append-log-"));
  const record = Buffer.alloc(recordBytes, "r");
  const result: AppendLogRound[] = [];
  try {
    const log = await openLog(join(dir, "log"));
    const handle = await open(join(dir, "node"), "a");
    for (let round = 0; round < rounds; round++) {
      const node = await rate(writers, roundMs, async () => {
        await handle.write(record);
        await handle.datasync();
      });
      const before = log.groups;
      const ours = await rate(writers, roundMs, () => log.append(record));
      const perGroup = ours.count / (log.groups - before);
      result.push({ log: ours.perSecond, node: node.perSecond, perGroup });
    }
    await handle.close();
    await log.close();
  } finally {
    await rm(dir, { recursive: true });
  }
  return result;
}

async function rate(writers: number, ms: number, append: () => Promise<unknown>) {
  const start = performance.now();
  const end = start + ms;
  let count = 0;
  const writer = async () => {
    while (performance.now() < end) {
      await append();
      count++;
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  return { count, perSecond: (count / (performance.now() - start)) * 1000 };
}
