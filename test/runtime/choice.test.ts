import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ENGINE_NAMES, type EngineName } from "../../src/core/index.ts";
import { ENGINE_FACTORIES, PREFERENCE, probeEngine } from "../../src/engines/index.ts";
import { Proactor } from "../../src/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { withProactor } from "../support/conformance.ts";

const CLEAN = { PROACTOR_ENGINE: undefined, PROACTOR_NO_NATIVE: undefined };

/** What a program prints that has `proactor` and `Proactor`, as JSON. */
async function evaluate(
  expression: string,
  env: Record<string, string | undefined> = {},
): Promise<unknown> {
  const source = `
    import fs from "node:fs";
    import { proactor, Proactor } from "${moduleUrl("src/index.ts")}";
    const caught = (run) => {
      try { return { value: run() }; }
      catch ({ name, code, message, remedy }) { return { name, code, message, remedy }; }
    };
    console.log(JSON.stringify(await (async () => (${expression}))()));
  `;
  const { code, stdout, stderr } = await runNode(source, { env: { ...CLEAN, ...env } });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** The best engine that can run here, asked for by nobody. */
const best = PREFERENCE.find((name) => probeEngine(name).available) as EngineName;

describe("the choice of an engine", () => {
  // Children have the addon, even where this process was denied it.
  const skip = process.env.PROACTOR_NO_NATIVE === "1" && "PROACTOR_NO_NATIVE is set here";
  it("is the best that can run, unless somebody asks", { skip }, async () => {
    assert.equal(await evaluate("proactor.engine"), best);
    assert.equal(await evaluate("proactor.engine", { PROACTOR_ENGINE: "" }), best);
  });

  it("follows PROACTOR_ENGINE, and an option before that", async () => {
    const env = { PROACTOR_ENGINE: "thread_pool" };
    const both = "[proactor.engine, new Proactor({ engine: 'sync' }).engine]";
    assert.deepEqual(await evaluate(both, env), ["thread_pool", "sync"]);
    assert.deepEqual(await evaluate("proactor.explain().decidedBy", env), "PROACTOR_ENGINE");
  });

  it("refuses a name that is none: an option at once, a variable when it is needed", async () => {
    const env = { PROACTOR_ENGINE: "turbo" };
    const refused = (await evaluate("caught(() => proactor.nop())", env)) as Error & {
      code: string;
    };
    assert.equal(refused.code, "ERR_INVALID_ARG_VALUE");
    assert.match(refused.message, /PROACTOR_ENGINE.*must be one of: io_uring.*Received 'turbo'/);
    const named = { code: "ERR_INVALID_ARG_VALUE", message: /options\.engine.*one of: io_uring/ };
    assert.throws(() => new Proactor({ engine: "turbo" as EngineName }), named);
  });

  it("takes fio's names", async () => {
    const names = { libaio: "linux_aio", posixaio: "posix_aio", windowsaio: "iocp" } as const;
    for (const [alias, name] of Object.entries(names)) {
      const p = new Proactor({ engine: alias as keyof typeof names });
      const available = ENGINE_FACTORIES[name]?.probe().available === true;
      if (available) assert.equal(p.engine, name);
      else assert.throws(() => p.engine, { code: "ERR_PROACTOR_ENGINE_UNAVAILABLE" });
    }
  });

  it("says why an engine that was asked for cannot run, and what to do", async () => {
    const env = { PROACTOR_NO_NATIVE: "1" };
    const asked = "caught(() => new Proactor({ engine: 'io_uring' }).nop())";
    assert.deepEqual(await evaluate(asked, env), {
      name: "ProactorError",
      code: "ERR_PROACTOR_ENGINE_UNAVAILABLE",
      message: "The engine io_uring cannot run here: PROACTOR_NO_NATIVE is set to 1",
      remedy: "Unset PROACTOR_NO_NATIVE",
    });
  });

  // HAZARDS E1, B8: without the addon everything works, on the thread pool.
  it("falls to the thread pool without the addon, and does everything there", async () => {
    const env = { PROACTOR_NO_NATIVE: "1" };
    const expression = `await (async () => {
      const buffer = Buffer.alloc(5);
      const fd = await proactor.open("/proc/self/stat");
      const aligned = proactor.allocate(100);
      return [proactor.engine, await proactor.read(fd, buffer), await proactor.read(fd, aligned),
        await proactor.readv(fd, [buffer]), (await proactor.statx("/")).nlink > 0,
        await proactor.close(fd) === undefined];
    })()`;
    const result = (await evaluate(expression, env)) as unknown[];
    assert.deepEqual([result[0], result[1], result[3]], ["thread_pool", 5, 5]);
    assert.deepEqual(result.slice(4), [true, true]);
  });
});

describe("the shared instance", () => {
  it("starts nothing before its first operation", async () => {
    const expression = `await (async () => {
      const entries = (of) => fs.readdirSync("/proc/self/" + of).length;
      const count = () => [entries("fd"), entries("task")];
      const before = count();
      proactor.ref(); proactor.completionQueue(); proactor.status();
      const after = count();
      await proactor.nop();
      return [before, after, count()[0] > before[0] || proactor.engine !== "io_uring"];
    })()`;
    const [before, after, grown] = (await evaluate(expression)) as [number[], number[], boolean];
    assert.deepEqual(after, before);
    assert.equal(grown, true);
  });
});

describe("Proactor.explain", () => {
  it("leads with what runs, and leaves out engines of other systems", () => {
    const explanation = new Proactor().explain();
    const names = explanation.engines.map(({ name }) => name);
    for (const absent of ["iocp", "kqueue"] as const) assert.ok(!names.includes(absent));
    const [first = "", ...rest] = String(explanation).split("\n");
    assert.match(first, new RegExp(`^proactor runs on ${explanation.chosen} `));
    const others = rest.findIndex((line) => !line.startsWith(" "));
    assert.ok(rest.findIndex((line) => line.startsWith("  kernel: ")) < others);
    assert.ok(!rest.some((line) => line.startsWith(`${explanation.chosen}:`)));
  });

  it("names every engine on request: chosen, or why not and what to do", () => {
    const explanation = new Proactor().explain({ all: true });
    assert.deepEqual(
      explanation.engines.map(({ name }) => name),
      ENGINE_NAMES,
    );
    const verdicts = explanation.engines.filter(({ verdict }) => verdict === "chosen");
    assert.deepEqual(
      verdicts.map(({ name }) => name),
      [explanation.chosen],
    );
    for (const { name, availability, verdict } of explanation.engines) {
      assert.deepEqual(availability, probeEngine(name));
      assert.equal(verdict === "unavailable", !availability.available, name);
      if (!availability.available) assert.notEqual(availability.reason, "");
    }
  });

  it("tells more once the engine runs, to programs and to people", () =>
    withProactor({}, async (p) => {
      const before = p.explain();
      assert.deepEqual(before.details, {});
      await p.nop();
      const explanation = p.explain();
      const { details, chosen } = explanation;
      assert.notDeepEqual(details, {});
      const text = explanation.toString();
      assert.match(text, new RegExp(`^proactor runs on ${chosen} \\(decided by`));
      const names = explanation.engines.map(({ name }) => name);
      for (const name of [...names, ...Object.keys(details)]) assert.ok(text.includes(name), name);
      assert.match(text, /kernel: \S+ .*Node \d+.*locked memory: /);
    }));
});

describe("new Proactor", () => {
  const rows: readonly [string, object][] = [
    ["ERR_OUT_OF_RANGE", { entries: 0 }],
    ["ERR_OUT_OF_RANGE", { entries: 32_769 }],
    ["ERR_OUT_OF_RANGE", { entries: 1.5 }],
    ["ERR_INVALID_ARG_TYPE", { entries: "8" }],
    ["ERR_OUT_OF_RANGE", { entries: 64, completionEntries: 32 }],
    ["ERR_OUT_OF_RANGE", { depth: 0 }],
    ["ERR_OUT_OF_RANGE", { depth: 2 ** 20 + 1 }],
    ["ERR_INVALID_ARG_TYPE", { sqPoll: 1 }],
    ["ERR_OUT_OF_RANGE", { sqPollIdleMs: -1 }],
    ["ERR_OUT_OF_RANGE", { ioWorkers: 0 }],
    ["ERR_OUT_OF_RANGE", { ioWorkers: 32_769 }],
    ["ERR_INVALID_ARG_TYPE", { engine: 5 }],
    ["ERR_INVALID_ARG_TYPE", { poolBytes: "1" }],
    ["ERR_OUT_OF_RANGE", { poolBytes: 1 }],
  ];
  for (const [code, options] of rows) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      assert.throws(() => new Proactor(options), { code });
    });
  }

  it("refuses what is no object", () => {
    for (const options of [null, 5, "io_uring", []]) {
      assert.throws(() => new Proactor(options as object), { code: "ERR_INVALID_ARG_TYPE" });
    }
  });

  it("takes the largest of everything", () =>
    withProactor({ entries: 32_768, completionEntries: 65_536, depth: 2 ** 20 }, async (p) => {
      assert.equal(await p.nop(), 0);
    }));

  it("rounds the entries up to a power of two", { skip: best !== "io_uring" && "No ring" }, () =>
    withProactor({ engine: "io_uring", entries: 5, completionEntries: 9 }, async (p) => {
      await p.nop();
      const { entries, completionEntries } = p.explain().details;
      assert.deepEqual([entries, completionEntries], [8, 16]);
    }),
  );
});
