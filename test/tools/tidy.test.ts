import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkColumns,
  checkFileLength,
  checkFunctionLength,
  functionsOfC,
  functionsOfTypeScript,
  longFiles,
} from "../../tools/lib/lengths.ts";
import { formatProblem } from "../../tools/lib/problem.ts";
import {
  BANNED_WORDS,
  checkLeftovers,
  checkPlaces,
  checkWhiteSpace,
  checkWords,
} from "../../tools/lib/words.ts";
import {
  checkBlobs,
  checkFormatOfC,
  checkLock,
  checkNeverImported,
  MAX_BLOB_BYTES,
} from "../../tools/tidy.ts";

const lines = (count: number, line = "f();") => `${line}\n`.repeat(count);

describe("checkColumns", () => {
  const wide = (path: string, text: string) => checkColumns({ path, text }).length;

  it("catches the 101st column of code and prose", () => {
    assert.equal(wide("src/a.ts", "a".repeat(100)), 0);
    assert.equal(wide("src/a.ts", "a".repeat(101)), 1);
    assert.equal(wide("README.md", "a".repeat(101)), 1);
  });

  it("counts characters, and tabs as eight columns", () => {
    assert.equal(wide("src/a.ts", "…".repeat(100)), 0);
    assert.equal(wide("native/a.c", `\t${"a".repeat(92)}`), 0);
    assert.equal(wide("native/a.c", `\t${"a".repeat(93)}`), 1);
  });

  it("passes what cannot be broken", () => {
    assert.equal(wide("README.md", `| ${"a".repeat(120)} |`), 0);
    assert.equal(wide("README.md", `\`\`\`\n${"a".repeat(120)}\n\`\`\``), 0);
    assert.equal(wide("src/a.ts", `// https://example.org/${"a".repeat(120)}`), 0);
    assert.equal(wide("src/a.ts", `  /${"a".repeat(120)}/g,`), 0);
    assert.equal(wide("package-lock.json", "a".repeat(120)), 0);
  });
});

describe("checkFileLength", () => {
  it("fails at 601 lines and lists at 301", () => {
    assert.deepEqual(checkFileLength({ path: "src/a.ts", text: lines(600) }), []);
    assert.equal(checkFileLength({ path: "src/a.ts", text: lines(601) }).length, 1);
    assert.deepEqual(checkFileLength({ path: "docs/a.md", text: lines(601) }), []);
    const files = [300, 301, 400].map((count) => ({ path: `src/${count}.ts`, text: lines(count) }));
    assert.deepEqual(longFiles(files), ["src/400.ts (400)", "src/301.ts (301)"]);
  });
});

describe("checkFunctionLength", () => {
  const long = (head: string, count: number, tail = "}") =>
    checkFunctionLength({ path: "src/a.ts", text: `${head}\n${lines(count, "  f();")}${tail}\n` });

  it("catches 71 lines and passes 70", () => {
    for (const head of ["function a() {", "const a = () => {", "export async function a(): T {"]) {
      assert.equal(long(head, 68).length, 0, head);
      assert.equal(long(head, 69).length, 1, head);
    }
  });

  it("counts the head when it fills several lines", () => {
    const head = "export function a(\n  b: number,\n): void {";
    assert.equal(long(head, 66).length, 0);
    assert.deepEqual(long(head, 67)[0]?.line, 1);
  });

  it("finds methods and callbacks", () => {
    const text = `class A {\n  b(): void {\n${lines(70, "    f();")}  }\n}\n`;
    assert.equal(checkFunctionLength({ path: "src/a.ts", text }).length, 1);
    assert.equal(long('it("a", () => {', 70, "});").length, 1);
  });

  it("leaves classes, suites, control flow and objects alone", () => {
    for (const head of [
      "class A extends B {",
      'describe("a", () => {',
      'describeEveryEngine("a", (engine) => {',
      "if (a(b)) {",
      "} else if (a) {",
      "const a = {",
    ]) {
      assert.deepEqual(long(head, 80), [], head);
    }
  });

  it("is not misled by templates", () => {
    const text = "function a() {\n  return `\n}\n`;\n}\n";
    assert.deepEqual(functionsOfTypeScript(text), [{ first: 1, last: 5 }]);
  });

  it("measures functions of C in kernel style", () => {
    const text = "/* a */\nstatic int f(int a,\n\t     int b)\n{\n\treturn a;\n}\n";
    assert.deepEqual(functionsOfC(text), [{ first: 2, last: 6 }]);
    const longC = { path: "native/a.c", text: `int f(void)\n{\n${lines(69, "\tg();")}}\n` };
    assert.equal(checkFunctionLength(longC).length, 1);
  });
});

describe("checkWords", () => {
  const said = (text: string, path = "docs/a.md") =>
    checkWords({ path, text }).map(({ message }) => message);

  it("catches each word with its replacement", () => {
    for (const [bad, instead] of [
      ["the io_uring backend", "engine"],
      ["a Back-End", "engine"],
      ["each driver answers", "engine"],
      ["the engine provider", "engine"],
      ["a borrowed buffer", "lend"],
      ["IO_Uring is fast", "io_uring"],
      ["Liburing has verbs", "liburing"],
      ["on KQueue", "kqueue"],
      ["the threadpool", "thread pool"],
      ["its behaviour", "American"],
      ["to initialise", "American"],
    ] as const) {
      assert.match(said(bad)[0] ?? "", new RegExp(instead), bad);
    }
  });

  it("has no false alarm on names, paths, addresses and kernel words", () => {
    for (const good of [
      "https://example.org/backend/driver",
      "import x from './thread-pool/index.ts'",
      "see src/engines/thread-pool/",
      "the NVMe driver and a device driver",
      "IORING_OP_READ, io_uring, KqueueEngine, liburing, kqueue",
      "raise, precise, otherwise, exercise, promise",
    ]) {
      assert.deepEqual(said(good), [], good);
    }
    assert.deepEqual(said("passed to the driver", "src/abi/io-uring.ts"), []);
  });

  it("lets the style guide quote what it forbids", () => {
    assert.deepEqual(said("backend", "STYLE.md"), []);
  });

  it("says something instead of every word", () => {
    for (const { instead } of BANNED_WORDS) assert.notEqual(instead, "");
  });
});

