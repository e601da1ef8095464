/**
 * The cases of LTP for the kernel's native AIO (io_*, aio01, aio02, and the programs of
 * ltp-aiodio), restated in our words. System calls are the addon's; what copies and appends goes
 * through proactor/linux-aio.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_DSYNC,
  O_NONBLOCK,
  O_RDWR,
  O_SYNC,
  O_TRUNC,
} from "../../src/abi/linux.ts";
import { IOCB_CMD_PWRITE } from "../../src/abi/linux-aio.ts";
import {
  type io_context_t,
  type io_event,
  io_getevents,
  io_prep_pread,
  io_prep_pwrite,
  io_submit,
  iocb,
} from "../../src/compat/linux-aio/index.ts";
import { proactor } from "../../src/index.ts";
import { addonOrThrow } from "../native/native-addon.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { memory, RawContext } from "../unit/linux-aio-context.ts";
import { aioIt, NOW, withContext } from "./linux-aio-support.ts";

const children = new URL("./linux-aio-children.js", import.meta.url);

const PAGE = 4096;
const KERNEL_ADDRESS = 2 ** 47 + 4096;

async function withRaw(nr: number, body: (context: RawContext) => void): Promise<void> {
  const context = new RawContext(addonOrThrow(), nr);
  assert.equal(context.result, 0);
  try {
    body(context);
  } finally {
    assert.equal(context.destroy(), 0);
  }
}

describe("linux_aio: LTP, system calls", () => {
  aioIt("LTP io_setup01, io_setup02: a context, or the reason why not", () => {
    const addon = addonOrThrow();
    const max = Number(readFileSync("/proc/sys/fs/aio-max-nr", "utf8"));
    const context = new RawContext(addon, 1);
    assert.equal(context.result, 0);
    assert.equal(context.destroy(), 0);
    assert.equal(new RawContext(addon, 1, 1).result, -EINVAL);
    assert.equal(new RawContext(addon, -1).result, -EINVAL);
    assert.equal(addon.aioSetup(1, 0), -EFAULT);
    assert.equal(new RawContext(addon, max + 1).result, -EAGAIN);
  });

  aioIt("LTP io_destroy01, io_destroy02: a context is destroyed once", () => {
    const addon = addonOrThrow();
    assert.equal(addon.aioDestroy(0), -EINVAL);
    assert.equal(addon.aioDestroy(PAGE), -EINVAL);
    const context = new RawContext(addon, 8);
    assert.equal(context.destroy(), 0);
    assert.equal(context.destroy(), -EINVAL);
  });

  aioIt("LTP io_submit01, io_submit02, io_submit03: what is taken, and what is refused", () =>
    withTempDir((dir) =>
      withRaw(8, (context) => {
        const { addon, id } = context;
        const path = join(dir, "file");
        writeFileSync(path, "0123456789");
        const readOnly = openSync(path, "r");
        const writeOnly = openSync(path, "a");
        const read = (fd: number) => context.iocb({ fd, buf: memory(4) });
        const write = (fd: number) =>
          context.iocb({ opcode: IOCB_CMD_PWRITE, fd, buf: memory(4), offset: 100 });
        assert.equal(addon.aioSubmit(0, 1, 0), -EINVAL);
        assert.equal(context.submit([read(readOnly)], -1), -EINVAL);
        assert.equal(addon.aioSubmit(id, 1, KERNEL_ADDRESS), -EFAULT);
        assert.equal(context.submit([0]), -EFAULT);
        assert.equal(context.submit([read(-1)]), -EBADF);
        assert.equal(context.submit([write(readOnly)]), -EBADF);
        assert.equal(context.submit([read(writeOnly)]), -EBADF);
        assert.equal(context.submit([read(readOnly)], 0), 0);
        assert.equal(context.submit([read(readOnly), write(writeOnly)]), 2);
        assert.deepEqual(
          context.events(2, 2).map(({ res }) => res),
          [4, 4],
        );
        for (const fd of [readOnly, writeOnly]) closeSync(fd);
      }),
    ),
  );

  aioIt("LTP io_submit04: RWF_NOWAIT on an empty pipe is an event with EAGAIN", (t) => {
    const script = ['true | "$0" "$@"', process.execPath, children.pathname, "nowait-pipe"];
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const output = execFileSync("sh", ["-c", ...script], { encoding: "utf8", env });
    const answer = JSON.parse(output) as { submitted: number };
    if (answer.submitted === -EOPNOTSUPP) t.skip("Pipes of this kernel know no RWF_NOWAIT");
    else assert.deepEqual(answer, { submitted: 1, empty: -EAGAIN, filled: 2 });
  });

  aioIt("LTP io_cancel01, io_cancel02: no iocb, no context", () =>
    withRaw(1, (context) => {
      const { addon, id } = context;
      assert.equal(addon.aioCancel(0, 0, 0), -EFAULT);
      assert.equal(addon.aioCancel(id, 0, 0), -EFAULT);
      assert.equal(addon.aioCancel(id, KERNEL_ADDRESS, 0), -EFAULT);
      const iocb = context.iocb({ fd: 0 });
      assert.equal(addon.aioCancel(0, iocb, 0), -EINVAL);
      assert.equal(context.cancel(iocb), -EINVAL);
    }),
  );

  aioIt("LTP io_getevents01, io_getevents02: no context", () => {
    const addon = addonOrThrow();
    assert.equal(addon.aioGetevents(0, 1, 1, 0, 0), -EINVAL);
    assert.equal(addon.aioGetevents(PAGE, 0, 0, 0, 0), -EINVAL);
  });

  aioIt("LTP io_pgetevents01, io_pgetevents02: what makes sense, and what does not", () =>
    withRaw(4, (context) => {
      const { addon, id } = context;
      const zero = openSync("/dev/zero", "r");
      const submit = () => assert.equal(context.submitOne({ fd: zero, buf: memory(1) }), 1);
      submit();
      assert.equal(context.pgetevents(1, 1, 1000, []), 1);
      submit();
      assert.equal(context.pgetevents(0, 4, 0, [10, 12]), 1);
      assert.equal(context.pgetevents(1, 1, 1, []), 0);
      submit();
      const events = addon.addressOf(memory(32));
      assert.equal(addon.aioPgetevents(0, 1, 1, events, 0, 0), -EINVAL);
      assert.equal(addon.aioPgetevents(id, -1, 1, events, 0, 0), -EINVAL);
      assert.equal(addon.aioPgetevents(id, 1, -1, events, 0, 0), -EINVAL);
      assert.equal(addon.aioPgetevents(id, 2, 1, events, 0, 0), -EINVAL);
      assert.equal(addon.aioPgetevents(id, 1, 1, KERNEL_ADDRESS, 0, 0), -EFAULT);
      assert.equal(addon.aioPgetevents(id, 1, 1, events, KERNEL_ADDRESS, 0), -EFAULT);
      assert.equal(addon.aioPgetevents(id, 1, 1, events, 0, KERNEL_ADDRESS), -EFAULT);
      const wrongSize = context.sigset([], 7);
      assert.equal(addon.aioPgetevents(id, 1, 1, events, 0, wrongSize), -EINVAL);
      // None of them took the event.
      assert.equal(addon.aioPgetevents(id, 1, 1, events, 0, 0), 1);
      closeSync(zero);
    }),
  );
});

/** Submits all of these, and waits for their events. */
function complete(ctx: io_context_t, blocks: readonly iocb[]): io_event[] {
  const events: io_event[] = [];
  for (let taken = 0; taken < blocks.length; ) {
    const result = io_submit(ctx, blocks.length - taken, blocks.slice(taken));
    assert.ok(result > 0, `io_submit answered ${result}`);
    taken += result;
  }
  while (events.length < blocks.length) {
    const some: io_event[] = [];
    const count = io_getevents(ctx, 1, blocks.length, some, null);
    assert.ok(count > 0, `io_getevents answered ${count}`);
    events.push(...some.slice(0, count));
  }
  return events;
}

