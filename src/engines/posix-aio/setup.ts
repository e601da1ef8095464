import { AIOCB_SIZE, POSIX_AIO_REAP_MAX } from "../../abi/posix-aio.ts";
import { systemError } from "../../base/errors.ts";
import type { NativeAddon, Wakeup } from "../../native/addon.ts";
import type { PosixAioQueue } from "../../native/posix-aio.ts";

/** Control blocks that glibc can be given, and how the loop learns of their end. */
export interface ControlBlocks {
  readonly queue: PosixAioQueue;
  /** All control blocks, as words. */
  readonly blocks: Int32Array;
  /** The indexes to submit; behind them pairs of index and result. */
  readonly control: Int32Array;
  readonly wakeup: Wakeup;
  /** Gives everything back. Waits for what is in flight. */
  close(): void;
}

/**
 * Makes a queue of `depth` control blocks.
 *
 * @param wake Called on the loop, when something completed after `posixAioArm`.
 * @throws A system error where there is no memory or no descriptor left.
 */
export function openBlocks(addon: NativeAddon, depth: number, wake: () => void): ControlBlocks {
  const blocks = allocate(addon, depth * AIOCB_SIZE);
  const control = allocate(addon, (depth + 2 * POSIX_AIO_REAP_MAX) * 4);
  const queue = addon.posixAioOpen(blocks, control);
  if (typeof queue === "number") throw systemError(queue, "aio_init");
  const wakeup = addon.wakeupOpen(addon.posixAioEventfd(queue), wake, needsWakeupThread());
  if (typeof wakeup === "number") {
    addon.posixAioClose(queue);
    throw systemError(wakeup, "uv_poll_init");
  }
  return {
    queue,
    blocks: new Int32Array(blocks),
    control: new Int32Array(control),
    wakeup,
    close() {
      addon.wakeupClose(wakeup);
      addon.posixAioClose(queue);
    },
  };
}

function allocate(addon: NativeAddon, bytes: number): ArrayBuffer {
  const memory = addon.allocate(bytes, 4096, false);
  if (typeof memory === "number") throw systemError(memory, "mmap");
  return memory;
}

/** Only Node has a libuv that we may use (Bun aborts the process, Deno stalls). */
function needsWakeupThread(): boolean {
  return process.versions.bun !== undefined || process.versions.deno !== undefined;
}
