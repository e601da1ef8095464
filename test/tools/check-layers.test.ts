import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkBans,
  checkImports,
  checkLayers,
  drawLayers,
  importsOf,
  insertDrawing,
  ROOMS,
} from "../../tools/check-layers.ts";

/** The messages about a file with this text. */
function importing(path: string, ...specifiers: string[]): string[] {
  const text = specifiers.map((specifier) => `import { x } from "${specifier}";\n`).join("");
  return checkImports({ path, text }).map(({ line, message }) => `${line} ${message}`);
}

function banned(path: string, text: string): string[] {
  return checkBans({ path, text }).map(({ message }) => message);
}

describe("importsOf", () => {
  it("finds imports, re-exports and dynamic imports, on their lines", () => {
    const text = [
      'import "./a.ts";',
      "import {",
      "  b,",
      '} from "./b.ts";',
      'export * from "./c.ts";',
      'const d = await import("./d.ts");',
      '// import "./e.ts";',
    ].join("\n");
    assert.deepEqual(importsOf(text), [
      { specifier: "./a.ts", line: 1 },
      { specifier: "./b.ts", line: 4 },
      { specifier: "./c.ts", line: 5 },
      { specifier: "./d.ts", line: 6 },
    ]);
  });
});

describe("checkImports", () => {
  it("lets a room import what lies below it, itself, and Node", () => {
    const specifiers = ["../core/engine.ts", "../abi/linux.ts", "./other.ts", "node:fs"];
    assert.deepEqual(importing("src/runtime/proactor.ts", ...specifiers), []);
  });

  it("catches an import that points up", () => {
    assert.deepEqual(importing("src/core/engine.ts", "./slots.ts", "../runtime/proactor.ts"), [
      "2 core imports runtime: imports point down",
    ]);
  });

  it("catches an import of a neighbor of the same rank", () => {
    assert.deepEqual(importing("src/fs/read.ts", "../net/socket.ts"), [
      "1 fs imports net: imports point down",
    ]);
  });

  it("catches an import of an entry point, and lets an entry point import everything", () => {
    assert.equal(importing("src/runtime/proactor.ts", "../index.ts").length, 1);
    assert.deepEqual(importing("src/index.ts", "./runtime/proactor.ts", "./cli/main.ts"), []);
  });

  it("catches one engine importing another, but not the choice among them", () => {
    assert.deepEqual(importing("src/engines/io-uring/engine.ts", "../thread-pool/engine.ts"), [
      "1 the engine io-uring imports the engine thread-pool: share code in a room below",
    ]);
    assert.deepEqual(importing("src/engines/io-uring/engine.ts", "./ring.ts"), []);
    assert.deepEqual(importing("src/engines/index.ts", "./io-uring/index.ts"), []);
  });

  it("catches a package, except where the command line bundles it", () => {
    assert.equal(importing("src/runtime/proactor.ts", "cli-table3").length, 1);
    assert.deepEqual(importing("src/cli/bench.ts", "cli-table3"), []);
  });

  it("catches an import from outside src, and a folder that is no room", () => {
    assert.equal(importing("src/fs/read.ts", "../../test/support/child.ts").length, 1);
    assert.equal(importing("src/helpers/strings.ts").length, 1);
  });
});