function reads(fd: number, buffers: readonly Buffer[], offset: (i: number) => number): iocb[] {
  return buffers.map((buffer, i) => {
    const block = new iocb();
    io_prep_pread(block, fd, buffer, buffer.length, offset(i));
    return block;
  });
}

function writes(fd: number, buffers: readonly Buffer[], offset: (i: number) => number): iocb[] {
  return buffers.map((buffer, i) => {
    const block = new iocb();
    io_prep_pwrite(block, fd, buffer, buffer.length, offset(i));
    return block;
  });
}

/** Runs `body` with buffers for O_DIRECT, which are given back afterwards. */
async function withBuffers(
  count: number,
  bytes: number,
  body: (buffers: Buffer[]) => void | Promise<void>,
): Promise<void> {
  const buffers = Array.from({ length: count }, () => proactor.allocate(bytes));
  try {
    await body(buffers);
  } finally {
    for (const buffer of buffers) proactor.release(buffer);
  }
}

describe("linux_aio: LTP, files", () => {
  // LTP prints how long each takes; what has to be the same is the content.
  aioIt("LTP aio01: blocks one by one, in lists, forwards, backwards and over each other", () =>
    withTempDir((dir) =>
      withContext(16, (ctx) =>
        withBuffers(16, PAGE, (buffers) => {
          const path = join(dir, "file");
          const fd = openSync(path, O_RDWR | O_CREAT | O_SYNC, 0o600);
          for (const [i, buffer] of buffers.entries()) buffer.fill(i + 1);
          const all = (blocks: iocb[]) => {
            const events = complete(ctx, blocks);
            assert.ok(events.every(({ res }) => res === PAGE));
          };
          const expectForwards = () => {
            const content = readFileSync(path);
            assert.equal(content.length, 16 * PAGE);
            for (let i = 0; i < 16; i++) assert.equal(content[i * PAGE], i + 1);
          };
          for (const block of writes(fd, buffers, (i) => i * PAGE)) all([block]);
          expectForwards();
          ftruncateSync(fd, 0);
          all(writes(fd, buffers, (i) => i * PAGE));
          expectForwards();
          all(writes(fd, buffers, (i) => (15 - i) * PAGE));
          for (const buffer of buffers) buffer.fill(0);
          all(reads(fd, buffers, (i) => (15 - i) * PAGE));
          assert.ok(buffers.every((buffer, i) => buffer.every((byte) => byte === i + 1)));
          all(writes(fd, buffers, () => 0));
          const first = readFileSync(path)[0] ?? 0;
          assert.ok(first >= 1 && first <= 16);
          closeSync(fd);
        }),
      ),
    ),
  );

  const FLAGS: Readonly<Record<string, number>> = {
    O_DIRECT,
    none: 0,
    O_SYNC,
    O_DSYNC,
    O_APPEND,
    O_NONBLOCK,
    "O_DIRECT and O_SYNC": O_DIRECT | O_SYNC,
    "O_DIRECT and O_APPEND": O_DIRECT | O_APPEND,
  };

  for (const [name, flags] of Object.entries(FLAGS)) {
    for (const trunc of [0, O_TRUNC]) {
      aioIt(
        `LTP aio02: what was written is read, opened with ${name}${trunc ? ", O_TRUNC" : ""}`,
        () =>
          withTempDir((dir) =>
            withContext(4, (ctx) =>
              withBuffers(4, PAGE, (buffers) => {
                const fd = openSync(join(dir, "file"), O_RDWR | O_CREAT | flags | trunc, 0o600);
                for (const [i, buffer] of buffers.entries()) buffer.fill(i + 1);
                const written = complete(
                  ctx,
                  writes(fd, buffers, (i) => i * PAGE),
                );
                assert.ok(written.every(({ res }) => res === PAGE));
                for (const buffer of buffers) buffer.fill(0);
                const read = complete(
                  ctx,
                  reads(fd, buffers, (i) => i * PAGE),
                );
                assert.ok(read.every(({ res }) => res === PAGE));
                const content = buffers.map((buffer) => buffer[0]).toSorted();
                assert.deepEqual(content, [1, 2, 3, 4]);
                closeSync(fd);
              }),
            ),
          ),
      );
    }
  }
});

