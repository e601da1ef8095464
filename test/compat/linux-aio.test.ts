import assert from "node:assert/strict";
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  EBADF,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  POLLIN,
  POLLOUT,
  RWF_APPEND,
} from "../../src/abi/linux.ts";
import {
  eventfd,
  IO_CMD_PREAD,
  IOCB_FLAG_RESFD,
  io_cancel,
  io_context_t,
  io_destroy,
  type io_event,
  io_fdsync,
  io_fsync,
  io_getevents,
  io_pgetevents,
  io_poll,
  io_prep_fdsync,
  io_prep_fsync,
  io_prep_poll,
  io_prep_pread,
  io_prep_preadv,
  io_prep_preadv2,
  io_prep_pwrite,
  io_prep_pwritev,
  io_prep_pwritev2,
  io_queue_init,
  io_queue_release,
  io_queue_run,
  io_set_callback,
  io_set_eventfd,
  io_setup,
  io_submit,
  iocb,
} from "../../src/compat/linux-aio/index.ts";
import { proactor } from "../../src/index.ts";
import { addonOrThrow } from "../native/native-addon.ts";
import { collectGarbageUntil } from "../support/garbage.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { aioIt, NOW, withContext } from "./linux-aio-support.ts";

/** Submits one request and waits for its result. */
function run(ctx: io_context_t, block: iocb): number {
  assert.equal(io_submit(ctx, 1, [block]), 1);
  const events: io_event[] = [];
  assert.equal(io_getevents(ctx, 1, 1, events, null), 1);
  assert.equal(events[0]?.obj, block);
  return events[0]?.res ?? Number.NaN;
}

describe("io_prep_*", () => {
  aioIt("fill in every field, and clear what was there", () => {
    const full = () =>
      new iocb({
        data: "old",
        aio_rw_flags: 1,
        aio_lio_opcode: 99,
        aio_reqprio: 3,
        aio_fildes: 77,
        buf: 5,
        nbytes: 6,
        offset: 7,
        events: 8,
        flags: 9,
        resfd: 10,
      });
    const buffer = Buffer.alloc(4);
    const empty = { ...new iocb() };
    const filled = (prepare: (block: iocb) => void) => {
      const block = full();
      prepare(block);
      return { ...block };
    };
    const transfer = { ...empty, aio_fildes: 3, buf: buffer, nbytes: 4, offset: 9 };
    const vectors = { ...transfer, buf: [buffer], nbytes: 1, offset: 9n };
    assert.deepEqual(
      filled((b) => io_prep_pread(b, 3, buffer, 4, 9)),
      { ...transfer, aio_lio_opcode: 0 },
    );
    assert.deepEqual(
      filled((b) => io_prep_pwrite(b, 3, buffer, 4, 9)),
      { ...transfer, aio_lio_opcode: 1 },
    );
    assert.deepEqual(
      filled((b) => io_prep_fsync(b, 3)),
      { ...empty, aio_fildes: 3, aio_lio_opcode: 2 },
    );
    assert.deepEqual(
      filled((b) => io_prep_fdsync(b, 3)),
      { ...empty, aio_fildes: 3, aio_lio_opcode: 3 },
    );
    assert.deepEqual(
      filled((b) => io_prep_poll(b, 3, POLLIN)),
      { ...empty, aio_fildes: 3, aio_lio_opcode: 5, events: POLLIN },
    );
    assert.deepEqual(
      filled((b) => io_prep_preadv(b, 3, [buffer], 1, 9n)),
      { ...vectors, aio_lio_opcode: 7 },
    );
    assert.deepEqual(
      filled((b) => io_prep_pwritev(b, 3, [buffer], 1, 9n)),
      { ...vectors, aio_lio_opcode: 8 },
    );
    assert.deepEqual(
      filled((b) => io_prep_preadv2(b, 3, [buffer], 1, 9n, 8)),
      { ...vectors, aio_lio_opcode: 7, aio_rw_flags: 8 },
    );
    assert.deepEqual(
      filled((b) => io_prep_pwritev2(b, 3, [buffer], 1, 9n, 16)),
      { ...vectors, aio_lio_opcode: 8, aio_rw_flags: 16 },
    );
    const told = new iocb();
    io_set_eventfd(told, 12);
    assert.deepEqual([told.flags, told.resfd], [IOCB_FLAG_RESFD, 12]);
    const callback = () => {};
    io_set_callback(told, callback);
    assert.equal(told.data, callback);
  });
});

