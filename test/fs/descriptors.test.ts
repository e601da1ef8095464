import { execFileSync } from "node:child_process";
import nodeFs, { type ReadStream, type WriteStream } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { compareWithNode, outcomeOf, type Promises } from "./twins.ts";

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = nodeFs.constants;

/** A FIFO, and a descriptor that keeps it open at both ends. */
async function withFifo(
  dir: string,
  body: (path: string, keep: number) => Promise<unknown>,
): Promise<unknown> {
  const path = join(dir, "fifo");
  execFileSync("mkfifo", [path]);
  const keep = nodeFs.openSync(path, O_RDWR | O_NONBLOCK);
  try {
    return await body(path, keep);
  } finally {
    nodeFs.closeSync(keep);
  }
}

/** What is in a FIFO; it is empty afterwards. */
function drain(keep: number): string {
  const bytes = Buffer.alloc(2 ** 20);
  try {
    return bytes.toString("latin1", 0, nodeFs.readSync(keep, bytes));
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

function fill(keep: number): void {
  try {
    for (;;) nodeFs.writeSync(keep, Buffer.alloc(65_536, "."));
  } catch {
    // It is full.
  }
}

/** What a stream ended with: its error, or its bytes. */
function endOfStream(stream: ReadStream | WriteStream): Promise<unknown> {
  const parts: Buffer[] = [];
  const events: NodeJS.EventEmitter = stream;
  return new Promise((resolve) => {
    events.on("error", (error: Error) => resolve([error.message, Object.entries(error)]));
    events.on("finish", () => resolve("finish"));
    events.on("end", () => resolve(Buffer.concat(parts).toString("latin1")));
    if ("read" in stream) events.on("data", (part: Buffer) => parts.push(part));
    else stream.end("xyz");
  });
}

/** Transfers of a handle, one after the other: an error of one says nothing of the next. */
async function transfers(fs: Promises, path: string, flags: number, at: number | null) {
  const handle = await fs.open(path, flags);
  const text = Buffer.from("abcdef");
  const ends = [
    await outcomeOf(() => handle.write(text, 1, 3, at)),
    await outcomeOf(() => handle.write("text", at)),
    await outcomeOf(() => handle.writev([text, text], at ?? undefined)),
    await outcomeOf(() => handle.read(Buffer.alloc(4, "~"), 1, 2, at)),
    await outcomeOf(() => handle.read({ buffer: Buffer.alloc(4, "~"), position: at })),
    await outcomeOf(() => handle.readv([Buffer.alloc(2), Buffer.alloc(3)], at ?? undefined)),
  ];
  await handle.close();
  return ends;
}

describe("a position on what has none", () => {
  it("is ESPIPE for a handle of a FIFO, and moves nothing", () =>
    compareWithNode((fs, dir) =>
      withFifo(dir, async (path, keep) => {
        nodeFs.writeSync(keep, "0123456789");
        return [await transfers(fs, path, O_RDWR, 3), drain(keep)];
      }),
    ));

  it("is ESPIPE for a handle of a file of /proc that takes none", () =>
    compareWithNode(async (fs) => {
      const ends = await transfers(fs, "/proc/self/comm", O_RDWR, 1);
      return [ends, nodeFs.readFileSync("/proc/self/comm", "utf8")];
    }));

  it("is ESPIPE for a stream of a handle", () =>
    compareWithNode((fs, dir) =>
      withFifo(dir, async (path, keep) => {
        nodeFs.writeSync(keep, "0123456789");
        const reader = await fs.open(path, O_RDWR);
        const read = await endOfStream(reader.createReadStream({ start: 2, end: 4 }));
        const writer = await fs.open(path, O_RDWR);
        const written = await endOfStream(writer.createWriteStream({ start: 2 }));
        return [read, written, drain(keep)];
      }),
    ));
});

describe("O_NONBLOCK", () => {
  it("is EAGAIN for a handle of an empty FIFO, and no read is left behind", () =>
    compareWithNode((fs, dir) =>
      withFifo(dir, async (path, keep) => {
        const handle = await fs.open(path, O_RDONLY | O_NONBLOCK);
        const ends = [
          await outcomeOf(() => handle.read(Buffer.alloc(4), 0, 4, null)),
          await outcomeOf(() => handle.readv([Buffer.alloc(4)])),
          await outcomeOf(() => handle.readFile("utf8")),
        ];
        await handle.close();
        nodeFs.writeSync(keep, "later");
        return [ends, drain(keep)];
      }),
    ));

  it("lets a handle be closed while its reads are asked for", () =>
    compareWithNode((fs, dir) =>
      withFifo(dir, async (path, keep) => {
        const handle = await fs.open(path, O_RDONLY | O_NONBLOCK);
        const read = outcomeOf(() => handle.read(Buffer.alloc(4), 0, 4, null));
        await handle.close();
        nodeFs.writeSync(keep, "later");
        return [await read, drain(keep)];
      }),
    ));

  it("is EAGAIN for a handle of a full FIFO", () =>
    compareWithNode((fs, dir) =>
      withFifo(dir, async (path, keep) => {
        fill(keep);
        const handle = await fs.open(path, O_WRONLY | O_NONBLOCK);
        const ends = [
          await outcomeOf(() => handle.write(Buffer.alloc(100))),
          await outcomeOf(() => handle.writev([Buffer.alloc(100)])),
          await outcomeOf(() => handle.writeFile("x")),
          await outcomeOf(() => handle.appendFile(Buffer.alloc(200_000))),
        ];
        await handle.close();
        return [ends, drain(keep).length];
      }),
    ));

  it("moves what there is room for, and what there is", () =>
    compareWithNode((fs, dir) =>
      withFifo(dir, async (path, keep) => {
        const handle = await fs.open(path, O_RDWR | O_NONBLOCK);
        const memory = Buffer.alloc(70_000, "x");
        const { bytesWritten } = await handle.write(memory);
        const ends = await transfers(fs, path, O_RDWR | O_NONBLOCK, null);
        const left = drain(keep);
        const both = await transfers(fs, path, O_RDWR | O_NONBLOCK, null);
        await handle.close();
        return [bytesWritten, ends, left.length, both, drain(keep)];
      }),
    ));

  it("is EAGAIN for whole files by their paths", () =>
    compareWithNode((fs, dir) =>
      withFifo(dir, async (path, keep) => {
        const flag = (bits: number) => ({ flag: bits as unknown as string });
        const read = await outcomeOf(() => fs.readFile(path, flag(O_RDONLY | O_NONBLOCK)));
        fill(keep);
        const write = await outcomeOf(() => fs.writeFile(path, "x", flag(O_WRONLY | O_NONBLOCK)));
        return [read, write];
      }),
    ));

  it("is EAGAIN for streams of a handle", () =>
    compareWithNode((fs, dir) =>
      withFifo(dir, async (path, keep) => {
        const reader = await fs.open(path, O_RDONLY | O_NONBLOCK);
        const read = await endOfStream(reader.createReadStream());
        fill(keep);
        const writer = await fs.open(path, O_WRONLY | O_NONBLOCK);
        const written = await endOfStream(writer.createWriteStream());
        return [read, written];
      }),
    ));

  it("is EAGAIN for a terminal", () =>
    compareWithNode(async (fs) => {
      const handle = await fs.open("/dev/ptmx", O_RDWR | O_NONBLOCK | nodeFs.constants.O_NOCTTY);
      const ends = [
        await outcomeOf(() => handle.read(Buffer.alloc(4), 0, 4, null)),
        await outcomeOf(() => handle.read(Buffer.alloc(4), 0, 4, 0)),
        await outcomeOf(() => handle.readFile()),
      ];
      await handle.close();
      return ends;
    }));
});
