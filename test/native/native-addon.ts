import { it, type TestContext } from "node:test";
import { PARAMS_FLAGS, PARAMS_SIZE } from "../../src/abi/io-uring.ts";
import { describeFlags } from "../../src/engines/io-uring/describe.ts";
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

/** A test that needs io_uring as well, with these IORING_SETUP_* flags. */
export function ringIt(name: string, body: TestBody, flags = 0): void {
  const skip = whyNoRing(flags);
  it(name, skip === undefined ? {} : { skip }, body);
}

function whyNoRing(flags: number): string | undefined {
  if (!native.available) return native.reason;
  const { addon } = native;
  const params = new Uint8Array(PARAMS_SIZE);
  new DataView(params.buffer).setUint32(PARAMS_FLAGS, flags, true);
  const fd = addon.uringSetup(1, params);
  if (fd < 0) {
    const what = describeFlags(flags);
    return `io_uring_setup${what === "" ? "" : ` with ${what}`} answers ${fd}`;
  }
  addon.closeFd(fd);
  return undefined;
}
