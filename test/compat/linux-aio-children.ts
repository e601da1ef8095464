/**
 * Processes and Workers for the tests of native AIO: what needs a limit, a signal or a death of its
 * own. The first argument says what to do; a result is printed as JSON.
 */

import { execFileSync, spawn } from "node:child_process";
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import {
  O_CREAT,
  O_DIRECT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  POLLIN,
  RWF_NOWAIT,
} from "../../src/abi/linux.ts";
import { IOCB_CMD_POLL, IOCB_CMD_PREAD, IOCB_CMD_PWRITE } from "../../src/abi/linux-aio.ts";
import { addonOrThrow } from "../native/native-addon.ts";
import { memory, RawContext } from "../unit/linux-aio-context.ts";

const { SIGCHLD, SIGUSR1 } = constants.signals;

const addon = addonOrThrow();

/** Pages that O_DIRECT takes. */
function pages(count: number): Uint8Array<ArrayBuffer> {
  const allocated = addon.allocate(count * 4096, 4096, false);
  if (typeof allocated === "number") throw new Error(`No memory: ${allocated}`);
  return new Uint8Array(allocated);
}

/** The result of one request, whether io_submit refuses it or an event tells. */
function result(context: RawContext, opcode: number, fd: number, buf: Uint8Array, offset: number) {
  const submitted = context.submitOne({ opcode, fd, buf, offset });
  return submitted === 1 ? context.events(1, 1)[0]?.res : submitted;
}

/** Writes and reads around a limit on the size of a file. */
function aroundLimit(path: string, limit: number): unknown {
  const context = new RawContext(addon, 8);
  const fd = openSync(path, "w+");
  const eight = memory(8).fill(7);
  const none = memory(0);
  const answer = {
    before: result(context, IOCB_CMD_PWRITE, fd, eight, limit - 8),
    across: result(context, IOCB_CMD_PWRITE, fd, eight, limit - 5),
    at: result(context, IOCB_CMD_PWRITE, fd, eight, limit),
    beyond: result(context, IOCB_CMD_PWRITE, fd, eight, limit + 4096),
    nothing: result(context, IOCB_CMD_PWRITE, fd, none, limit),
    readBefore: result(context, IOCB_CMD_PREAD, fd, eight, limit - 3),
    readAt: result(context, IOCB_CMD_PREAD, fd, eight, limit),
  };
  closeSync(fd);
  return answer;
}

/** The same where the limit is one of the process. Its signal must not end us. */
function limitOfProcess(path: string, limit: number): unknown {
  process.on("SIGXFSZ", () => {});
  return aroundLimit(path, limit);
}

/** The same where the limit is one of the file system. */
function limitOfFileSystem(path: string): unknown {
  const fd = openSync(path, "w");
  let [possible, impossible] = [0, 2 ** 53 - 1];
  while (impossible - possible > 1) {
    const size = Math.floor((possible + impossible) / 2);
    try {
      ftruncateSync(fd, size);
      possible = size;
    } catch {
      impossible = size;
    }
  }
  closeSync(fd);
  // Larger offsets than a number holds: nothing to find here.
  if (possible >= 2 ** 53 - 2) return { limit: possible };
  return { limit: possible, ...(aroundLimit(path, possible) as object) };
}

/** Fills a file system of 64 KiB, mounted at a folder. */
function full(folder: string): unknown {
  const context = new RawContext(addon, 8);
  const fd = openSync(join(folder, "file"), "w+");
  const write = (length: number, offset: number) =>
    result(context, IOCB_CMD_PWRITE, fd, memory(length).fill(1), offset);
  return {
    fill: write(65_536 - 7, 0),
    partial: write(8, 65_536 - 7),
    full: write(8, 65_536),
    nothing: write(0, 65_536),
    readAtEnd: result(context, IOCB_CMD_PREAD, fd, memory(8), 65_536),
    readLast: result(context, IOCB_CMD_PREAD, fd, memory(8), 65_536 - 3),
  };
}

/** Mounts a small tmpfs that only we see, and fills it. */
function fullInNamespace(folder: string): unknown {
  const script = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"';
  const [node, file] = process.argv as [string, string];
  try {
    const args = ["-m", "sh", "-c", script, folder, node, file, "full", folder];
    return JSON.parse(execFileSync("unshare", args, { encoding: "utf8", stdio: "pipe" }));
  } catch (error) {
    return { skip: `A tmpfs cannot be mounted here: ${(error as Error).message.split("\n")[0]}` };
  }
}

/** What another process's context is to us. */
function foreign(id: number): unknown {
  const context = new RawContext(addon, 1);
  context.destroy();
  context.id = id;
  const iocb = context.iocb({ fd: 0, buf: memory(1) });
  return {
    submit: context.submit([iocb]),
    getevents: context.getevents(0, 1, 0),
    cancel: context.cancel(iocb),
    destroy: context.destroy(),
  };
}

/** Starts much, and lives on only to be ended. */
function busy(path: string): RawContext {
  const context = new RawContext(addon, 512);
  const fd = openSync(path, O_RDWR | O_CREAT | O_DIRECT);
  const buffer = pages(512);
  const quiet = addon.eventfd();
  for (let i = 0; i < 256; i++) {
    const buf = buffer.subarray(i * 4096, (i + 1) * 4096);
    const opcode = i % 2 === 0 ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE;
    context.submitOne({ opcode, fd, buf, offset: i * 4096 });
    context.submitOne({ opcode: IOCB_CMD_POLL, fd: quiet, buf: POLLIN });
  }
  return context;
}

