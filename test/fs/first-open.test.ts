import assert from "node:assert/strict";
import { promises, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { open } from "../../src/fs/index.ts";
import { moduleUrl, runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Opens for the first time while no descriptor is left, and again when there are some. */
const PROGRAM = `
import fs from "node:fs";
const ours = await import(process.env.MODULE);
const [file] = process.argv.slice(2);
await ours.readFile(file);
const held = [];
try { for (;;) held.push(fs.openSync(file)); } catch {}
const said = [];
const note = (promise) => promise.then(
  (value) => said.push(value),
  ({ code, syscall, path }) => said.push([code, syscall, path].join(" ")),
);
const isOurs = async (handle) => {
  const nodes = await fs.promises.open(file);
  const different = Object.getPrototypeOf(handle) !== Object.getPrototypeOf(nodes);
  await nodes.close();
  await handle.close();
  return different;
};
await Promise.all([note(ours.open(file)), note(ours.open(file))]);
await note(ours.truncate(file, 2));
await note(ours.stat(file).then(({ size }) => size));
held.forEach((fd) => fs.closeSync(fd));
await note(ours.open(file).then(isOurs));
await note(ours.truncate(file, 2).then(() => ours.readFile(file, "utf8")));
console.log(JSON.stringify(said));
`;

describe("open", { skip: process.platform !== "linux" && "The limit is set by a shell" }, () => {
  it("names its own path where no descriptor is left, and tries again later", async () => {
    await withTempDir(async (dir) => {
      const file = join(dir, "file");
      const program = join(dir, "program.mjs");
      writeFileSync(file, "hello");
      writeFileSync(program, PROGRAM);
      const script = 'ulimit -n 60; exec "$@"';
      const args = ["-c", script, "sh", process.execPath, program, file];
      const env = { MODULE: moduleUrl("src/fs/index.ts") };
      const { stdout, stderr } = await runProgram("/bin/sh", { args, env });
      const none = `EMFILE open ${file}`;
      const [first, second, truncated, size, again, text] = JSON.parse(stdout || "[]");
      assert.deepEqual([first, second, truncated, size], [none, none, none, 5], stderr);
      const [ours, nodes] = [await open(file), await promises.open(file)];
      const different = Object.getPrototypeOf(ours) !== Object.getPrototypeOf(nodes);
      await Promise.all([ours.close(), nodes.close()]);
      assert.deepEqual([again, text], [different, "he"]);
    });
  });
});
