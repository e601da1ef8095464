/**
 * A program that writes more than there is room for, in every form that node:fs has, and prints how
 * each ended and what is in the file. Arguments: a folder, and what to import as node:fs/promises
 * with `createWriteStream`; else node:fs has all of it.
 */
import fs, { type WriteStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const [, , dir = "", from] = process.argv;
type Api = typeof fs.promises & { createWriteStream: typeof fs.createWriteStream };
const api = (
  from === undefined
    ? { ...fs.promises, createWriteStream: fs.createWriteStream }
    : await import(from)
) as Api;

const MiB = 2 ** 20;
const data = Buffer.alloc(3 * MiB);
for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(0x4141_4141 + i / 4, i);
const text = data.toString("latin1");
const pieces = Array.from({ length: 48 }, (_, i) => data.subarray(i * 65_536, (i + 1) * 65_536));
const vectors = [1000, 65_536, 700_000, 3, 500_000, 1_000_000];
let cut = 0;
const views = vectors.map((length) => {
  cut += length;
  return data.subarray(cut - length, cut);
});

/** Writes what is left, as often as it takes; the last call says why that was not all. */
async function writeAll(one: (rest: Buffer) => Promise<number>): Promise<void> {
  for (let done = 0; done < data.length; ) done += await one(data.subarray(done));
}

const write = promisify(fs.write) as unknown as (
  fd: number,
  ...rest: unknown[]
) => Promise<{ bytesWritten: number }>;
const writev = promisify(fs.writev) as unknown as (
  fd: number,
  buffers: readonly Buffer[],
) => Promise<{ bytesWritten: number }>;

/** What comes of a stream: its events and how much it counts. */
function ended(stream: WriteStream, feed: (stream: WriteStream) => void): Promise<unknown> {
  const events: unknown[] = [];
  stream.on("error", (error: NodeJS.ErrnoException) => events.push(error.code));
  stream.on("finish", () => events.push("finish"));
  return new Promise((resolve) => {
    stream.on("close", () => resolve([events, stream.bytesWritten]));
    feed(stream);
  });
}

type Form = (path: string, handle: FileHandle) => unknown;
const FORMS: Readonly<Record<string, Form>> = {
  "writeFile of bytes": (path) => api.writeFile(path, data),
  "writeFile of text": (path) => api.writeFile(path, text, "latin1"),
  "writeFile of pieces": (path) => api.writeFile(path, pieces),
  "appendFile of bytes": (path) => api.appendFile(path, data),
  "handle.writeFile of bytes": (_, handle) => handle.writeFile(data),
  "handle.writeFile of text": (_, handle) => handle.writeFile(text, "latin1"),
  "handle.writeFile of pieces": (_, handle) => handle.writeFile(pieces as never),
  "handle.appendFile of bytes": (_, handle) => handle.appendFile(data),
  "handle.write of all": async (_, handle) => (await handle.write(data)).bytesWritten,
  "handle.write again and again": (_, handle) =>
    writeAll(async (rest) => (await handle.write(rest)).bytesWritten),
  "handle.writev": async (_, handle) => (await handle.writev(views)).bytesWritten,
  "handle.writev and write": async (_, handle) => {
    const { bytesWritten } = await handle.writev(views);
    return (await handle.write(data.subarray(bytesWritten))).bytesWritten;
  },
  "fs.write again and again": (_, { fd }) =>
    writeAll(async (rest) => (await write(fd, rest, 0, rest.length, null)).bytesWritten),
  "fs.writev": async (_, { fd }) => (await writev(fd, views)).bytesWritten,
  "a stream, one chunk": (path) => ended(api.createWriteStream(path), (s) => s.end(data)),
  "a stream, many chunks": (path) =>
    ended(api.createWriteStream(path), (s) => {
      for (const piece of pieces) s.write(piece);
      s.end();
    }),
  "a stream of a handle": (_, handle) =>
    ended(handle.createWriteStream(), (s) => {
      s.cork();
      for (const piece of pieces) s.write(piece);
      s.uncork();
      s.end();
    }),
  "a stream that appends": (path) =>
    ended(api.createWriteStream(path, { flags: "a" }), (s) => s.end(data)),
  copyFile: (path) => api.copyFile(process.env.SOURCE as string, path),
};

fs.mkdirSync(dir, { recursive: true });
for (const [name, form] of Object.entries(FORMS)) {
  const path = join(dir, "file");
  const handle = await api.open(path, "w");
  let outcome: unknown;
  try {
    outcome = await form(path, handle);
  } catch (error) {
    outcome = (error as NodeJS.ErrnoException).code;
  }
  await handle.close().catch(() => {});
  const got = fs.existsSync(path) ? fs.readFileSync(path) : Buffer.alloc(0);
  const front = got.equals(data.subarray(0, got.length)) ? "in order" : "NOT what was written";
  console.log(`${name}: ${JSON.stringify(outcome)}; ${got.length} bytes, ${front}`);
  fs.rmSync(path, { force: true });
}