describe("io_submit", () => {
  aioIt("reads, writes and syncs, with offsets as numbers or bigints", () =>
    withTempDir((dir) =>
      withContext(8, (ctx) => {
        const path = join(dir, "file");
        const fd = openSync(path, "w+");
        const block = new iocb();
        io_prep_pwrite(block, fd, Buffer.from("hello world"), 11, 0);
        assert.equal(run(ctx, block), 11);
        io_prep_pwritev(block, fd, [Buffer.from("ab"), Buffer.from("cd")], 2, 11n);
        assert.equal(run(ctx, block), 4);
        io_prep_pwritev2(block, fd, [Buffer.from("!")], 1, 0, RWF_APPEND);
        assert.equal(run(ctx, block), 1);
        io_prep_fsync(block, fd);
        assert.equal(run(ctx, block), 0);
        io_prep_fdsync(block, fd);
        assert.equal(run(ctx, block), 0);
        assert.equal(readFileSync(path, "latin1"), "hello worldabcd!");
        const far = 2n ** 40n + 1n;
        io_prep_pwrite(block, fd, Buffer.from("far"), 3, far);
        assert.equal(run(ctx, block), 3);
        const [one, two] = [Buffer.alloc(2), Buffer.alloc(4)];
        io_prep_preadv(block, fd, [one, two], 2, Number(far));
        assert.equal(run(ctx, block), 3);
        assert.equal(`${one}${two}`, "far\0\0\0");
        io_prep_pread(block, fd, new DataView(two.buffer, two.byteOffset, 4), 4, 6);
        assert.equal(run(ctx, block), 4);
        assert.equal(String(two), "worl");
        closeSync(fd);
      }),
    ),
  );

  aioIt("copies the iocb: it can be used again at once", () =>
    withTempDir((dir) =>
      withContext(8, (ctx) => {
        const path = join(dir, "file");
        writeFileSync(path, "abcdefgh");
        const fd = openSync(path, "r");
        const block = new iocb();
        const buffers = Array.from({ length: 8 }, () => Buffer.alloc(1));
        for (const [i, buffer] of buffers.entries()) {
          io_prep_pread(block, fd, buffer, 1, i);
          block.data = i;
          assert.equal(io_submit(ctx, 1, [block]), 1);
        }
        const events: io_event[] = [];
        assert.equal(io_getevents(ctx, 8, 100, events, null), 8);
        assert.deepEqual(
          events.map(({ data }) => data),
          [...Array(8).keys()],
        );
        assert.ok(events.every(({ obj, res, res2 }) => obj === block && res === 1 && res2 === 0));
        assert.equal(buffers.join(""), "abcdefgh");
        closeSync(fd);
      }),
    ),
  );

  aioIt("refuses memory that is shorter than the request, without touching it", () =>
    withContext(4, (ctx) => {
      const zero = openSync("/dev/zero", "r");
      const block = new iocb();
      const buffer = Buffer.alloc(4, 1);
      io_prep_pread(block, zero, buffer, 5, 0);
      assert.equal(io_submit(ctx, 1, [block]), -EFAULT);
      io_prep_preadv(block, zero, [buffer], 2, 0);
      assert.equal(io_submit(ctx, 1, [block]), -EFAULT);
      io_prep_preadv(block, zero, [buffer], 1025, 0);
      assert.equal(io_submit(ctx, 1, [block]), -EINVAL);
      io_prep_pread(block, zero, buffer, -1, 0);
      assert.equal(io_submit(ctx, 1, [block]), -EINVAL);
      const gone = new Uint8Array(8);
      structuredClone(gone.buffer, { transfer: [gone.buffer] });
      io_prep_pread(block, zero, gone, 8, 0);
      assert.equal(io_submit(ctx, 1, [block]), -EFAULT);
      assert.deepEqual([...buffer], [1, 1, 1, 1]);
      // What was refused is not in flight.
      assert.equal(io_cancel(ctx, block), -EINVAL);
      assert.equal(io_getevents(ctx, 0, 1, [], NOW), 0);
      closeSync(zero);
    }),
  );

  aioIt("stops at the first iocb that is refused, and says how many were taken", () =>
    withContext(8, (ctx) => {
      const zero = openSync("/dev/zero", "r");
      const read = (fd: number) => {
        const block = new iocb();
        io_prep_pread(block, fd, Buffer.alloc(2), 2, 0);
        return block;
      };
      const [good, bad] = [read(zero), read(-1)];
      assert.equal(io_submit(ctx, 4, [good, good, bad, good]), 2);
      assert.equal(io_submit(ctx, 2, [bad, good]), -EBADF);
      assert.equal(io_submit(ctx, 3, [good, null, good]), 1);
      assert.equal(io_submit(ctx, 3, [good]), 1);
      assert.equal(io_submit(ctx, 1, []), -EFAULT);
      assert.equal(io_getevents(ctx, 0, 100, [], NOW), 4);
      closeSync(zero);
    }),
  );

  // HAZARDS B1, B3: nobody can take the memory away before the event was seen.
  aioIt("holds memory that is in flight, whoever forgets it", () =>
    withTempDir((dir) =>
      withContext(64, async (ctx) => {
        const path = join(dir, "file");
        writeFileSync(path, Buffer.alloc(64 * 4096, 9));
        const fd = openSync(path, constants.O_DIRECT);
        const refs: WeakRef<object>[] = [];
        for (let i = 0; i < 64; i++) {
          const block = new iocb();
          const page = pageOf(new Uint8Array(8192));
          refs.push(new WeakRef(page.buffer));
          io_prep_pread(block, fd, page, 4096, i * 4096);
          assert.equal(io_submit(ctx, 1, [block]), 1);
        }
        assert.ok(!(await collectGarbageUntil(() => refs.some((r) => r.deref() === undefined), 3)));
        const events: io_event[] = [];
        assert.equal(io_getevents(ctx, 64, 64, events, null), 64);
        for (const { obj, res } of events) {
          assert.equal(res, 4096);
          const view = obj.buf as Uint8Array;
          assert.ok(view.every((byte) => byte === 9));
        }
        events.length = 0;
        const gone = () => refs.filter((ref) => ref.deref() === undefined).length;
        assert.ok(await collectGarbageUntil(() => gone() >= 60), `${gone()} of 64 were collected`);
        closeSync(fd);
      }),
    ),
  );
});

