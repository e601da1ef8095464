import { it, type TestContext } from "node:test";
import type { NativeAddon } from "../../src/native/addon.ts";
import { loadNative } from "../../src/native/load.ts";

type TestBody = (t: TestContext) => void | Promise<void>;

const native = loadNative();

/** The addon of this process. Throws where there is none: call it inside a test of `nativeIt`. */
export function addonOrThrow(): NativeAddon {
  if (!native.available) throw new Error(native.reason);
  return native.addon;
}

/** A test that needs the addon, and says so where there is none. */
export function nativeIt(name: string, body: TestBody): void {
  it(name, native.available ? {} : { skip: native.reason }, body);
}

/** A test that needs io_uring as well. */
export function ringIt(name: string, body: TestBody): void {
  it(name, ringSkip === undefined ? {} : { skip: ringSkip }, body);
}

const ringSkip = whyNoRing();

function whyNoRing(): string | undefined {
  if (!native.available) return native.reason;
  const { addon } = native;
  const fd = addon.uringSetup(1, new Uint8Array(120));
  if (fd < 0) return `io_uring_setup answers ${fd}`;
  addon.closeFd(fd);
  return undefined;
}