/** Copies a file with `depth` blocks on their way, each of which is read and then written. */
function copy(ctx: io_context_t, from: number, to: number, bytes: number, buffers: Buffer[]) {
  const { length: block = 0 } = buffers[0] ?? {};
  let next = 0;
  let inFlight = 0;
  const start = (slot: number) => {
    if (next >= bytes) return;
    const request = new iocb();
    io_prep_pread(request, from, buffers[slot] as Buffer, block, next);
    request.data = { slot, offset: next, reading: true };
    assert.equal(io_submit(ctx, 1, [request]), 1);
    next += block;
    inFlight++;
  };
  for (const slot of buffers.keys()) start(slot);
  const events: io_event[] = [];
  while (inFlight > 0) {
    const count = io_getevents(ctx, 1, buffers.length, events, null);
    for (const { data, obj, res } of events.slice(0, count)) {
      const { slot, offset, reading } = data as { slot: number; offset: number; reading: boolean };
      assert.ok(res > 0, `A request came to ${res}`);
      inFlight--;
      if (reading) {
        // The end of the file is written whole, as O_DIRECT wants it, and cut off afterwards.
        io_prep_pwrite(obj, to, buffers[slot] as Buffer, block, offset);
        obj.data = { slot, offset, reading: false };
        assert.equal(io_submit(ctx, 1, [obj]), 1);
        inFlight++;
      } else {
        start(slot);
      }
    }
  }
  ftruncateSync(to, bytes);
}