describe("io_submit, and memory that is taken away", () => {
  aioIt("ends well when buffers are transferred while they are in flight", () =>
    withTempDir((dir) =>
      withContext(64, async (ctx) => {
        const path = join(dir, "file");
        writeFileSync(path, Buffer.alloc(64 * 4096, 9));
        const fd = openSync(path, constants.O_DIRECT);
        const block = new iocb();
        for (let i = 0; i < 64; i++) {
          const page = pageOf(new Uint8Array(8192));
          io_prep_pread(block, fd, page, 4096, i * 4096);
          assert.equal(io_submit(ctx, 1, [block]), 1);
          // The new owner forgets it at once.
          structuredClone(page.buffer, { transfer: [page.buffer] });
          assert.equal(page.byteLength, 0);
        }
        await collectGarbageUntil(() => false, 2);
        const events: io_event[] = [];
        assert.equal(io_getevents(ctx, 64, 64, events, null), 64);
        assert.ok(events.every(({ res }) => res === 4096));
        closeSync(fd);
      }),
    ),
  );
});

/** A page of memory that is nobody's but the caller's, aligned for O_DIRECT. */
function pageOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const start = 4096 - (addonOrThrow().addressOf(bytes) % 4096);
  return bytes.subarray(start, start + 4096);
}

