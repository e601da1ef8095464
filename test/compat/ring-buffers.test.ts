import assert from "node:assert/strict";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  AF_UNIX,
  addressOf,
  type BufRing,
  EINVAL,
  ENOBUFS,
  ENOENT,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_RECVSEND_BUNDLE,
  IOSQE_BUFFER_SELECT,
  IOU_PBUF_RING_INC,
  IOU_PBUF_RING_MMAP,
  MSG_NOSIGNAL,
  MSG_WAITALL,
  msghdr,
  type Ring,
  readSockaddr,
  recvmsgValidate,
  SOCK_DGRAM,
  SOCKADDR_STORAGE_SIZE,
  Struct,
  sockaddrUn,
} from "../../src/compat/ring/index.ts";
import { withTempDir } from "../support/temp-dir.ts";
import {
  type Completed,
  complete,
  expectRes,
  fifo,
  lendable,
  ok,
  page,
  prepare,
  smallRing,
  sockets,
  submit,
  uringIt,
} from "./ring-support.ts";

/**
 * Before Linux 6.10 the groups below 64 are all there, empty, as soon as there is one: to be gone
 * is for the others.
 */
const GROUP = 67;

const PBUF = [
  "IORING_REGISTER_PBUF_RING",
  "IORING_UNREGISTER_PBUF_RING",
  "IOSQE_BUFFER_SELECT",
] as const;

/** The id of the buffer that a completion used. */
function bufferOf({ flags }: Completed): number {
  assert.equal(flags & IORING_CQE_F_BUFFER, IORING_CQE_F_BUFFER);
  return flags >>> 16;
}

/** A ring of provided buffers, all of them in it, with ids from 0 on. */
function provided(
  ring: Ring,
  { count, bytes, flags = 0 }: { count: number; bytes: number; flags?: number },
): [BufRing, Buffer[]] {
  const br = ring.setupBufRing(count, GROUP, flags);
  const buffers = Array.from({ length: count }, () => lendable(bytes));
  buffers.forEach((buffer, bid) => {
    ring.bufRingAdd(br, buffer, bytes, bid, bid);
  });
  ring.bufRingAdvance(br, count);
  return [br, buffers];
}

/** Submits a request that takes its buffers out of the group. */
function select(ring: Ring, prep: (sqe: number) => void, data: number): void {
  const sqe = prepare(ring, prep, { data });
  ring.sqeSetFlags(sqe, IOSQE_BUFFER_SELECT);
  ring.sqeSetBufGroup(sqe, GROUP);
  submit(ring, 1);
}

/** Sends text, and takes the completion of that. */
function send(ring: Ring, fd: number, text: string): void {
  const bytes = lendable(text);
  prepare(ring, (sqe) => ring.prepSend(sqe, fd, bytes, bytes.length, MSG_NOSIGNAL), { data: 99 });
  submit(ring, 1);
}

/** The one completion that is not that of `send`. */
function received(completions: readonly Completed[]): Completed {
  const [found, ...others] = completions.filter(({ data }) => data !== 99);
  assert.ok(found !== undefined && others.length === 0);
  return found;
}

describe("prepProvideBuffers, prepRemoveBuffers", () => {
  uringIt(
    "give buffers to a group and take them back",
    ["IORING_OP_PROVIDE_BUFFERS", "IORING_OP_REMOVE_BUFFERS", "IOSQE_BUFFER_SELECT"],
    () =>
      withTempDir((dir) => {
        using ring = smallRing();
        using pipe = fifo(dir);
        const memory = page();
        ok(ring, (sqe) => ring.prepProvideBuffers(sqe, memory, 16, 4, GROUP, 100));
        writeSync(pipe.b, "take it");
        const read = (sqe: number) => ring.prepRead(sqe, pipe.a, null, 16, -1);
        select(ring, read, 1);
        const [first] = complete(ring, 1);
        assert.equal(first?.res, 7);
        const at = (bufferOf(first) - 100) * 16;
        assert.ok(at >= 0 && at < 64);
        assert.equal(memory.toString("latin1", at, at + 7), "take it");
        expectRes(ring, 3, (sqe) => ring.prepRemoveBuffers(sqe, 8, GROUP));
        writeSync(pipe.b, "nobody takes this");
        select(ring, read, 2);
        assert.equal(complete(ring, 1)[0]?.res, -ENOBUFS);
        expectRes(ring, -ENOENT, (sqe) => ring.prepRemoveBuffers(sqe, 1, GROUP + 1));
      }, "ring"),
  );
});

