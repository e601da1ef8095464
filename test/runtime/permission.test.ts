import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { loadNative } from "../../src/native/load.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { describeEveryEngine } from "../support/engines.ts";
import { withTempDir } from "../support/temp-dir.ts";

const CHILD = new URL("./permission-child.js", import.meta.url);
/** The folder of the package: what is imported has to be readable. */
const PACKAGE = fileURLToPath(new URL("../../../", import.meta.url));
const FLAG = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";

const noAddon = loadNative().available ? false : "There is no addon here";

interface Said {
  readonly name: string;
  readonly nodes: unknown;
  readonly ours: Record<string, unknown>;
}

/** Runs the child with one folder that it may use and one that it may not. */
function under<T>(flags: readonly string[], ...args: readonly string[]): Promise<T> {
  return withTempDir(async (dir) => {
    const [open, closed] = [join(dir, "open"), join(dir, "closed")];
    for (const folder of [open, closed]) fs.mkdirSync(folder);
    fs.writeFileSync(join(open, "allowed"), "allowed");
    fs.writeFileSync(join(closed, "secret"), "secret");
    const paths = [`--allow-fs-read=${PACKAGE}*`, `--allow-fs-read=${open}/*`];
    const execArgv = [FLAG, "--no-warnings", ...paths, `--allow-fs-write=${open}/*`, ...flags];
    const [task = "", engine = ""] = args;
    const ended = await runNode(CHILD, {
      execArgv,
      args: [task, open, closed, engine],
      cwd: open,
    });
    assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: "" });
    assert.equal(fs.readFileSync(join(closed, "secret"), "utf8"), "secret");
    assert.deepEqual(fs.readdirSync(closed), ["secret"]);
    return JSON.parse(ended.stdout) as T;
  }, "permission");
}

/** Compares refusals whole, and of everything else whether it succeeded and its code. */
function assertSame(said: readonly Said[]): void {
  const seen = (value: unknown) => {
    if (typeof value === "string") return value;
    const error = value as Record<string, unknown>;
    return error.code === "ERR_ACCESS_DENIED" ? error : error.code;
  };
  const ours = said.map((one) => [one.name, seen(one.ours)]);
  assert.deepEqual(
    ours,
    said.map(({ name, nodes }) => [name, seen(nodes)]),
  );
  assert.ok(said.filter(({ ours: { code } }) => code === "ERR_ACCESS_DENIED").length > 10);
}

describe("the permission model", () => {
  describeEveryEngine("operations", (engine) => {
    const skip = engine === "memory" && "The files of this engine are not the system's";
    it("reach what node:fs reaches, and fail with node:fs' own errors", { skip }, async () => {
      assertSame(await under(["--allow-addons"], "operations", engine));
    });
  });

  it("holds in a Worker", async () => {
    assertSame(await under(["--allow-addons", "--allow-worker"], "worker", "thread_pool"));
  });

  it("lets proactor/fs reach what node:fs reaches", async () => {
    assertSame(await under(["--allow-addons"], "fs"));
  });

  it("refuses a raw ring, and fsync on a descriptor", { skip: noAddon }, async () => {
    const said = await under<Record<string, Record<string, unknown>>>(["--allow-addons"], "tell");
    const denied = (name: string) => [said[name]?.code, said[name]?.permission];
    assert.deepEqual(denied("ring"), ["ERR_ACCESS_DENIED", "FileSystemRead"]);
    assert.deepEqual(denied("ring in memory"), ["ERR_ACCESS_DENIED", "FileSystemRead"]);
    assert.deepEqual(denied("linux-aio fsync"), ["ERR_ACCESS_DENIED", ""]);
    assert.deepEqual(denied("posix-aio fsync"), ["ERR_ACCESS_DENIED", ""]);
  });

  it("gives a raw ring where all files and the network are allowed", {
    skip: noAddon,
  }, async () => {
    const all = ["--allow-addons", "--allow-fs-read=*", "--allow-fs-write=*"];
    const net = process.allowedNodeEnvironmentFlags.has("--allow-net") ? ["--allow-net"] : [];
    const { ring } = await under<{ ring: unknown }>([...all, ...net], "tell");
    const kernels = ring as { code?: string };
    assert.ok(ring === "done" || kernels.code !== "ERR_ACCESS_DENIED", JSON.stringify(ring));
    if (net.length > 0) {
      const without = await under<{ ring: { permission: string } }>(all, "tell");
      assert.equal(without.ring.permission, "Net");
    }
  });

  it("says why there is no addon where none may be loaded", { skip: noAddon }, async () => {
    const said = await under<{ engine: string; explained: string }>([], "tell");
    assert.equal(said.engine, "thread_pool");
    assert.match(said.explained, /loading addons is disabled/);
    assert.match(said.explained, /Start Node with --allow-addons/);
  });

  it("is not blamed for --no-addons", { skip: noAddon }, async () => {
    const text = `const { proactor } = await import(${JSON.stringify(moduleUrl("src/index.ts"))});
      console.log(proactor.engine, String(proactor.explain()));`;
    const env = { NODE_OPTIONS: "--no-addons" };
    const { code, stdout } = await runNode(text, { env });
    assert.equal(code, 0);
    assert.match(stdout, /^thread_pool .*/);
    assert.match(stdout, /Start Node without --no-addons/);
  });
});