describe("io_getevents", () => {
  aioIt("waits for as many as are wanted, and takes no more than there is room for", () =>
    withContext(16, (ctx) => {
      const zero = openSync("/dev/zero", "r");
      const blocks = Array.from({ length: 10 }, (_, i) => {
        const block = new iocb({ data: i, aio_lio_opcode: IO_CMD_PREAD, aio_fildes: zero });
        block.buf = Buffer.alloc(1);
        block.nbytes = 1;
        return block;
      });
      assert.equal(io_submit(ctx, 10, blocks), 10);
      const events: io_event[] = [];
      assert.equal(io_getevents(ctx, 0, 3, events, NOW), 3);
      assert.equal(io_getevents(ctx, 2, 3, events, null), 3);
      assert.equal(events[2]?.data, 5);
      assert.equal(io_getevents(ctx, 1, 0, events, null), -EINVAL);
      assert.equal(io_getevents(ctx, -1, 4, events, null), -EINVAL);
      assert.equal(io_getevents(ctx, 0, -1, events, null), -EINVAL);
      assert.equal(io_getevents(ctx, 0, 0, events, NOW), 0);
      assert.equal(io_getevents(ctx, 0, 4, null, NOW), -EFAULT);
      assert.equal(io_getevents(ctx, 5, 8, events, { tv_sec: 0, tv_nsec: 1e6 }), 4);
      assert.equal(io_getevents(ctx, 0, 8, null, NOW), 0);
      assert.equal(io_pgetevents(ctx, 1, 1, events, { tv_sec: 0, tv_nsec: 1e6 }, []), 0);
      assert.equal(io_pgetevents(ctx, 2, 1, events, null, null), -EINVAL);
      closeSync(zero);
    }),
  );

  aioIt("knows a destroyed context as none, even when its number is in use again", () => {
    const first = new io_context_t();
    assert.equal(io_setup(1, first), 0);
    assert.equal(io_destroy(first), 0);
    const second = new io_context_t();
    assert.equal(io_setup(1, second), 0);
    assert.equal(io_submit(first, 1, [new iocb()]), -EINVAL);
    assert.equal(io_submit(new io_context_t(second.id), 1, [new iocb()]), -EINVAL);
    assert.equal(io_getevents(first, 0, 1, [], NOW), -EINVAL);
    assert.equal(io_cancel(first, new iocb()), -EINVAL);
    assert.equal(io_destroy(first), -EINVAL);
    assert.equal(io_destroy(second), 0);
  });
});

