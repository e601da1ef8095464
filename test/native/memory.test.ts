import assert from "node:assert/strict";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import { IORING_OFF_SQES } from "../../src/abi/io-uring.ts";
import { EBADF, EINVAL, EOPNOTSUPP, O_APPEND, O_RDWR } from "../../src/abi/linux.ts";
import { collectGarbageUntil } from "../support/garbage.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { MiniRing, ok } from "./mini-ring.ts";
import { addonOrThrow, nativeIt, ringIt } from "./native-addon.ts";

/** Whether a line of /proc/self/maps, or smaps, begins a mapping that covers the address. */
function covers(line: string, address: number): boolean {
  const [from = "", to = ""] = (line.split(" ")[0] ?? "").split("-");
  return Number.parseInt(from, 16) <= address && address < Number.parseInt(to, 16);
}

/** Whether a mapping of this process covers the address. */
function isMapped(address: number): boolean {
  const lines = readFileSync("/proc/self/maps", "latin1").split("\n");
  return lines.some((line) => covers(line, address));
}

/**
 * The flags of the mapping at an address, as /proc/self/smaps says them. It may begin before the
 * address: the kernel makes one mapping of neighbors that are alike.
 */
function mappingFlags(address: number): string[] {
  const blocks = readFileSync("/proc/self/smaps", "latin1").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const block = blocks.find((text) => covers(text, address)) ?? "";
  return /VmFlags: (.*)/.exec(block)?.[1]?.trim().split(" ") ?? [];
}

/** Whether glibc has mapped each of these blocks by itself: 16 bytes into a page then. */
function areMapped(blocks: readonly Buffer[]): boolean {
  return blocks.every((block) => addonOrThrow().addressOf(block) % 4096 === 16);
}

describe("keepFreed()", () => {
  nativeIt("has glibc take large blocks from its heap, and keep them there", (context) => {
    const addon = addonOrThrow();
    if (addon.posixAioAvailable() < 0) return context.skip("The C library is not glibc");
    const three = () => Array.from({ length: 3 }, () => Buffer.allocUnsafeSlow(24 * 2 ** 20));
    assert.ok(areMapped(three()), "Mapped by themselves");
    // The threshold for the heap's end is twice that for mapping, and cannot be seen.
    assert.equal(addon.keepFreed(2 ** 25 - 2 ** 16), 0);
    assert.ok(!areMapped(three()), "From the heap, one behind the other");
  });

  nativeIt("takes a number", () => {
    assert.throws(() => addonOrThrow().keepFreed("1" as never), TypeError);
  });
});

describe("allocate()", () => {
  nativeIt("gives zeroed memory at the alignment asked for", () => {
    const addon = addonOrThrow();
    for (const alignment of [1, 512, 4096, 65536, 2 ** 21]) {
      const memory = ok(addon.allocate(5000, alignment, false));
      assert.equal(memory.byteLength, 5000);
      assert.equal(addon.addressOf(memory) % Math.max(alignment, 4096), 0);
      assert.ok(new Uint8Array(memory).every((byte) => byte === 0));
    }
  });

  nativeIt("keeps it from children, and asks for huge pages when told", () => {
    const addon = addonOrThrow();
    const small = ok(addon.allocate(4096, 4096, false));
    assert.ok(mappingFlags(addon.addressOf(small)).includes("dc"));
    const large = ok(addon.allocate(4 * 2 ** 20, 4096, true));
    assert.equal(addon.addressOf(large) % 2 ** 21, 0);
    assert.ok(mappingFlags(addon.addressOf(large)).includes("hg"));
  });

  nativeIt("refuses an empty length and a strange alignment", () => {
    const addon = addonOrThrow();
    assert.equal(addon.allocate(0, 4096, false), -EINVAL);
    assert.equal(addon.allocate(4096, 3000, false), -EINVAL);
  });

  nativeIt("gives the memory back when it is collected", async () => {
    const addon = addonOrThrow();
    const addresses = Array.from({ length: 8 }, () =>
      addon.addressOf(ok(addon.allocate(2 ** 20, 2 ** 20, false))),
    );
    // Somebody else may have been given one of the places meanwhile.
    assert.ok(await collectGarbageUntil(() => addresses.filter(isMapped).length <= 2));
  });
});