/** Whether a buffer holds nothing but zeros and one other byte. */
function holdsOnly(buffer: Buffer, count: number, byte: number): boolean {
  for (let i = 0; i < count; i++) if (buffer[i] !== 0 && buffer[i] !== byte) return false;
  return true;
}

/** Leaves blocks behind on the device that hold something else than zeros. */
function dirty(dir: string): void {
  const path = join(dir, "junk");
  const fd = openSync(path, O_RDWR | O_CREAT | O_DIRECT, 0o600);
  const junk = proactor.allocate(256 * 1024);
  junk.fill(0xaa);
  for (let i = 0; i < 16; i++) writeSync(fd, junk, 0, junk.length, i * junk.length);
  proactor.release(junk);
  closeSync(fd);
  unlinkSync(path);
}

describe("linux_aio: LTP, ltp-aiodio", () => {
  for (const [depth, block, direct] of [
    [1, 4096, true],
    [16, 4096, true],
    [16, 65_536, true],
    [8, 1024, false],
  ] as const) {
    const name = `${depth} at a time, ${block} bytes each${direct ? ", O_DIRECT" : ""}`;
    aioIt(`LTP aiocp: a copy is the same: ${name}`, () =>
      withTempDir((dir) =>
        withContext(depth, (ctx) =>
          withBuffers(depth, Math.max(block, PAGE), (pages) => {
            const buffers = pages.map((page) => page.subarray(0, block));
            const bytes = 512 * 1024 + 777;
            const content = Buffer.alloc(bytes);
            for (let i = 0; i < bytes; i++) content[i] = (i * 31 + (i >> 9)) & 0xff;
            const [from, to] = [join(dir, "from"), join(dir, "to")];
            writeFileSync(from, content);
            const flags = direct ? O_DIRECT : 0;
            const source = openSync(from, flags);
            const target = openSync(to, O_RDWR | O_CREAT | flags, 0o600);
            copy(ctx, source, target, bytes, buffers);
            closeSync(source);
            closeSync(target);
            assert.equal(Buffer.compare(readFileSync(to), content), 0);
          }),
        ),
      ),
    );
  }

  aioIt(
    "LTP aiodio_append: who reads along an append sees zeros, never what was there before",
    () =>
      withTempDir((dir) =>
        withContext(16, (ctx) =>
          withBuffers(16, PAGE, (buffers) => {
            dirty(dir);
            const path = join(dir, "file");
            const fd = openSync(path, O_RDWR | O_CREAT | O_DIRECT, 0o600);
            const reader = openSync(path, "r");
            for (const buffer of buffers) buffer.fill(0);
            const seen = Buffer.alloc(64 * 1024);
            let at = 0;
            for (let round = 0; round < 32; round++) {
              const blocks = writes(fd, buffers, (i) => (round * 16 + i) * PAGE);
              assert.equal(io_submit(ctx, 16, blocks), 16);
              for (let done = 0; done < 16; ) {
                const count = readSync(reader, seen, 0, seen.length, at);
                assert.ok(holdsOnly(seen, count, 0), `Junk after ${at}`);
                at += count;
                done += io_getevents(ctx, 0, 16, [], NOW);
              }
            }
            assert.equal(readFileSync(path).length, 32 * 16 * PAGE);
            closeSync(fd);
            closeSync(reader);
          }),
        ),
      ),
  );

  for (const [name, flags] of [
    ["aiodio_sparse", O_DIRECT],
    ["dio_sparse", O_DIRECT | O_SYNC],
    ["dirty", O_DIRECT],
  ] as const) {
    aioIt(`LTP ${name}: holes that are being filled read as zeros, or as what was written`, () =>
      withTempDir((dir) =>
        withContext(16, (ctx) =>
          withBuffers(16, PAGE, (buffers) => {
            if (name === "dirty") dirty(dir);
            const path = join(dir, "file");
            const fd = openSync(path, O_RDWR | O_CREAT | flags, 0o600);
            const bytes = 64 * 16 * PAGE;
            ftruncateSync(fd, bytes);
            const reader = openSync(path, "r");
            for (const buffer of buffers) buffer.fill(0x5a);
            const seen = Buffer.alloc(256 * 1024);
            for (let round = 0; round < 32; round++) {
              // Every other block, from the end to the start: the rest stays a hole.
              const blocks = writes(fd, buffers, (i) => bytes - (round * 32 + i * 2 + 1) * PAGE);
              assert.equal(io_submit(ctx, 16, blocks), 16);
              for (let done = 0, at = 0; done < 16; at += seen.length) {
                const count = readSync(reader, seen, 0, seen.length, at % bytes);
                assert.ok(holdsOnly(seen, count, 0x5a));
                done += io_getevents(ctx, 0, 16, [], NOW);
              }
            }
            const content = readFileSync(path);
            for (let block = 0; block < bytes / PAGE; block++) {
              assert.equal(content[block * PAGE], block % 2 === 1 ? 0x5a : 0, `block ${block}`);
            }
            closeSync(fd);
            closeSync(reader);
          }),
        ),
      ),
    );
  }

  aioIt("LTP dio_truncate: direct reads of a file that grows and shrinks see data or zeros", () =>
    withTempDir((dir) =>
      withContext(16, (ctx) =>
        withBuffers(16, PAGE, (buffers) => {
          dirty(dir);
          const path = join(dir, "file");
          const fd = openSync(path, O_RDWR | O_CREAT, 0o600);
          const direct = openSync(path, O_DIRECT);
          const data = Buffer.alloc(16 * PAGE, 0x5a);
          for (let round = 0; round < 100; round++) {
            writeSync(fd, data, 0, data.length, 0);
            const blocks = reads(direct, buffers, (i) => i * PAGE);
            assert.equal(io_submit(ctx, 16, blocks), 16);
            ftruncateSync(fd, (round % 16) * PAGE);
            ftruncateSync(fd, 16 * PAGE);
            const events: io_event[] = [];
            assert.equal(io_getevents(ctx, 16, 16, events, null), 16);
            for (const { obj, res } of events) {
              assert.ok(res >= 0 && res <= PAGE, `A read came to ${res}`);
              assert.ok(holdsOnly(obj.buf as Buffer, res, 0x5a));
            }
          }
          closeSync(fd);
          closeSync(direct);
        }),
      ),
    ),
  );

  // LTP's own numbers are gigabytes and minutes.
  aioIt("LTP aio-stress: four files, written, read and read at random, with 64 on their way", () =>
    withTempDir((dir) =>
      withContext(64, (ctx) =>
        withBuffers(64, PAGE, (buffers) => {
          const blocks = 128;
          const fds = [0, 1, 2, 3].map((i) =>
            openSync(join(dir, `file${i}`), O_RDWR | O_CREAT | O_DIRECT, 0o600),
          );
          const stamp = (fd: number, block: number) => (fd * 1000 + block) >>> 0;
          const run = (kind: "read" | "write", order: (i: number) => number) => {
            const free = [...buffers.keys()];
            const total = fds.length * blocks;
            let next = 0;
            for (let done = 0; done < total; ) {
              while (free.length > 0 && next < total) {
                const slot = free.pop() as number;
                const place = order(next++);
                const [file, block] = [place % fds.length, Math.floor(place / fds.length)];
                const buffer = buffers[slot] as Buffer;
                const request = new iocb();
                const prepare = kind === "read" ? io_prep_pread : io_prep_pwrite;
                if (kind === "write") buffer.fill(0).writeUInt32LE(stamp(file, block));
                prepare(request, fds[file] as number, buffer, PAGE, block * PAGE);
                request.data = { slot, expected: stamp(file, block) };
                assert.equal(io_submit(ctx, 1, [request]), 1);
              }
              const events: io_event[] = [];
              const count = io_getevents(ctx, 1, 64, events, null);
              for (const { data, res } of events.slice(0, count)) {
                const { slot, expected } = data as { slot: number; expected: number };
                assert.equal(res, PAGE);
                if (kind === "read") assert.equal(buffers[slot]?.readUInt32LE(), expected);
                free.push(slot);
              }
              done += count;
            }
          };
          run("write", (i) => i);
          run("read", (i) => i);
          run("read", (i) => (i * 277) % (fds.length * blocks));
          run("write", (i) => (i * 277) % (fds.length * blocks));
          run("read", (i) => i);
          for (const fd of fds) closeSync(fd);
        }),
      ),
    ),
  );
});
