import type { ModelName } from "./job.ts";
import type { Reader } from "./loops.ts";
import { READ_BYTES } from "./random.ts";

/** Buffers for as many reads as are kept in flight. */
export function alignedBuffers(count: number): Buffer[] {
  const memory = Buffer.allocUnsafeSlow(count * READ_BYTES);
  return Array.from({ length: count }, (_, i) =>
    memory.subarray(i * READ_BYTES, (i + 1) * READ_BYTES),
  );
}

/** The proactor that a model stands for. */
export function proactorFor(model: ModelName, _sqPoll: boolean): Reader & { run(): number } {
  throw new Error(`There is no ${model} yet`);
}