describe("unmap()", () => {
  nativeIt("takes the memory away at once, with every view of it", () => {
    const addon = addonOrThrow();
    const memory = ok(addon.allocate(4096, 4096, false));
    const view = new Uint8Array(memory);
    const address = addon.addressOf(view);
    assert.equal(addon.unmap(memory), 0);
    assert.equal(isMapped(address), false);
    assert.equal(view.length, 0);
    assert.equal(addon.addressOf(memory), 0);
    assert.equal(addon.unmap(memory), -EINVAL);
  });

  nativeIt("leaves memory that is not ours alone", () => {
    const addon = addonOrThrow();
    const memory = new ArrayBuffer(64);
    assert.equal(addon.unmap(memory), -EINVAL);
    assert.equal(memory.byteLength, 64);
  });

  nativeIt("leaves nothing for the finalizer, over and over", async () => {
    const addon = addonOrThrow();
    for (let round = 0; round < 2000; round++) {
      assert.equal(addon.unmap(ok(addon.allocate(65536, 4096, false))), 0);
    }
    const last = new WeakRef(ok(addon.allocate(4096, 4096, false)));
    assert.ok(await collectGarbageUntil(() => last.deref() === undefined));
  });
});

describe("map()", () => {
  ringIt("maps what the kernel shares, and unmaps it", () => {
    const ring = new MiniRing(addonOrThrow());
    const address = addonOrThrow().addressOf(ring.sqes);
    assert.ok(mappingFlags(address).includes("dc"));
    ring.close();
    assert.equal(isMapped(address), false);
  });

  nativeIt("answers what the kernel answers", () => {
    assert.equal(addonOrThrow().map(-1, 4096, IORING_OFF_SQES), -EBADF);
  });
});

describe("addressOf()", () => {
  nativeIt("counts from the start of the memory", () => {
    const addon = addonOrThrow();
    const memory = new ArrayBuffer(64);
    const base = addon.addressOf(memory);
    assert.ok(base > 0 && Number.isSafeInteger(base));
    assert.equal(addon.addressOf(new Uint8Array(memory, 3)), base + 3);
    assert.equal(addon.addressOf(new Float64Array(memory, 8)), base + 8);
    assert.equal(addon.addressOf(new BigInt64Array(memory, 16)), base + 16);
    assert.equal(addon.addressOf(new DataView(memory, 5)), base + 5);
    assert.equal(addon.addressOf(Buffer.from(memory, 7, 2)), base + 7);
    assert.ok(addon.addressOf(new Uint8Array(new SharedArrayBuffer(8))) > 0);
  });

  nativeIt("is 0 where there is no memory", () => {
    const addon = addonOrThrow();
    const memory = new ArrayBuffer(8);
    const views = [new Uint8Array(memory), new DataView(memory)];
    structuredClone(memory, { transfer: [memory] });
    for (const gone of [memory, ...views, new Uint8Array(0), new ArrayBuffer(0)]) {
      assert.equal(addon.addressOf(gone), 0);
    }
  });

  nativeIt("moves a small array off the collector's heap for good", async () => {
    const addon = addonOrThrow();
    const small = new Uint8Array(8);
    const address = addon.addressOf(small);
    const gone = new WeakRef({});
    await collectGarbageUntil(() => gone.deref() === undefined);
    assert.equal(addon.addressOf(small), address);
  });

  nativeIt("throws a TypeError for what has no memory", () => {
    const addon = addonOrThrow() as unknown as { addressOf(value: unknown): number };
    for (const value of [undefined, null, 1, "x", {}, () => {}]) {
      assert.throws(() => addon.addressOf(value), { name: "TypeError" });
    }
  });
});

describe("directAlignment()", () => {
  nativeIt("tells what O_DIRECT needs, or that nobody knows", async () => {
    const addon = addonOrThrow();
    await withTempDir((dir) => {
      const fd = openSync(join(dir, "file"), "w+");
      const out = new Uint32Array(2);
      const res = addon.directAlignment(fd, out);
      if (res === 0) assert.ok(out.every((align) => align === 0 || (align & (align - 1)) === 0));
      else assert.equal(res, -EOPNOTSUPP);
      assert.equal(addon.closeFd(fd), 0);
      assert.equal(addon.directAlignment(fd, out), -EBADF);
    });
  });
});

describe("fcntlGetFlags()", () => {
  nativeIt("answers the open flags", async () => {
    const addon = addonOrThrow();
    await withTempDir((dir) => {
      const fd = openSync(join(dir, "file"), "a+");
      const flags = addon.fcntlGetFlags(fd);
      assert.equal(flags & O_RDWR, O_RDWR);
      assert.equal(flags & O_APPEND, O_APPEND);
      addon.closeFd(fd);
      assert.equal(addon.fcntlGetFlags(fd), -EBADF);
    });
  });
});
