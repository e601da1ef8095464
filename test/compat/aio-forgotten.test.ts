import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EngineName } from "../../src/core/index.ts";
import { moduleUrl } from "../support/child.ts";
import { describeEveryEngine } from "../support/engines.ts";
import { answerOf } from "../support/forgotten.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { aioIt } from "./linux-aio-support.ts";

/** Engines over which a read of a FIFO is in flight until something is written. */
const WAITS: readonly EngineName[] = ["io_uring", "posix_aio", "thread_pool"];

const LINUX_AIO = `
    import { readFileSync } from "node:fs";
    import { eventfd, io_context_t, io_prep_poll, io_prep_pread, io_queue_init, io_setup,
      io_submit, iocb }
      from ${JSON.stringify(moduleUrl("src/compat/linux-aio/index.ts"))};
    const file = openSync("/proc/self/exe", "r");
    const silent = eventfd();
    const rings = () => readFileSync("/proc/self/maps", "latin1").split("/[aio]").length - 1;
    function submit(ctx, i) {
      const block = new iocb();
      if (i % 3 === 1) io_prep_poll(block, silent, 1);
      else io_prep_pread(block, file, new Uint8Array(4096), 4096, 0);
      if (i % 3 > 0 && io_submit(ctx, 1, [block]) !== 1) throw new Error("refused");
    }
`;

describe("a context of Linux AIO that is forgotten", () => {
  aioIt("is ended, and the program is warned", () =>
    withTempDir(async (dir) => {
      const answer = await answerOf(
        dir,
        `${LINUX_AIO}
        const start = (i) => {
          const ctx = new io_context_t();
          if (io_setup(4, ctx) !== 0) throw new Error("no context");
          submit(ctx, i);
        };
        for (let i = 0; i < 12; i++) start(i);
        const made = rings();
        await collectUntil(() => warnings.length === 12 && rings() === 0);
        const texts = warnings.map((warning) => warning.message.replace(/\\d{3,}/, "N"));
        console.log(JSON.stringify({ made, left: rings(), texts: [...new Set(texts)].sort() }));`,
      );
      assert.deepEqual(answer, {
        made: 12,
        left: 0,
        texts: [
          "A context N of Linux AIO was collected open, with 0 requests in flight",
          "A context N of Linux AIO was collected open, with 1 request in flight",
        ],
      });
    }, "forgotten"),
  );

  aioIt("is ended, too, when io_queue_init puts another in its place", () =>
    withTempDir(async (dir) => {
      const answer = await answerOf(
        dir,
        `${LINUX_AIO}
        const ctx = new io_context_t();
        io_queue_init(4, ctx);
        submit(ctx, 2);
        io_queue_init(4, ctx);
        await collectUntil(() => warnings.length === 1 && rings() === 1);
        submit(ctx, 2);
        console.log(JSON.stringify({ left: rings(), warnings: warnings.length }));`,
      );
      assert.deepEqual(answer, { left: 1, warnings: 1 });
    }, "forgotten"),
  );
});

describeEveryEngine("POSIX AIO that is forgotten", (engine) => {
  it("ends what is in flight, and gives its descriptors back", () =>
    withTempDir(async (dir) => {
      const waits = WAITS.includes(engine);
      const answer = await answerOf(
        dir,
        `import { aiocb, createAio, sigevent, SIGEV_THREAD }
          from ${JSON.stringify(moduleUrl("src/compat/posix-aio/index.ts"))};
        const before = count();
        const told = [];
        const event = new sigevent({
          sigev_notify: SIGEV_THREAD,
          sigev_notify_function: (value) => told.push(value),
        });
        function start(i) {
          const aio = createAio({ engine: "${engine}" });
          const aio_buf = new Uint8Array(8);
          event.sigev_value = i;
          aio.aio_read(new aiocb({ aio_fildes: fd, aio_buf, aio_nbytes: 8, aio_sigevent: event }));
        }
        if (!${waits}) writeSync(fd, Buffer.alloc(24));
        for (let i = 0; i < 3; i++) start(i);
        await collectUntil(() => warnings.length === 3);
        const early = told.length;
        if (${waits}) writeSync(fd, Buffer.alloc(24));
        await collectUntil(() => told.length === 3 && count() === before);
        console.log(JSON.stringify({
          left: count() - before,
          early,
          told: told.sort(),
          codes: warnings.map((warning) => warning.code),
        }));`,
      );
      assert.deepEqual(answer, {
        left: 0,
        early: waits ? 0 : 3,
        told: [0, 1, 2],
        codes: Array(3).fill("PROACTOR_FORGOTTEN"),
      });
    }, "forgotten"));
});