/** Waits for events, for a second at most, while a signal comes after 200 ms. */
function signaled(blocked: readonly number[]): unknown {
  let seen = 0;
  process.on("SIGUSR1", () => seen++);
  const context = new RawContext(addon, 4);
  context.submitOne({ opcode: IOCB_CMD_POLL, fd: addon.eventfd(), buf: POLLIN });
  const sender = spawn("sh", ["-c", `sleep 0.2; kill -USR1 ${process.pid}`], { stdio: "ignore" });
  const answer = context.pgetevents(1, 1, 1000, blocked);
  return new Promise((resolve) => {
    sender.once("exit", () => setTimeout(() => resolve({ answer, seen }), 50));
  });
}

/** Reads our own stdin, which is a pipe, with RWF_NOWAIT: empty, and not empty. */
function nowait(): unknown {
  // Whoever wrote to it may be gone: as long as we could, it is not at its end.
  const write = openSync("/proc/self/fd/0", "r+");
  const context = new RawContext(addon, 1);
  const read = { fd: 0, buf: memory(8), rwFlags: RWF_NOWAIT };
  const submitted = context.submitOne(read);
  if (submitted !== 1) return { submitted };
  const empty = context.events(1, 1)[0]?.res;
  writeSync(write, "ab");
  return { submitted, empty, filled: context.run(read) };
}

/** Worker: destroys contexts with reads in flight, and looks whether anybody writes afterwards. */
function destroyer(path: string): void {
  const fd = openSync(path, O_DIRECT);
  const buffer = pages(16);
  for (let round = 0; round < 5; round++) {
    const context = new RawContext(addon, 16);
    for (let i = 0; i < 16; i++) {
      const buf = buffer.subarray(i * 4096, (i + 1) * 4096);
      if (context.submitOne({ fd, buf, offset: i * 4096 }) !== 1) throw new Error("Not taken");
    }
    if (context.destroy() !== 0) throw new Error("Not destroyed");
    buffer.fill(0xaa);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    if (!buffer.every((byte) => byte === 0xaa)) throw new Error("Written to after io_destroy");
  }
  closeSync(fd);
}

/** Worker: writes a byte to a pipe whenever it is told to, at any moment of the other's poll. */
function writer({ fd, turns, rounds }: { fd: number; turns: Int32Array; rounds: number }): void {
  for (let round = 1; round <= rounds; round++) {
    while (Atomics.load(turns, 0) < round) Atomics.wait(turns, 0, round - 1, 100);
    writeSync(fd, "x");
  }
}

/** Polls a pipe that another thread writes to. Returns how many events came. */
function pollRace(pipe: { read: number; write: number }, rounds: number): Promise<number> {
  const turns = new Int32Array(new SharedArrayBuffer(4));
  const job = { kind: "writer", fd: pipe.write, turns, rounds };
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", () => {
      const context = new RawContext(addon, 4);
      const byte = Buffer.alloc(1);
      let events = 0;
      for (let round = 1; round <= rounds; round++) {
        Atomics.store(turns, 0, round);
        Atomics.notify(turns, 0);
        // From nothing to a few microseconds later: the write hits every moment of the poll.
        for (let spin = (round % 50) * 20; spin > 0; spin--) Atomics.load(turns, 0);
        if (!pollUntilRead(context, pipe.read, byte)) break;
        events++;
      }
      resolve(events);
    });
  });
}

/**
 * Polls until there was a byte to read. Seldom an event finds none: a writer wakes those who wait
 * after its byte can be read, and so may wake the poll that follows that read.
 */
function pollUntilRead(context: RawContext, fd: number, byte: Buffer): boolean {
  for (;;) {
    const submitted = context.submitOne({ opcode: IOCB_CMD_POLL, fd, buf: POLLIN });
    if (submitted !== 1 || context.getevents(1, 1, 5000) !== 1) return false;
    try {
      return readSync(fd, byte) === 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

/** Makes a pipe of a FIFO. */
function pollRaceOf(path: string): Promise<number> {
  const read = openSync(path, O_RDONLY | O_NONBLOCK);
  const write = openSync(path, "w");
  return pollRace({ read, write }, 2000);
}

async function main(): Promise<unknown> {
  const [, , mode, first = "", second = ""] = process.argv;
  switch (mode) {
    case "process-limit":
      return limitOfProcess(first, Number(second));
    case "file-system-limit":
      return limitOfFileSystem(first);
    case "full-namespace":
      return fullInNamespace(first);
    case "full":
      return full(first);
    case "foreign":
      return foreign(Number(first));
    case "busy-exit":
      busy(first);
      process.exit(0);
      break;
    case "busy-killed":
      busy(first);
      process.kill(process.pid, "SIGKILL");
      break;
    case "signal":
      // The end of the sender is a signal, too.
      return signaled([SIGCHLD]);
    case "signal-blocked":
      return signaled([SIGCHLD, SIGUSR1]);
    case "nowait-pipe":
      return nowait();
    case "poll-race":
      return pollRaceOf(first);
    default:
      throw new Error(`There is no mode ${mode}`);
  }
  return undefined;
}

if (isMainThread) {
  const answer = await main();
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit());
} else {
  const job = workerData as { kind: string; path: string } & Parameters<typeof writer>[0];
  parentPort?.postMessage("ready");
  if (job.kind === "writer") writer(job);
  else destroyer(job.path);
}
