/**
 * A strict program that uses what the package exports as people would, with what was once wrong:
 * types of node:fs/promises by name, by a namespace and by the default import.
 */
export const CONSUMER = `
import * as node from "node:fs/promises";
import { AbortError, Proactor, proactor } from "proactor";
import fs, {
  type AppendLog, type FileHandle, type FileReadResult, type FlagAndOpenMode,
  constants, copyTree, createReadStream, explain, open, openLog, readBatch, readFile, readFiles,
  stat, walk, watch, writeDurable,
} from "proactor/fs";
import * as all from "proactor/fs";
import * as libaio from "proactor/linux-aio";
import * as aio from "proactor/posix-aio";
import { register, report } from "proactor/register";
import { type RegisterReport, report as ask } from "proactor/register/report";
import * as ring from "proactor/ring";

export const whole: typeof import("node:fs/promises") = all;
export const asDefault: typeof import("node:fs/promises") = fs;
export const back: typeof all.readFile = node.readFile;
export const modules = [libaio, aio, ring, register, report, explain, AbortError, constants];

export async function main(a: FileHandle, b: all.FileHandle, c: fs.FileHandle): Promise<number> {
  const opened: node.FileHandle = await open("x");
  const handle: FileHandle = opened;
  const result: FileReadResult<Buffer> = await handle.read(Buffer.alloc(1), 0, 1, 0);
  const text: string = await readFile("x", "utf8");
  const bytes: Buffer = await fs.readFile("x");
  const big: bigint = (await stat("x", { bigint: true })).size;
  const mode: FlagAndOpenMode = { flag: "r" };
  const log: AppendLog = await openLog("x");
  await log.append(text);
  await copyTree("a", "b");
  await writeDurable("a", "b");
  for await (const { data } of readFiles(["a"])) console.log(data);
  for await (const { eventType } of watch("x")) console.log(eventType);
  for await (const entry of walk("a")) console.log(entry.path);
  await readBatch([{ fd: handle, offset: 0, length: 1 }]);
  createReadStream("x").pipe(process.stdout);
  const routed: RegisterReport = ask();
  console.log(routed.active, bytes, big, mode, result.bytesRead);
  const own = new Proactor();
  const count: number = await own.read(3, Buffer.alloc(1), { offset: 0 });
  await own.shutdown();
  await proactor.nop();
  await Promise.all([a.close(), b.close(), c.close()]);
  return count;
}
`;

/** What came after Node 20, as @types/node of a later release has it. */
export const LATER = `
import fs, { glob } from "proactor/fs";
import * as all from "proactor/fs";

export const same: typeof import("node:fs/promises").glob = glob;

export async function main(): Promise<void> {
  for await (const name of glob("*")) console.log(name satisfies string);
  for await (const name of all.glob("*")) console.log(name satisfies string);
  for await (const name of fs.glob("*")) console.log(name satisfies string);
}
`;