describe("setupBufRing", () => {
  uringIt("hands buffers out, and takes them again", PBUF, async () => {
    using pair = await sockets();
    using ring = smallRing();
    const [br, buffers] = provided(ring, { count: 4, bytes: 16 });
    for (let round = 0; round < 70; round++) {
      send(ring, pair.a, `round ${round}`);
      select(ring, (sqe) => ring.prepRecv(sqe, pair.b, null, 0, 0), 1);
      const one = received(complete(ring, 2));
      const bid = bufferOf(one);
      assert.equal(buffers[bid]?.toString("latin1", 0, one.res), `round ${round}`);
      ring.bufRingAdd(br, buffers[bid] ?? lendable(0), 16, bid, 0);
      ring.bufRingAdvance(br, 1);
    }
    assert.equal(ring.freeBufRing(br), 0);
    assert.equal(ring.freeBufRing(br), -ENOENT);
  });

  uringIt("runs out of buffers", PBUF, async () => {
    using pair = await sockets();
    using ring = smallRing();
    provided(ring, { count: 1, bytes: 16 });
    for (const expected of [1, -ENOBUFS]) {
      send(ring, pair.a, "x");
      select(ring, (sqe) => ring.prepRecv(sqe, pair.b, null, 0, 0), 1);
      assert.equal(received(complete(ring, 2)).res, expected);
    }
  });

  uringIt("takes memory of the kernel's own", PBUF, async (t) => {
    using pair = await sockets();
    using ring = smallRing();
    let made: [BufRing, Buffer[]];
    try {
      made = provided(ring, { count: 8, bytes: 16, flags: IOU_PBUF_RING_MMAP });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EINVAL");
      t.skip("IOU_PBUF_RING_MMAP is newer than this kernel (6.4)");
      return;
    }
    send(ring, pair.a, "mapped");
    select(ring, (sqe) => ring.prepRecv(sqe, pair.b, null, 0, 0), 1);
    const one = received(complete(ring, 2));
    assert.equal(made[1][bufferOf(one)]?.toString("latin1", 0, 6), "mapped");
  });

  uringIt("tells how many the kernel took", [...PBUF, "IORING_REGISTER_PBUF_STATUS"], async () => {
    using pair = await sockets();
    using ring = smallRing();
    const [br] = provided(ring, { count: 4, bytes: 16 });
    assert.deepEqual([ring.bufRingHead(GROUP), ring.bufRingAvailable(br)], [0, 4]);
    send(ring, pair.a, "x");
    select(ring, (sqe) => ring.prepRecv(sqe, pair.b, null, 0, 0), 1);
    complete(ring, 2);
    assert.deepEqual([ring.bufRingHead(GROUP), ring.bufRingAvailable(br)], [1, 3]);
    assert.equal(ring.bufRingHead(GROUP + 1), -ENOENT);
    assert.equal(ring.bufRingMask(4), 3);
  });

  uringIt("uses buffers bit by bit", [...PBUF, "IORING_REGISTER_PBUF_STATUS"], async (t) => {
    using pair = await sockets();
    using ring = smallRing();
    let made: [BufRing, Buffer[]];
    try {
      made = provided(ring, { count: 1, bytes: 32, flags: IOU_PBUF_RING_INC });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EINVAL");
      t.skip("IOU_PBUF_RING_INC is newer than this kernel (6.12)");
      return;
    }
    let at = 0;
    for (const text of ["first ", "second ", "third"]) {
      send(ring, pair.a, text);
      select(ring, (sqe) => ring.prepRecv(sqe, pair.b, null, 0, 0), 1);
      const one = received(complete(ring, 2));
      assert.equal(one.flags & IORING_CQE_F_BUF_MORE, IORING_CQE_F_BUF_MORE);
      assert.equal(made[1][bufferOf(one)]?.toString("latin1", at, at + one.res), text);
      at += one.res;
    }
    assert.equal(ring.bufRingHead(GROUP), 0, "The buffer is still in the ring");
  });

  uringIt("is registered by hand", PBUF, async () => {
    using pair = await sockets();
    using ring = smallRing();
    const br = ring.bufRingInit(page().buffer as ArrayBuffer, 4, GROUP);
    assert.equal(ring.registerBufRing(br, 0), 0);
    assert.ok(ring.registerBufRing(br, 0) < 0, "The group is taken");
    const buffer = page();
    ring.bufRingAdd(br, addressOf(buffer), 4096, 7, 0);
    ring.bufRingAdvance(br, 1);
    send(ring, pair.a, "by hand");
    select(ring, (sqe) => ring.prepRecv(sqe, pair.b, null, 0, 0), 1);
    assert.equal(bufferOf(received(complete(ring, 2))), 7);
    assert.equal(buffer.toString("latin1", 0, 7), "by hand");
    assert.equal(ring.unregisterBufRing(GROUP), 0);
    assert.throws(() => ring.setupBufRing(3, GROUP), { code: "EINVAL" });
  });
});

