/** What our functions do while Object.prototype has something it should not have; see the test. */
import fs from "node:fs";
import { join } from "node:path";
import { createAio } from "../../src/compat/posix-aio/index.ts";
import * as files from "../../src/fs/index.ts";
import { Proactor, type ProactorOptions } from "../../src/index.ts";

const [dir = "", engine = "", ...names] = process.argv.slice(2);
/** Of these two each name has: more of them find the same, and take minutes. */
const VALUES: readonly (readonly unknown[])[] = [
  [true, "x"],
  [3, () => undefined],
];
const root = Object.prototype as unknown as Record<string, unknown>;

/** Everything that takes options, without any that matter. */
async function transcript(): Promise<string> {
  const said: unknown[] = [];
  const path = join(dir, "file");
  fs.rmSync(join(dir, "copy"), bare({ recursive: true, force: true }));
  fs.writeFileSync(path, "0123456789");
  const proactor = new Proactor(bare({ engine }) as ProactorOptions);
  const fd = fs.openSync(path, "r+");
  const memory = new Uint8Array(4);
  said.push(await proactor.read(fd, memory, { offset: 2 }), String(memory));
  said.push(await proactor.promises.read(fd, memory, {}), String(memory));
  said.push(await proactor.write(fd, memory, { offset: 0 }));
  said.push(await proactor.readv(fd, [memory], {}), String(memory));
  const opened = await proactor.open(path, "r", 0o600, {});
  said.push((await proactor.statx(path, {})).size, await proactor.close(opened, {}));
  said.push(await proactor.nop({}), await proactor.truncate(fd, 9, {}));
  if (engine === "io_uring") said.push(await proactor.fadvise(fd, { advice: 0 }));
  said.push(await Promise.all(proactor.batch([{ op: "nop" }, { op: "read", fd, buffer: memory }])));
  const chained = proactor.chain([{ op: "nop" }, { op: "fsync", fd }], {});
  said.push(await Promise.all(chained), await proactor.suspend(chained, {}));
  const failed = proactor.open(join(dir, "none"), "r", undefined, {});
  said.push(await failed.then(undefined, ({ code, message }) => [code, message]));
  said.push(String(proactor.explain()).replace(/registeredRing.*|\d+ .*/g, ""));
  said.push(proactor.allocate(1).length, (await proactor.acquire(1, {})).length);
  await proactor.shutdown({});
  said.push(await files.readBatch([{ fd, offset: 0, length: 3 }], {}).then(([r]) => r?.bytesRead));
  for await (const { data } of files.readFiles([path], {})) said.push(String(data));
  for await (const { path: found, kind } of files.walk(dir, {})) said.push([found, kind]);
  const { files: copied } = await files.copyTree(path, join(dir, "copy"), {});
  const log = await files.openLog(join(dir, "log"), {});
  said.push(copied, typeof (await log.append("x", {})));
  await log.close();
  await files.writeDurable(path, "durable", {});
  said.push(
    await files.advise(fd, "normal", {}),
    fs.readFileSync(path, bare({ encoding: "utf8" as const })),
  );
  const aio = createAio({});
  said.push(aio.constructor.name);
  fs.closeSync(fd);
  fs.rmSync(join(dir, "log"));
  return JSON.stringify(said);
}

/** Options for Node's functions, and names that have to be there, without a prototype. */
function bare<T extends object>(options: T): T {
  return Object.assign(Object.create(null), options);
}

const clean = await transcript();
const wrong: string[] = [];
for (const [i, name] of names.entries()) {
  for (const value of VALUES[i % VALUES.length] ?? []) {
    const label = `${name} = ${typeof value}`;
    root[name] = value;
    let dirty: string;
    try {
      dirty = await transcript();
    } catch (error) {
      dirty = String((error as Error).stack);
    } finally {
      delete root[name];
    }
    if (dirty !== clean) wrong.push(`${label}:\n${dirty}\n${clean}`);
  }
}
for (const each of wrong) process.stdout.write(`${each}\n`);
process.exit(wrong.length === 0 ? 0 : 1);
