/** Run under the permission model: prints, as JSON, what node:fs and we say to the same calls. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { createAio } from "../../src/compat/posix-aio/index.ts";
import * as ourFs from "../../src/fs/index.ts";
import { constants, Proactor, type ProactorOptions } from "../../src/index.ts";

const [, , task = "", open = "", closed = "", engine] = process.argv;
const secret = join(closed, "secret");
const allowed = join(open, "allowed");

/** How a call ended: what is the same in each release is all there is to see. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return "done";
  } catch (error) {
    return { ...(error as object), message: (error as Error).message };
  }
}

type Pair = readonly [name: string, nodes: () => unknown, ours: () => unknown];

async function compare(pairs: readonly Pair[]): Promise<void> {
  const said = [];
  for (const [name, nodes, ours] of pairs) {
    said.push({ name, nodes: await outcome(nodes), ours: await outcome(ours) });
  }
  process.stdout.write(JSON.stringify(said));
}

const node = {
  open: promisify(fs.open),
  stat: promisify(fs.stat),
  lstat: promisify(fs.lstat),
  unlink: promisify(fs.unlink),
  rmdir: promisify(fs.rmdir),
  mkdir: promisify(fs.mkdir),
  rename: promisify(fs.rename),
  link: promisify(fs.link),
  symlink: promisify(fs.symlink),
  fsync: promisify(fs.fsync),
  fdatasync: promisify(fs.fdatasync),
};

async function compareOperations(): Promise<void> {
  const p = new Proactor({ engine } as ProactorOptions);
  const fd = fs.openSync(allowed, "r+");
  const bytes = Buffer.from(secret);
  const below = join("..", closed.slice(closed.lastIndexOf("/") + 1), "secret");
  await compare([
    ["open", () => node.open(secret, "r"), () => p.open(secret)],
    ["open bytes", () => node.open(bytes, "r"), () => p.open(bytes)],
    ["open relative", () => node.open(below, "r"), () => p.open(below)],
    ["open to write", () => node.open(secret, "w"), () => p.open(secret, "w")],
    ["open for both", () => node.open(secret, "r+"), () => p.open(secret, "r+")],
    ["stat", () => node.stat(secret), () => p.statx(secret)],
    [
      "lstat",
      () => node.lstat(secret),
      () => p.statx(secret, { flags: constants.AT_SYMLINK_NOFOLLOW }),
    ],
    ["unlink", () => node.unlink(secret), () => p.unlink(secret)],
    ["rmdir", () => node.rmdir(closed), () => p.unlink(closed, { directory: true })],
    ["mkdir", () => node.mkdir(`${secret}d`), () => p.mkdir(`${secret}d`)],
    ["rename", () => node.rename(secret, allowed), () => p.rename(secret, allowed)],
    ["rename to", () => node.rename(allowed, secret), () => p.rename(allowed, secret)],
    ["link", () => node.link(secret, `${allowed}l`), () => p.link(secret, `${allowed}l`)],
    ["symlink", () => node.symlink(secret, `${allowed}s`), () => p.symlink(secret, `${allowed}s`)],
    ["fsync", () => node.fsync(fd), () => p.fsync(fd)],
    ["fdatasync", () => node.fdatasync(fd), () => p.fdatasync(fd)],
    ["a chain", () => node.open(secret, "r"), () => p.chain([{ op: "open", path: secret }])[0]],
    ["a batch", () => node.open(secret, "r"), () => p.batch([{ op: "open", path: secret }])[0]],
    ["write", () => fs.writeSync(fd, "abc"), () => p.write(fd, Buffer.from("abc"), { offset: 0 })],
    ["read", () => fs.readSync(fd, Buffer.alloc(3)), () => p.promises.read(fd, Buffer.alloc(3))],
    ["truncate", () => fs.ftruncateSync(fd, 2), () => p.truncate(fd, 2)],
    ["fstat", () => fs.fstatSync(fd), () => p.statx(fd)],
    ["allowed open", () => node.open(allowed, "r"), () => p.open(allowed)],
    ["allowed mkdir", () => node.mkdir(`${allowed}a`), () => p.mkdir(`${allowed}b`)],
    ["ENOENT", () => node.unlink(`${allowed}x`), () => p.unlink(`${allowed}x`)],
  ]);
  await p.shutdown();
}

async function compareFs(): Promise<void> {
  const promises = fs.promises;
  const fd = fs.openSync(allowed, "r+");
  const sync = () => node.fsync(fd);
  const datasync = () => node.fdatasync(fd);
  const read = () => promises.readFile(secret);
  await compare([
    ["readFile", read, () => ourFs.readFile(secret)],
    ["writeFile", () => promises.writeFile(secret, ""), () => ourFs.writeFile(secret, "")],
    ["open", () => promises.open(secret), () => ourFs.open(secret)],
    ["copyFile", () => promises.copyFile(secret, allowed), () => ourFs.copyFile(secret, allowed)],
    ["stat", () => promises.stat(secret), () => ourFs.stat(secret)],
    ["unlink", () => promises.unlink(secret), () => ourFs.unlink(secret)],
    ["writeDurable", sync, () => ourFs.writeDurable(allowed, "new")],
    ["writeDurable into a descriptor", datasync, () => ourFs.writeDurable(fd, "new")],
    ["openLog", sync, () => ourFs.openLog(join(open, "log"))],
    ["writeDurable elsewhere", () => promises.lstat(secret), () => ourFs.writeDurable(secret, "")],
    [
      "readFiles",
      read,
      async () => {
        for await (const { error } of ourFs.readFiles([secret])) if (error) throw error;
      },
    ],
    [
      "walk",
      () => promises.readdir(closed),
      async () => {
        for await (const entry of ourFs.walk(closed)) assert.fail(String(entry));
      },
    ],
    ["copyTree", () => promises.lstat(closed), () => ourFs.copyTree(closed, `${allowed}t`)],
  ]);
}

async function tell(): Promise<void> {
  const { queueInit, queueInitMem, allocate } = await import("../../src/compat/ring/index.ts");
  const { io_context_t, io_prep_fsync, io_setup, io_submit, iocb } = await import(
    "../../src/compat/linux-aio/index.ts"
  );
  const { aiocb } = await import("../../src/compat/posix-aio/index.ts");
  const fd = fs.openSync(allowed, "r+");
  const context = new io_context_t();
  const block = new iocb();
  const said = {
    ring: await outcome(() => queueInit(8, 0).queueExit()),
    "ring in memory": await outcome(() => queueInitMem(8, {}, allocate(1 << 16)).queueExit()),
    "linux-aio fsync": await outcome(() => {
      io_setup(1, context);
      io_prep_fsync(block, fd);
      io_submit(context, 1, [block]);
    }),
    "posix-aio fsync": await outcome(() => {
      const request = new aiocb();
      request.aio_fildes = fd;
      createAio().aio_fsync(constants.O_SYNC, request);
    }),
    engine: new Proactor().engine,
    explained: String(new Proactor().explain()),
  };
  process.stdout.write(JSON.stringify(said));
}

if (task === "operations") await compareOperations();
else if (task === "fs") await compareFs();
else if (task === "worker") {
  new Worker(new URL(import.meta.url), { argv: ["operations", open, closed, engine] });
} else await tell();
