import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { compareReleases, hasProgram, releasesIn } from "../../tools/kernels/apt.ts";
import { jobScript, qemuArguments } from "../../tools/kernels/boot.ts";
import { cpio, makeInitrd } from "../../tools/kernels/initrd.ts";
import { cachedKernel, isStatic } from "../../tools/kernels/lab.ts";
import { filesToRun, KERNELS, SELECTIONS, selectionOf } from "../../tools/kernels/list.ts";
import {
  bareKernel,
  decompress,
  dependenciesOf,
  extractKernel,
  modulesInOrder,
} from "../../tools/kernels/unpack.ts";
import { listFiles, ROOT } from "../../tools/lib/files.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** What stands in for a module: its `.modinfo` section. */
const module = (...depends: string[]) =>
  Buffer.from(`\x7fELF\0license=GPL\0depends=${depends.join(",")}\0name=x\0`);

/** A bzImage around a payload. */
function bzImage(payload: Buffer): Buffer {
  const image = Buffer.alloc(2 * 512 + 64 + payload.length);
  image[0x1f1] = 1;
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt32LE(64, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  payload.copy(image, 2 * 512 + 64);
  return image;
}

describe("filesToRun", () => {
  const selections = [
    { path: "test/native/" },
    { path: "test/conformance/" },
    { path: "test/conformance/slow", leftOut: "takes an hour" },
    { path: "test/unit/linux-aio" },
  ];
  const sources = [
    "test/unit/linux-aio.test.ts",
    "test/unit/slots.test.ts",
    "test/conformance/slow-paths.test.ts",
    "test/conformance/paths.test.ts",
    "test/conformance/files.test.ts",
    "test/native/guard.test.ts",
    "test/native/mini-ring.ts",
  ];

  it("runs what a selection names, in the order of the selections", () => {
    assert.deepEqual(filesToRun(sources, [], selections), [
      "test/native/guard.test.ts",
      "test/conformance/files.test.ts",
      "test/conformance/paths.test.ts",
      "test/unit/linux-aio.test.ts",
    ]);
  });

  it("lets the longest prefix decide", () => {
    const found = selectionOf("test/conformance/slow-paths.test.ts", selections);
    assert.equal(found?.leftOut, "takes an hour");
  });

  it("keeps to the files whose path contains a part that was asked for", () => {
    assert.deepEqual(filesToRun(sources, ["paths", "aio"], selections), [
      "test/conformance/paths.test.ts",
      "test/unit/linux-aio.test.ts",
    ]);
  });
});

describe("the list of kernels", () => {
  it("names each kernel once, oldest first, with a suite to get it from", () => {
    const versions = KERNELS.map(({ version }) => version);
    assert.deepEqual(versions, [...new Set(versions)].sort(compareReleases));
    assert.ok(KERNELS.every(({ suites }) => suites.length > 0));
    for (const wanted of ["5.10", "6.1", "6.12", "7.3"]) {
      const kernel = KERNELS.find(({ version }) => version === wanted);
      assert.equal(kernel?.onRequest, undefined, `${wanted} is run without being asked for`);
    }
  });

  it("selects test files that exist, conformance and native among them", () => {
    const files = filesToRun(listFiles(), []);
    assert.ok(files.some((file) => file.startsWith("test/conformance/")));
    assert.ok(files.some((file) => file.startsWith("test/native/")));
    assert.ok(!files.some((file) => file.startsWith("test/tools/")));
    assert.ok(SELECTIONS.every(({ path }) => path.startsWith("test/")));
  });
});

describe("releasesIn", () => {
  it("finds ordinary kernels and puts the newest first", () => {
    const names = [
      "linux-image-6.1.0-9-amd64",
      "linux-image-6.1.0-50-amd64",
      "linux-image-6.1.0-50-rt-amd64",
      "linux-image-6.1.0-50-cloud-amd64",
      "linux-image-6.1.0-50-amd64-dbg",
      "linux-image-6.1.0-50-amd64-unsigned",
      "linux-image-amd64",
      "linux-image-7.3.4+deb13-amd64",
      "",
    ];
    assert.deepEqual(releasesIn(names), ["7.3.4+deb13-amd64", "6.1.0-50-amd64", "6.1.0-9-amd64"]);
  });

  it("compares releases by their numbers", () => {
    assert.ok(compareReleases("5.10.0-32-amd64", "5.9.0-32-amd64") > 0);
    assert.ok(compareReleases("6.12", "6.12.1") < 0);
    assert.equal(compareReleases("6.12.1", "6.12.1"), 0);
  });
});

describe("bareKernel", () => {
  const elf = Buffer.concat([Buffer.from("\x7fELF", "latin1"), Buffer.alloc(5000, 7)]);

  it("takes the ELF file out of a bzImage", () => {
    assert.deepEqual(bareKernel(bzImage(gzipSync(elf))), elf);
  });

  it("is the image itself where there is nothing that it understands", () => {
    const strange = bzImage(Buffer.from("nothing that anybody packed"));
    assert.equal(bareKernel(strange), strange);
    const other = bzImage(gzipSync(Buffer.from("no ELF file")));
    assert.equal(bareKernel(other), other);
    const short = Buffer.alloc(16);
    assert.equal(bareKernel(short), short);
    const foreign = Buffer.alloc(4096);
    assert.equal(bareKernel(foreign), foreign);
  });

  for (const [program, args] of [
    ["xz", ["-c", "--check=crc32"]],
    ["xz", ["-c", "--format=lzma"]],
    ["zstd", ["-qc"]],
  ] as const) {
    const skip = hasProgram(program) ? false : `there is no ${program} here`;
    it(`unpacks what ${program} ${args.join(" ")} packs, with the size behind it`, { skip }, () => {
      const packed = execFileSync(program, args, { input: elf });
      assert.deepEqual(decompress(packed), elf);
      const size = Buffer.alloc(4);
      size.writeUInt32LE(elf.length);
      assert.deepEqual(bareKernel(bzImage(Buffer.concat([packed, size]))), elf);
    });
  }
});

describe("modulesInOrder", () => {
  it("puts what a module depends on in front of it, once", () => {
    const files = new Map([
      ["ext4", module("jbd2", "crc16")],
      ["jbd2", module()],
      ["crc16", module()],
      ["9p", module("9pnet")],
      ["9pnet", module()],
      ["9pnet_virtio", module("9pnet", "virtio-ring")],
      ["virtio_ring", module()],
    ]);
    const order = modulesInOrder(["9pnet-virtio", "ext4", "9p", "built_in"], (name) =>
      files.get(name),
    );
    assert.deepEqual(
      order.map(({ name }) => name),
      ["9pnet", "virtio_ring", "9pnet_virtio", "jbd2", "crc16", "ext4", "9p"],
    );
  });

  it("ends when modules depend on each other", () => {
    const files = new Map([
      ["a", module("b")],
      ["b", module("a")],
    ]);
    const order = modulesInOrder(["a"], (name) => files.get(name));
    assert.deepEqual(order.map(({ name }) => name).sort(), ["a", "b"]);
  });

  it("knows a module without dependencies", () => {
    assert.deepEqual(dependenciesOf(module()), []);
    assert.deepEqual(dependenciesOf(Buffer.from("no section")), []);
    assert.deepEqual(dependenciesOf(module("a", "b")), ["a", "b"]);
  });
});

describe("extractKernel", () => {
  for (const [title, boot, lib] of [
    ["of one package", "boot/vmlinuz-6.1.0-1-amd64", "lib"],
    ["of packages for image and modules", "usr/lib/modules/6.1.0-1-amd64/vmlinuz", "usr/lib"],
  ] as const) {
    it(`finds kernel and modules ${title}`, async () => {
      await withTempDir((dir) => {
        const write = (path: string, data: Buffer): void => {
          mkdirSync(join(dir, "tree", path, ".."), { recursive: true });
          writeFileSync(join(dir, "tree", path), data);
        };
        const modules = `${lib}/modules/6.1.0-1-amd64/kernel`;
        const elf = Buffer.from("\x7fELF kernel", "latin1");
        write(boot, bzImage(gzipSync(elf)));
        write(`${modules}/fs/ext4.ko.gz`, gzipSync(module("jbd2")));
        write(`${modules}/fs/jbd2.ko`, module());
        extractKernel(join(dir, "tree"), "6.1.0-1-amd64", join(dir, "image"));
        const at = (path: string) => readFileSync(join(dir, "image", path));
        assert.deepEqual(at("vmlinux"), elf);
        assert.deepEqual(at("modules/00-jbd2.ko"), module());
        assert.deepEqual(at("modules/01-ext4.ko"), module("jbd2"));
      });
    });
  }

  it("says that packages have no kernel", async () => {
    await withTempDir((dir) => {
      assert.throws(() => extractKernel(dir, "6.1.0-1-amd64", join(dir, "image")), {
        name: "LabError",
        message: "The packages of 6.1.0-1-amd64 have no kernel, or no modules",
      });
    });
  });
});

describe("cachedKernel", () => {
  it("is the newest of its line that was fetched to the end", async () => {
    await withTempDir((lab) => {
      assert.equal(cachedKernel("6.1", lab), undefined);
      for (const release of ["6.1.0-9-amd64", "6.1.0-50-amd64", "6.12.1-amd64"]) {
        mkdirSync(join(lab, "images", release), { recursive: true });
        const origin = JSON.stringify({ release, suite: "a suite" });
        writeFileSync(join(lab, "images", release, "origin"), origin);
      }
      mkdirSync(join(lab, "images", "6.1.0-51-amd64"));
      const folder = join(lab, "images", "6.1.0-50-amd64");
      assert.deepEqual(cachedKernel("6.1", lab), {
        release: "6.1.0-50-amd64",
        suite: "a suite",
        vmlinux: join(folder, "vmlinux"),
        modules: join(folder, "modules"),
      });
      assert.equal(cachedKernel("5.10", lab), undefined);
    });
  });
});

describe("makeInitrd", () => {
  it("packs an archive that cpio reads", { skip: cpioMissing() }, async () => {
    await withTempDir((dir) => {
      mkdirSync(join(dir, "modules"));
      writeFileSync(join(dir, "modules", "01-b.ko"), "second");
      writeFileSync(join(dir, "modules", "00-a.ko"), "first!!");
      const init = join(ROOT, "tools/kernels/init.sh");
      const archive = makeInitrd(process.execPath, init, join(dir, "modules"));
      mkdirSync(join(dir, "out"));
      const options = { cwd: join(dir, "out"), input: archive, stdio: ["pipe", "pipe", "ignore"] };
      execFileSync("cpio", ["-id", "--quiet"], options as object);
      const at = (path: string) => readFileSync(join(dir, "out", path));
      assert.equal(at("modules/00-a.ko").toString(), "first!!");
      assert.equal(at("modules/01-b.ko").toString(), "second");
      assert.deepEqual(at("init"), readFileSync(init));
      assert.equal(at("bin/busybox").length, readFileSync(process.execPath).length);
    });
  });

  it("pads every member to four bytes", () => {
    const archive = cpio([{ path: "a", data: Buffer.from("12345") }, { path: "folder" }]);
    assert.equal(archive.length % 4, 0);
    assert.equal(archive.toString("latin1", 0, 6), "070701");
    assert.ok(archive.includes("TRAILER!!!"));
  });
});

function cpioMissing(): string | false {
  return hasProgram("cpio") ? false : "there is no cpio here";
}

describe("isStatic", () => {
  it("knows a program that needs a loader", () => {
    const header = Buffer.alloc(64 + 2 * 56);
    header.writeBigUInt64LE(64n, 32);
    header.writeUInt16LE(56, 54);
    header.writeUInt16LE(2, 56);
    header.writeUInt32LE(1, 64);
    header.writeUInt32LE(6, 64 + 56);
    assert.equal(isStatic(header), true);
    header.writeUInt32LE(3, 64 + 56);
    assert.equal(isStatic(header), false);
  });
});

describe("a guest", () => {
  const job = { root: "/it's here", files: ["test/a.test.ts"], fileLimitMs: 1000 };

  it("gets the disk for its test files, and the variables that it is given", () => {
    const script = jobScript(job, { ENGINES: "io_uring" });
    const program = 'printf "%s|" "$PROACTOR_TEST_DIR" "$ENGINES"';
    const lines = script.split("\n").filter((line) => line.startsWith("export "));
    const shown = execFileSync("sh", ["-c", [...lines, program].join("\n")]).toString();
    assert.equal(shown, "/lab/disk|io_uring|");
    assert.match(script, /cd '\/it'\\''s here'/);
  });

  it("sees the host's tree without being able to write to it", () => {
    const args = qemuArguments(
      {
        vmlinux: "/k/vmlinux",
        initrd: Buffer.alloc(0),
        share: "/k/share",
        job,
        env: {},
        append: "sysctl.kernel.io_uring_disabled=2",
        processors: 2,
        memoryMiB: 64,
        limitMs: 1,
        onLine: () => {},
      },
      "/k/initrd",
      "/k/disk",
    );
    const roots = args.filter((arg) => arg.includes("mount_tag=hostroot"));
    assert.equal(roots.length, 1);
    assert.match(roots[0] ?? "", /readonly=on/);
    assert.ok(args.some((arg) => arg.endsWith("sysctl.kernel.io_uring_disabled=2")));
    assert.ok(args.includes("tcg,thread=multi"));
  });
});