describe("checkBans", () => {
  it("keeps Atomics in one file", () => {
    const text = "Atomics.load(words, 0);";
    assert.equal(banned("src/ring/queue.ts", text).length, 1);
    assert.deepEqual(banned("src/memory/words.ts", text), []);
    assert.deepEqual(banned("src/ring/queue.ts", "// Atomics are slow\nlog('Atomics');"), []);
  });

  it("keeps V8's flags as the program has them", () => {
    const text = 'import { setFlagsFromString } from "node:v8";';
    assert.equal(banned("src/memory/leases.ts", text).length, 1);
    assert.equal(banned("src/fs/read.ts", 'v8.setFlagsFromString("--x");').length, 1);
  });

  it("keeps the addon in src/native", () => {
    assert.equal(banned("src/engines/io-uring/ring.ts", 'load("./proactor.node");').length, 1);
    assert.equal(banned("src/fs/read.ts", "process.dlopen(module, path);").length, 1);
    assert.equal(banned("src/core/engine.ts", "createRequire(import.meta.url);").length, 1);
    assert.deepEqual(banned("src/native/load.ts", 'createRequire(u)("./proactor.node");'), []);
    assert.deepEqual(banned("src/base/errors.ts", "const kind = error.node;"), []);
  });

  it("keeps promises out of everything below the runtime", () => {
    const offenses = [
      "return new Promise(() => {});",
      "void Promise.resolve();",
      "export async function read() {}",
      "const read = async () => {};",
      "class A { async read() {} }",
      "await read();",
      'import { readFile } from "node:fs/promises";',
    ];
    for (const text of offenses) {
      assert.equal(banned("src/engines/thread-pool/engine.ts", text).length, 1, text);
      assert.deepEqual(banned("src/runtime/proactor.ts", text), [], text);
    }
  });

  it("knows words that only look like promises", () => {
    const text = "flags.async = IOSQE_ASYNC; const o = { async: true }; type P = Promise<void>;";
    assert.deepEqual(banned("src/engines/io-uring/engine.ts", text), []);
  });

  it("lets only engines and native look at the platform", () => {
    for (const text of [
      'if (process.platform === "linux") f();',
      "const { arch, platform } = process;",
      "os.platform();",
    ]) {
      assert.equal(banned("src/runtime/proactor.ts", text).length, 1, text);
      assert.deepEqual(banned("src/engines/index.ts", text), [], text);
    }
  });

  it("lets only engines and native compare the names of engines", () => {
    for (const text of [
      'if (engine.name === "io_uring") f();',
      'if ("libaio" !== name) f();',
      'switch (name) { case "thread_pool": f(); }',
    ]) {
      assert.equal(banned("src/runtime/proactor.ts", text).length, 1, text);
      assert.deepEqual(banned("src/native/load.ts", text), [], text);
    }
    assert.deepEqual(banned("src/core/engine.ts", 'const names = ["io_uring", "kqueue"];'), []);
  });
});

describe("drawLayers", () => {
  const files = [
    { path: "src/index.ts", text: 'export * from "./runtime/proactor.ts";' },
    { path: "src/runtime/proactor.ts", text: 'import { e } from "../core/engine.ts";' },
    { path: "src/core/engine.ts", text: 'import { s } from "./slots.ts";' },
  ];

  it("draws the rooms that exist, from the top down, and what they import", () => {
    const names = drawLayers(files)
      .split("\n")
      .map((line) => line.split(/ {2,}/).filter((_, column) => column !== 1));
    assert.deepEqual(names.slice(1, -1), [
      ["room", "imports"],
      ["src/*.ts", "runtime"],
      ["src/runtime", "core"],
      ["src/core"],
    ]);
  });

  it("is put between its markers, and only there", () => {
    const page = "# A\n<!-- layers -->\nold\n<!-- /layers -->\nend\n";
    const expected = "# A\n<!-- layers -->\nnew\n<!-- /layers -->\nend\n";
    assert.equal(insertDrawing(page, "new"), expected);
    assert.equal(insertDrawing(expected, "new"), expected);
    assert.equal(insertDrawing("# A\n", "new"), undefined);
  });

  it("is found out of date", () => {
    const text = "# A\n<!-- layers -->\nold\n<!-- /layers -->\n";
    const stale = checkLayers([...files, { path: "ARCHITECTURE.md", text }]);
    assert.match(stale[0]?.message ?? "", /out of date/);
    const fresh = insertDrawing(text, drawLayers(files)) ?? "";
    assert.deepEqual(checkLayers([...files, { path: "ARCHITECTURE.md", text: fresh }]), []);
    assert.match(checkLayers(files)[0]?.message ?? "", /markers/);
  });
});

describe("ROOMS", () => {
  it("has the order of the design", () => {
    const order = ["abi", "base", "native", "memory", "ring", "core", "engines", "runtime", "fs"];
    const ranks = order.map((name) => ROOMS.find((room) => room.name === name)?.rank);
    assert.deepEqual(ranks, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});