describe("multishot receive", () => {
  uringIt("goes on until the end of the stream", [...PBUF, "IORING_OP_RECV"], async () => {
    const pair = await sockets();
    using ring = smallRing(16);
    const [br, buffers] = provided(ring, { count: 8, bytes: 16 });
    select(ring, (sqe) => ring.prepRecvMultishot(sqe, pair.b, null, 0, 0), 1);
    for (const text of ["one", "two", "three"]) {
      send(ring, pair.a, text);
      const one = received(complete(ring, 2));
      assert.equal(one.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
      const bid = bufferOf(one);
      assert.equal(buffers[bid]?.toString("latin1", 0, one.res), text);
      ring.bufRingAdd(br, buffers[bid] ?? lendable(0), 16, bid, 0);
      ring.bufRingAdvance(br, 1);
    }
    assert.equal(ring.requestsInFlight, 1);
    prepare(ring, (sqe) => ring.prepShutdown(sqe, pair.a, 1), { data: 99 });
    submit(ring, 1);
    const end = received(complete(ring, 2));
    assert.deepEqual([end.res, end.flags & IORING_CQE_F_MORE], [0, 0]);
    assert.equal(ring.requestsInFlight, 0);
    pair[Symbol.dispose]();
  });

  uringIt("ends when the buffers do", [...PBUF, "IORING_OP_RECV"], async () => {
    using pair = await sockets();
    using ring = smallRing(16);
    provided(ring, { count: 2, bytes: 4 });
    send(ring, pair.a, "four and more of it");
    complete(ring, 1);
    select(ring, (sqe) => ring.prepRecvMultishot(sqe, pair.b, null, 0, 0), 1);
    const all = complete(ring, 3);
    assert.deepEqual(
      all.map(({ res }) => res),
      [4, 4, -ENOBUFS],
    );
    assert.equal((all[2]?.flags ?? 0) & IORING_CQE_F_MORE, 0);
    assert.equal(ring.requestsInFlight, 0);
  });

  uringIt("reads pipes", [...PBUF, "IORING_OP_READ_MULTISHOT"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      const [, buffers] = provided(ring, { count: 4, bytes: 16 });
      prepare(ring, (sqe) => ring.prepReadMultishot(sqe, pipe.a, 0, -1, GROUP), { data: 1 });
      submit(ring, 1);
      for (const text of ["tick", "tock"]) {
        writeSync(pipe.b, text);
        const [one] = complete(ring, 1);
        assert.ok(one !== undefined);
        assert.equal(one.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
        assert.equal(buffers[bufferOf(one)]?.toString("latin1", 0, 4), text);
      }
    }, "ring"),
  );

  uringIt("takes messages apart", [...PBUF, "IORING_OP_RECVMSG", "IORING_OP_BIND"], () =>
    withTempDir((dir) => {
      using ring = smallRing(16);
      const [to, from] = [0, 1].map(() =>
        ok(ring, (sqe) => ring.prepSocket(sqe, AF_UNIX, SOCK_DGRAM, 0, 0)),
      ) as [number, number];
      const target = sockaddrUn(join(dir, "to"));
      const source = sockaddrUn(join(dir, "from"));
      ok(ring, (sqe) => ring.prepBind(sqe, to, target, target.byteLength));
      ok(ring, (sqe) => ring.prepBind(sqe, from, source, source.byteLength));
      const [, buffers] = provided(ring, { count: 4, bytes: 256 });
      // Only the lengths of this message count: everything lies in the provided buffer.
      const message = msghdr({ name: new Struct(SOCKADDR_STORAGE_SIZE) });
      select(ring, (sqe) => ring.prepRecvmsgMultishot(sqe, to, message, 0), 1);
      const bytes = lendable("datagram");
      prepare(ring, (sqe) => ring.prepSendto(sqe, from, bytes, 8, 0, target, target.byteLength), {
        data: 99,
      });
      submit(ring, 1);
      const one = received(complete(ring, 2));
      const buffer = buffers[bufferOf(one)] ?? lendable(0);
      const out = recvmsgValidate(buffer, one.res, message);
      assert.equal(out?.payload.toString(), "datagram");
      assert.equal(out.payloadLength, 8);
      const name = readSockaddr(out.name, out.nameLength);
      assert.equal(name?.family === "unix" && name.path, join(dir, "from"));
      assert.equal(recvmsgValidate(buffer, 8, message), undefined);
      closeSync(to);
      closeSync(from);
    }, "ring"),
  );
});

describe("bundles", () => {
  uringIt("receive into several buffers at once", [...PBUF, "IORING_OP_RECV"], async (t) => {
    using pair = await sockets();
    using ring = smallRing();
    if ((ring.features & IORING_FEAT_RECVSEND_BUNDLE) === 0) {
      t.skip("IORING_FEAT_RECVSEND_BUNDLE is newer than this kernel (6.10)");
      return;
    }
    const [, buffers] = provided(ring, { count: 4, bytes: 4 });
    send(ring, pair.a, "0123456789");
    complete(ring, 1);
    select(
      ring,
      (sqe) => {
        ring.prepRecv(sqe, pair.b, null, 0, 0);
        ring.sqeSetIoprio(sqe, IORING_RECVSEND_BUNDLE);
      },
      1,
    );
    const [one] = complete(ring, 1);
    // How many buffers it is the kernel decides; more than one is a bundle.
    assert.ok(one !== undefined && one.res > 4, String(one?.res));
    assert.equal(bufferOf(one), 0, "The first of them");
    const text = Buffer.concat(buffers).toString("latin1", 0, one.res);
    assert.equal(text, "0123456789".slice(0, one.res));
  });

  uringIt("send several buffers at once", [...PBUF, "IORING_OP_SEND"], async (t) => {
    using pair = await sockets();
    using ring = smallRing();
    if ((ring.features & IORING_FEAT_RECVSEND_BUNDLE) === 0) {
      t.skip("IORING_FEAT_RECVSEND_BUNDLE is newer than this kernel (6.10)");
      return;
    }
    const br = ring.setupBufRing(4, GROUP);
    ["one ", "two ", "three"].forEach((text, bid) => {
      ring.bufRingAdd(br, lendable(text), text.length, bid, bid);
    });
    ring.bufRingAdvance(br, 3);
    select(ring, (sqe) => ring.prepSendBundle(sqe, pair.a, 0, 0), 1);
    assert.equal(complete(ring, 1)[0]?.res, 13);
    const buffer = page();
    expectRes(ring, 13, (sqe) => ring.prepRecv(sqe, pair.b, buffer, 13, MSG_WAITALL));
    assert.equal(buffer.toString("latin1", 0, 13), "one two three");
  });
});

describe("registerBuffers", () => {
  uringIt(
    "leaves places empty, fills and replaces them, and tells when they are free",
    ["IORING_REGISTER_BUFFERS2", "IORING_REGISTER_BUFFERS_UPDATE", "IORING_OP_READ_FIXED"],
    () =>
      withTempDir((dir) => {
        using ring = smallRing();
        writeFileSync(join(dir, "file"), "content");
        const fd = openSync(join(dir, "file"), "r");
        assert.equal(ring.registerBuffersSparse(4), 0);
        const [a, b] = [page(), page()];
        const read = (buffer: Buffer, index: number) => (sqe: number) => {
          ring.prepReadFixed(sqe, fd, buffer, 7, 0, index);
        };
        assert.ok(ring.registerBuffersSparse(4) < 0, "There is a table already");
        const noTags = new BigUint64Array(2);
        assert.equal(ring.registerBuffersUpdateTag(1, [a, b], noTags), 2);
        ok(ring, read(b, 2));
        assert.equal(b.toString("latin1", 0, 7), "content");
        // A high word of all ones: nobody's request.
        const tag = new BigUint64Array([0xffff_ffff_0000_0007n]);
        assert.equal(ring.registerBuffersUpdateTag(1, [b], tag), 1);
        assert.equal(ring.registerBuffersUpdateTag(1, [null], new BigUint64Array(1)), 1);
        const freed = complete(ring, 1)[0];
        assert.deepEqual([freed?.data, freed?.res], [7, 0]);
        assert.equal(ring.requestsInFlight, 0);
        assert.ok(ring.registerBuffersUpdateTag(4, [a], new BigUint64Array(1)) < 0);
        assert.equal(ring.unregisterBuffers(), 0);
        assert.equal(ring.registerBuffersTags([a, null], noTags), 0);
        ok(ring, read(a, 0));
        closeSync(fd);
      }, "ring"),
  );

  uringIt("shares buffers with another ring", ["IORING_REGISTER_CLONE_BUFFERS"], (t) =>
    withTempDir((dir) => {
      using first = smallRing();
      using second = smallRing();
      writeFileSync(join(dir, "file"), "cloned");
      const fd = openSync(join(dir, "file"), "r");
      const buffers = [page(), page()] as const;
      assert.equal(first.registerBuffers(buffers), 0);
      assert.equal(second.cloneBuffers(first), 0);
      assert.equal(first.unregisterBuffers(), 0);
      ok(second, (sqe) => second.prepReadFixed(sqe, fd, buffers[1], 6, 0, 1));
      assert.equal(buffers[1].toString("latin1", 0, 6), "cloned");
      using third = smallRing();
      const part = { dstOff: 3, srcOff: 1, nr: 1, flags: 0 };
      const result = third.cloneBuffersOffset(second, part);
      if (result === -EINVAL) t.skip("offsets are newer than this kernel (6.13)");
      else {
        assert.equal(result, 0);
        ok(third, (sqe) => third.prepReadFixed(sqe, fd, buffers[1], 6, 0, 3));
      }
      closeSync(fd);
    }, "ring"),
  );
});