describe("io_queue_run", () => {
  aioIt("calls what was set, for every event that is there", () => {
    const ctx = new io_context_t(12345);
    assert.equal(io_queue_init(0, ctx), -EINVAL);
    assert.equal(io_queue_init(8, ctx), 0);
    const zero = openSync("/dev/zero", "r");
    const seen: unknown[] = [];
    const blocks = [1, 2, 3].map((length) => {
      const block = new iocb();
      io_prep_pread(block, zero, Buffer.alloc(length), length, 0);
      io_set_callback(block, (...args) => void seen.push(args));
      return block;
    });
    assert.equal(io_submit(ctx, 3, blocks), 3);
    assert.equal(io_queue_run(ctx), 0);
    assert.deepEqual(
      seen,
      blocks.map((block, i) => [ctx, block, i + 1, 0]),
    );
    assert.equal(io_queue_run(ctx), 0);
    closeSync(zero);
    assert.equal(io_queue_release(ctx), 0);
    assert.equal(io_queue_run(ctx), -EINVAL);
  });

  // HAZARDS C11
  aioIt("keeps the events after one whose callback throws", () =>
    withContext(8, (ctx) => {
      const zero = openSync("/dev/zero", "r");
      let calls = 0;
      const blocks = [0, 1, 2].map((i) => {
        const block = new iocb();
        io_prep_pread(block, zero, Buffer.alloc(1), 1, 0);
        io_set_callback(block, () => {
          calls++;
          if (i === 0) throw new Error("on purpose");
        });
        return block;
      });
      assert.equal(io_submit(ctx, 3, blocks), 3);
      assert.throws(() => io_queue_run(ctx), /on purpose/);
      assert.equal(calls, 1);
      assert.equal(io_queue_run(ctx), 0);
      assert.equal(calls, 3);
      closeSync(zero);
    }),
  );

  aioIt("runs the callbacks of io_poll, io_fsync and io_fdsync", () =>
    withTempDir((dir) =>
      withContext(8, async (ctx) => {
        const fd = openSync(join(dir, "file"), "w");
        const efd = eventfd();
        const results: number[] = [];
        const callback = (_ctx: io_context_t, _block: iocb, res: number) => void results.push(res);
        assert.equal(io_fsync(ctx, new iocb(), callback, fd), 1);
        assert.equal(io_fdsync(ctx, new iocb(), callback, fd), 1);
        assert.equal(io_fsync(ctx, new iocb(), callback, -1), -EBADF);
        assert.equal(io_poll(ctx, new iocb(), callback, efd, POLLOUT), 1);
        const stopped = new iocb();
        assert.equal(io_poll(ctx, stopped, callback, efd, POLLIN), 1);
        assert.equal(io_cancel(ctx, stopped), -EINPROGRESS);
        while (results.length < 4) {
          assert.equal(io_queue_run(ctx), 0);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        assert.deepEqual(results.toSorted(), [0, 0, 0, POLLOUT]);
        assert.equal(io_cancel(ctx, stopped), -EINVAL);
        assert.equal(io_cancel(ctx, null), -EFAULT);
        closeSync(efd);
        closeSync(fd);
      }),
    ),
  );
});

describe("io_set_eventfd", () => {
  aioIt("lets the event loop know, through a poll", () =>
    withTempDir((dir) =>
      withContext(32, async (ctx) => {
        const path = join(dir, "file");
        writeFileSync(path, Buffer.alloc(32 * 4096, 5));
        const fd = openSync(path, constants.O_DIRECT);
        const efd = eventfd();
        const buffers = Array.from({ length: 32 }, () => proactor.allocate(4096));
        const blocks = buffers.map((buffer, i) => {
          const block = new iocb();
          io_prep_pread(block, fd, buffer, 4096, i * 4096);
          io_set_eventfd(block, efd);
          return block;
        });
        assert.equal(io_submit(ctx, 32, blocks), 32);
        const events: io_event[] = [];
        let seen = 0;
        let signals = 0;
        while (seen < 32) {
          await proactor.poll(efd, POLLIN);
          signals += Number(takeEventfd(efd));
          seen += io_getevents(ctx, 0, 32, events, NOW);
        }
        assert.equal(seen, 32);
        assert.ok(signals >= 1 && signals <= 32);
        assert.ok(buffers.every((buffer) => buffer.every((byte) => byte === 5)));
        for (const buffer of buffers) proactor.release(buffer);
        closeSync(fd);
        closeSync(efd);
      }),
    ),
  );

  aioIt("makes eventfds that count", () => {
    const efd = eventfd();
    writeSync(efd, BigUint64Array.of(3n));
    assert.equal(takeEventfd(efd), 3);
    closeSync(efd);
  });
});

function takeEventfd(fd: number): number {
  return addonOrThrow().eventfdTake(fd);
}
