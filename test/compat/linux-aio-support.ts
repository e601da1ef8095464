/** What the tests of native AIO share. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { io_context_t, io_destroy, io_setup } from "../../src/compat/linux-aio/index.ts";
import { probeEngine } from "../../src/engines/index.ts";

/** A time that has passed: take what is there. */
export const NOW = { tv_sec: 0, tv_nsec: 0 } as const;

const probed = probeEngine("linux_aio");

/** A test that needs the kernel's AIO, and says so where it is missing. */
export function aioIt(name: string, body: (t: TestContext) => void | Promise<void>): void {
  it(name, probed.available ? {} : { skip: probed.reason }, body);
}

/** Runs `body` with a context, and destroys it afterwards. */
export async function withContext(
  maxevents: number,
  body: (ctx: io_context_t) => void | Promise<void>,
): Promise<void> {
  const ctx = new io_context_t();
  assert.equal(io_setup(maxevents, ctx), 0);
  try {
    await body(ctx);
  } finally {
    assert.equal(io_destroy(ctx), 0);
  }
}