describe("checkLeftovers", () => {
  const left = (text: string) => checkLeftovers({ path: "src/a.ts", text }).length;

  it("catches notes to oneself", () => {
    for (const word of ["FIXME", "TODO", "XXX", "TODO(me)"]) assert.equal(left(`// ${word}: a`), 1);
  });

  it("passes templates of names and test options", () => {
    assert.equal(left('mkdtemp("/tmp/aXXXXXX"); it("a", { todo: "b" });'), 0);
  });
});

describe("checkPlaces", () => {
  const found = (text: string, own: string[] = []) =>
    checkPlaces({ path: "src/a.ts", text }, own).length;
  /** Put together here, so that the sources of this project pass as well. */
  const path = (...names: string[]) => ["", ...names].join("/");

  it("catches home folders, the clone, and registries", () => {
    assert.equal(found("/home/somebody/x"), 1);
    assert.equal(found("open('/Users/somebody/x')"), 1);
    assert.equal(found(`cd ${path("root", "x")}`), 1);
    assert.equal(found("see /srv/clones/proactor/src", ["/srv/clones/proactor/"]), 1);
    assert.equal(found('"resolved": "x"'), 1);
    assert.equal(found("registry=x"), 1);
    assert.equal(found("https://registry.example.org/"), 1);
  });

  it("passes other paths", () => {
    const inside = [`src${path("root", "x")}`, `a${path("home", "b", "c")}`];
    const others = [path("tmp", "x"), "/proc/self/fd", ...inside];
    assert.equal(found(`${others.join(" ")} the registry of names`), 0);
  });
});

describe("checkWhiteSpace", () => {
  const bad = (text: string) => checkWhiteSpace({ path: "a.md", text }).length;

  it("catches it at the end of a line and of a file", () => {
    assert.equal(bad("a\nb\n"), 0);
    assert.equal(bad("a \nb\t\n"), 2);
    assert.equal(bad("a\r\n"), 1);
    assert.equal(bad("a"), 1);
    assert.equal(bad("a\n\n"), 1);
    assert.equal(bad(""), 0);
  });
});

describe("checkNeverImported", () => {
  const manifest = { exports: { ".": "./dist/src/index.js" } };
  const files = [
    { path: "package.json", text: JSON.stringify(manifest) },
    { path: "src/index.ts", text: 'export * from "./core/a.ts";' },
    { path: "src/core/a.ts", text: 'new Worker(new URL("./worker.js", import.meta.url));' },
    { path: "src/core/worker.ts", text: "" },
    { path: "src/core/benched.ts", text: "" },
    { path: "src/core/dead.ts", text: 'import "./dead.ts";' },
    { path: "bench/micro.ts", text: 'import "../src/core/benched.ts";' },
    { path: "test/dead.test.ts", text: 'import "../src/core/dead.ts";' },
  ];

  it("finds what only a test, or itself, imports", () => {
    const paths = checkNeverImported(files).map(({ path }) => path);
    assert.deepEqual(paths, ["src/core/dead.ts"]);
  });
});

describe("checkBlobs", () => {
  it("catches a file of more than the limit", () => {
    const blobs = [
      { path: "small", bytes: MAX_BLOB_BYTES },
      { path: "big", bytes: MAX_BLOB_BYTES + 1 },
    ];
    assert.deepEqual(checkBlobs(blobs).map(formatProblem), ["big: 201 KiB in git: at most 200"]);
  });
});

describe("checkLock", () => {
  it("catches a platform's build that is named and not there", () => {
    const packages = {
      "node_modules/a": { optionalDependencies: { "a-linux": "1.0.0", "a-win32": "1.0.0" } },
      "node_modules/a-linux": {},
    };
    const text = JSON.stringify({ packages });
    const found = checkLock({ path: "package-lock.json", text }).map(formatProblem);
    assert.deepEqual(found, ["package-lock.json: lacks a-win32: npm ci would refuse to install"]);
    assert.deepEqual(checkLock({ path: "README.md", text: "" }), []);
  });
});

describe("checkFormatOfC", () => {
  it("names each file once, at its first line", () => {
    const stderr = [
      "native/a.c:3:1: error: code should be clang-formatted [-Wclang-format-violations]",
      "native/a.c:9:1: error: code should be clang-formatted [-Wclang-format-violations]",
      "native/b.c:1:2: error: code should be clang-formatted [-Wclang-format-violations]",
    ].join("\n");
    const places = checkFormatOfC({ status: 1, stderr }).map(({ path, line }) => [path, line]);
    assert.deepEqual(places, [
      ["native/a.c", 3],
      ["native/b.c", 1],
    ]);
  });

  it("passes when clang-format does, and when it is absent", () => {
    assert.deepEqual(checkFormatOfC({ status: 0, stderr: "" }), []);
    assert.deepEqual(checkFormatOfC({ status: undefined, stderr: "" }), []);
    assert.equal(checkFormatOfC({ status: 1, stderr: "no such style" }).length, 1);
  });
});
