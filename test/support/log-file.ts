import { errnoOf, systemError } from "../../src/base/errors.ts";
import type { Committed, LogFile, Packed } from "../../src/fs/log-file.ts";
import type { Packer } from "../../src/fs/packer.ts";

const ENOSPC = -errnoOf("ENOSPC");

/** A file in memory, of which a test says what happens to it. */
export class FakeFile implements LogFile {
  readonly fd = -1;
  bytes = Buffer.alloc(0);
  /** Bytes that it can hold. */
  room = Number.POSITIVE_INFINITY;
  /** The most that one write writes. */
  most = Number.POSITIVE_INFINITY;
  /** What fdatasync answers. */
  synced = 0;
  readonly calls: string[] = [];

  async commit(bytes: Uint8Array, position: number, sync: boolean): Promise<Committed> {
    const count = Math.min(bytes.length, this.most, this.room - position);
    this.calls.push(`write ${bytes.length} at ${position}: ${count}`);
    await new Promise(setImmediate);
    if (bytes.length > 0 && count <= 0) return { written: ENOSPC, synced: undefined };
    this.bytes = Buffer.concat([this.bytes.subarray(0, position), bytes.subarray(0, count)]);
    if (!sync || count < bytes.length) return { written: count, synced: undefined };
    return { written: count, synced: this.synced };
  }

  async sync(): Promise<void> {
    this.calls.push("sync");
    if (this.synced < 0) throw Object.assign(new Error("EIO"), { code: "EIO" });
  }

  writeNow(packer: Packer, position: number): Packed {
    const bytes = Buffer.from(packer.fill());
    const count = Math.max(0, Math.min(bytes.length, this.room - position));
    this.calls.push(`write ${bytes.length} at ${position} now: ${count}`);
    this.bytes = Buffer.concat([this.bytes.subarray(0, position), bytes.subarray(0, count)]);
    const error = count < bytes.length ? systemError(ENOSPC, "write") : undefined;
    const unsynced = this.synced < 0 ? systemError(this.synced, "fdatasync") : undefined;
    return { written: count, error, unsynced };
  }

  size(): number {
    return this.bytes.length;
  }

  truncate(size: number): void {
    this.calls.push(`truncate ${size}`);
    this.bytes = this.bytes.subarray(0, size);
  }

  async close(): Promise<void> {
    this.calls.push("close");
  }
}

/** What became of each append: its position, or the code of its error. */
export async function outcomes(appends: readonly Promise<number>[]): Promise<(number | string)[]> {
  const settled = await Promise.allSettled(appends);
  return settled.map((each) =>
    each.status === "fulfilled" ? each.value : String((each.reason as { code: string }).code),
  );
}
