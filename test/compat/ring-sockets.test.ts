import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  allocate,
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  EINVAL,
  EPIPE,
  IORING_ACCEPT_DONTWAIT,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_FILE_INDEX_ALLOC,
  IORING_NOTIF_USAGE_ZC_COPIED,
  IORING_RECVSEND_POLL_FIRST,
  IORING_SEND_VECTORIZED,
  IORING_SEND_ZC_REPORT_USAGE,
  IOSQE_FIXED_FILE,
  iovec,
  MSG_NOSIGNAL,
  MSG_WAITALL,
  messageControlLength,
  messageFlags,
  messageNameLength,
  msghdr,
  type Ring,
  readSockaddr,
  SHUT_WR,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOCKADDR_STORAGE_SIZE,
  SOCKET_URING_OP_GETSOCKOPT,
  SOCKET_URING_OP_SETSOCKOPT,
  SOCKET_URING_OP_SIOCINQ,
  SOCKET_URING_OP_SIOCOUTQ,
  SOL_SOCKET,
  Struct,
  scmRights,
  sockaddr,
  sockaddrUn,
} from "../../src/compat/ring/index.ts";
import { withTempDir } from "../support/temp-dir.ts";
import {
  byData,
  complete,
  expectRes,
  kernelIs,
  lendable,
  lendableInt32s,
  lendableUint32s,
  ok,
  page,
  prepare,
  run,
  smallRing,
  sockets,
  submit,
  uringIt,
  uringRefused,
} from "./ring-support.ts";

/** A listening TCP socket on the loopback interface, and its address. */
function listener(ring: Ring, host = "127.0.0.1"): { fd: number; address: Struct } {
  const family = host === "::1" ? AF_INET6 : AF_INET;
  const fd = ok(ring, (sqe) => ring.prepSocket(sqe, family, SOCK_STREAM | SOCK_CLOEXEC, 0, 0));
  // Not port 0: getsockname(2) has no opcode that every kernel with BIND knows.
  for (let port = 20_000 + (process.pid % 20_000); ; port++) {
    const address = sockaddr(host, port);
    const res = run(ring, (sqe) => ring.prepBind(sqe, fd, address, address.byteLength));
    if (res === -EADDRINUSE) continue;
    assert.equal(res, 0);
    expectRes(ring, 0, (sqe) => ring.prepListen(sqe, fd, 16));
    return { fd, address };
  }
}

/** A socket that connects; the answer is for `complete`. */
function connecting(ring: Ring, address: Struct, data: number): number {
  const fd = ok(ring, (sqe) => ring.prepSocket(sqe, AF_INET, SOCK_STREAM, 0, 0));
  prepare(ring, (sqe) => ring.prepConnect(sqe, fd, address, address.byteLength), { data });
  submit(ring, 1);
  return fd;
}

describe("prepSocket, prepBind, prepListen, prepAccept, prepConnect", () => {
  uringIt(
    "connect two sockets that only the ring made",
    [
      "IORING_OP_SOCKET",
      "IORING_OP_BIND",
      "IORING_OP_LISTEN",
      "IORING_OP_ACCEPT",
      "IORING_OP_CONNECT",
    ],
    () => {
      using ring = smallRing();
      const { fd: server, address } = listener(ring);
      const peer = allocate(4096);
      const length = lendableUint32s([SOCKADDR_STORAGE_SIZE]);
      prepare(ring, (sqe) => ring.prepAccept(sqe, server, peer, length, SOCK_CLOEXEC), { data: 1 });
      submit(ring, 1);
      const client = connecting(ring, address, 2);
      const done = byData(complete(ring, 2));
      assert.equal(done.get(2)?.res, 0);
      const accepted = done.get(1)?.res ?? -1;
      assert.ok(accepted > 0);
      assert.equal(length[0], 16);
      const from = readSockaddr(peer, length[0]);
      assert.equal(from?.family === "IPv4" && from.address, "127.0.0.1");
      for (const fd of [server, client, accepted]) ok(ring, (sqe) => ring.prepClose(sqe, fd));
      const late = ok(ring, (sqe) => ring.prepSocket(sqe, AF_INET, SOCK_STREAM, 0, 0));
      expectRes(ring, -ECONNREFUSED, (sqe) => {
        ring.prepConnect(sqe, late, address, address.byteLength);
      });
      closeSync(late);
    },
  );

  uringIt("know IPv6 and the file system", ["IORING_OP_BIND", "IORING_OP_LISTEN"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const six = listener(ring, "::1");
      closeSync(six.fd);
      const path = join(dir, "socket");
      const address = sockaddrUn(path);
      const fd = ok(ring, (sqe) => ring.prepSocket(sqe, AF_UNIX, SOCK_STREAM, 0, 0));
      ok(ring, (sqe) => ring.prepBind(sqe, fd, address, address.byteLength));
      ok(ring, (sqe) => ring.prepListen(sqe, fd, 1));
      const client = ok(ring, (sqe) => ring.prepSocket(sqe, AF_UNIX, SOCK_STREAM, 0, 0));
      ok(ring, (sqe) => ring.prepConnect(sqe, client, address, address.byteLength));
      const accepted = ok(ring, (sqe) => ring.prepAccept(sqe, fd, null, null, 0));
      for (const one of [fd, client, accepted]) closeSync(one);
    }, "ring"),
  );

  uringIt("accept without end", ["IORING_OP_ACCEPT", "IORING_OP_BIND"], () => {
    using ring = smallRing(16);
    const { fd: server, address } = listener(ring);
    prepare(ring, (sqe) => ring.prepMultishotAccept(sqe, server, null, null, 0), { data: 1 });
    submit(ring, 1);
    for (let round = 0; round < 3; round++) {
      const client = connecting(ring, address, 2);
      const done = byData(complete(ring, 2));
      const accepted = done.get(1);
      assert.ok(accepted !== undefined && accepted.res > 0);
      assert.equal(accepted.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
      closeSync(client);
      closeSync(accepted.res);
    }
    assert.equal(ring.requestsInFlight, 1);
    closeSync(server);
  });

  uringIt("accept into the table of files", ["IORING_OP_ACCEPT", "IORING_OP_BIND"], () => {
    using ring = smallRing(16);
    assert.equal(ring.registerFilesSparse(4), 0);
    const { fd: server, address } = listener(ring);
    prepare(ring, (sqe) => ring.prepAcceptDirect(sqe, server, null, null, 0, 3), { data: 1 });
    submit(ring, 1);
    const first = connecting(ring, address, 2);
    assert.equal(byData(complete(ring, 2)).get(1)?.res, 0);
    prepare(ring, (sqe) => ring.prepMultishotAcceptDirect(sqe, server, null, null, 0), { data: 1 });
    submit(ring, 1);
    const second = connecting(ring, address, 2);
    const place = byData(complete(ring, 2)).get(1)?.res ?? -1;
    assert.ok(place >= 0 && place < 3);
    expectRes(ring, 2, (sqe) => ring.prepSend(sqe, place, lendable("hi"), 2, 0), IOSQE_FIXED_FILE);
    const buffer = lendable(2);
    expectRes(ring, 2, (sqe) => ring.prepRecv(sqe, second, buffer, 2, 0));
    assert.equal(buffer.toString(), "hi");
    for (const fd of [server, first, second]) closeSync(fd);
  });

  uringIt("do not wait when told so", ["IORING_OP_ACCEPT", "IORING_OP_BIND"], () => {
    using ring = smallRing();
    const { fd } = listener(ring);
    expectRes(ring, -EAGAIN, (sqe) => {
      ring.prepAccept(sqe, fd, null, null, 0);
      ring.sqeSetIoprio(sqe, IORING_ACCEPT_DONTWAIT);
    });
    closeSync(fd);
  });

  uringIt("make direct sockets", ["IORING_OP_SOCKET"], () => {
    using ring = smallRing();
    assert.equal(ring.registerFilesSparse(2), 0);
    expectRes(ring, 0, (sqe) => ring.prepSocketDirect(sqe, AF_INET, SOCK_STREAM, 0, 1, 0));
    expectRes(ring, 0, (sqe) => ring.prepSocketDirectAlloc(sqe, AF_INET, SOCK_STREAM, 0, 0));
    assert.ok(run(ring, (sqe) => ring.prepSocketDirectAlloc(sqe, AF_INET, SOCK_STREAM, 0, 0)) < 0);
    expectRes(ring, 0, (sqe) => ring.prepCloseDirect(sqe, 0));
    expectRes(ring, 0, (sqe) => {
      ring.prepSocketDirect(sqe, AF_INET, SOCK_STREAM, 0, IORING_FILE_INDEX_ALLOC, 0);
    });
  });
});

describe("prepSend, prepRecv, prepShutdown", () => {
  uringIt(
    "carry bytes, and the end",
    ["IORING_OP_SEND", "IORING_OP_RECV", "IORING_OP_SHUTDOWN"],
    async () => {
      using pair = await sockets();
      using ring = smallRing();
      const buffer = lendable(16);
      prepare(ring, (sqe) => ring.prepRecv(sqe, pair.b, buffer, 10, MSG_WAITALL), { data: 1 });
      submit(ring, 1);
      expectRes(ring, 5, (sqe) => ring.prepSend(sqe, pair.a, lendable("first"), 5, 0));
      assert.equal(ring.peekCqe(), -EAGAIN, "Five bytes are missing");
      prepare(ring, (sqe) => ring.prepSend(sqe, pair.a, lendable("later"), 5, 0), { data: 2 });
      submit(ring, 1);
      assert.equal(byData(complete(ring, 2)).get(1)?.res, 10);
      assert.equal(buffer.toString("latin1", 0, 10), "firstlater");
      expectRes(ring, 0, (sqe) => ring.prepShutdown(sqe, pair.a, SHUT_WR));
      expectRes(ring, 0, (sqe) => ring.prepRecv(sqe, pair.b, buffer, 10, 0));
      expectRes(ring, -EPIPE, (sqe) => {
        ring.prepSend(sqe, pair.a, lendable("x"), 1, MSG_NOSIGNAL);
      });
    },
  );

  uringIt("wait first when told to poll", ["IORING_OP_RECV", "IORING_OP_SEND"], async (t) => {
    if (!kernelIs("5.19")) {
      t.skip("IORING_RECVSEND_POLL_FIRST is newer than this kernel (5.19)");
      return;
    }
    using pair = await sockets();
    using ring = smallRing();
    prepare(
      ring,
      (sqe) => {
        ring.prepRecv(sqe, pair.b, page(), 100, 0);
        ring.sqeSetIoprio(sqe, IORING_RECVSEND_POLL_FIRST);
      },
      { data: 1 },
    );
    prepare(ring, (sqe) => ring.prepSend(sqe, pair.a, lendable("x"), 1, 0), { data: 2 });
    submit(ring, 2);
    assert.equal(byData(complete(ring, 2)).get(1)?.res, 1);
  });

  uringIt(
    "send to an address, several buffers at once",
    ["IORING_OP_SEND", "IORING_OP_BIND"],
    (t) => {
      using ring = smallRing();
      const to = ok(ring, (sqe) => ring.prepSocket(sqe, AF_UNIX, SOCK_DGRAM, 0, 0));
      const from = ok(ring, (sqe) => ring.prepSocket(sqe, AF_UNIX, SOCK_DGRAM, 0, 0));
      const address = sockaddrUn(`\0proactor-${process.pid}`);
      ok(ring, (sqe) => ring.prepBind(sqe, to, address, address.byteLength));
      expectRes(ring, 5, (sqe) => {
        ring.prepSendto(sqe, from, lendable("hello"), 5, 0, address, address.byteLength);
      });
      const buffer = lendable(16);
      expectRes(ring, 5, (sqe) => ring.prepRecv(sqe, to, buffer, 16, 0));
      assert.equal(buffer.toString("latin1", 0, 5), "hello");
      const vectors = iovec([lendable("one"), lendable("two")]);
      const res = run(ring, (sqe) => {
        ring.prepSendto(sqe, from, vectors, 2, 0, address, address.byteLength);
        ring.sqeSetIoprio(sqe, IORING_SEND_VECTORIZED);
      });
      closeSync(to);
      closeSync(from);
      if (res === -EINVAL) t.skip("IORING_SEND_VECTORIZED is newer than this kernel (6.17)");
      else assert.equal(res, 6);
    },
  );
});

describe("prepSendmsg, prepRecvmsg", () => {
  uringIt(
    "carry names, control messages and vectors",
    ["IORING_OP_SENDMSG", "IORING_OP_RECVMSG", "IORING_OP_BIND"],
    () =>
      withTempDir((dir) => {
        using ring = smallRing();
        const to = ok(ring, (sqe) => ring.prepSocket(sqe, AF_UNIX, SOCK_DGRAM, 0, 0));
        const from = ok(ring, (sqe) => ring.prepSocket(sqe, AF_UNIX, SOCK_DGRAM, 0, 0));
        const address = sockaddrUn(join(dir, "to"));
        const sender = sockaddrUn(join(dir, "from"));
        ok(ring, (sqe) => ring.prepBind(sqe, to, address, address.byteLength));
        ok(ring, (sqe) => ring.prepBind(sqe, from, sender, sender.byteLength));
        const out = msghdr({
          name: address,
          buffers: [lendable("with "), lendable("a socket")],
          control: scmRights([from]),
        });
        expectRes(ring, 13, (sqe) => ring.prepSendmsg(sqe, from, out, 0));
        const name = new Struct(SOCKADDR_STORAGE_SIZE);
        const control = new Struct(64);
        const parts = [lendable(4), lendable(32)] as const;
        const message = msghdr({ name, buffers: parts, control });
        expectRes(ring, 13, (sqe) => ring.prepRecvmsg(sqe, to, message, 0));
        assert.equal(parts[0].toString(), "with");
        assert.equal(parts[1].toString("latin1", 0, 9), " a socket");
        assert.deepEqual(readSockaddr(name, messageNameLength(message)), {
          family: "unix",
          path: join(dir, "from"),
        });
        assert.equal(messageControlLength(message), 24);
        assert.equal(messageFlags(message), 0);
        // The descriptor that came along is another one for the same socket.
        for (const fd of [to, from, control.s32(16)]) closeSync(fd);
      }, "ring"),
  );
});

describe("prepSendZc", () => {
  uringIt(
    "lends the buffer until the notification",
    ["IORING_OP_SEND_ZC", "IORING_OP_SENDMSG_ZC"],
    async () => {
      using pair = await sockets();
      using ring = smallRing();
      const sends: ((sqe: number) => void)[] = [
        (sqe) => {
          ring.prepSendZc(sqe, pair.a, page("zero"), 4096, 0, IORING_SEND_ZC_REPORT_USAGE);
        },
        (sqe) => ring.prepSendmsgZc(sqe, pair.a, msghdr({ buffers: [page("copy")] }), 0),
      ];
      for (const send of sends) {
        prepare(ring, send, { data: 5 });
        submit(ring, 1);
        const [sent] = complete(ring, 1);
        assert.equal(sent?.res, 4096);
        assert.equal(sent.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
        assert.equal(ring.requestsInFlight, 1, "The kernel still has the buffer");
        prepare(ring, (sqe) => ring.prepRecv(sqe, pair.b, page(), 4096, MSG_WAITALL), { data: 6 });
        submit(ring, 1);
        const rest = byData(complete(ring, 2));
        assert.equal(rest.get(6)?.res, 4096);
        const notification = rest.get(5);
        assert.ok(notification !== undefined);
        assert.equal(notification.flags, IORING_CQE_F_NOTIF);
        const usage = [0, IORING_NOTIF_USAGE_ZC_COPIED | 0];
        assert.ok(usage.includes(notification.res), String(notification.res));
        assert.equal(ring.requestsInFlight, 0);
      }
    },
  );

  uringIt(
    "sends out of registered buffers",
    ["IORING_OP_SEND_ZC", "IORING_OP_SENDMSG_ZC", "IORING_REGISTER_BUFFERS"],
    async (t) => {
      using pair = await sockets();
      using ring = smallRing();
      const buffer = page("fixed");
      assert.equal(ring.registerBuffers([buffer]), 0);
      prepare(ring, (sqe) => ring.prepSendZcFixed(sqe, pair.a, buffer, 5, 0, 0, 0));
      submit(ring, 1);
      assert.deepEqual(
        complete(ring, 2).map(({ res }) => res),
        [5, 0],
      );
      expectRes(ring, 5, (sqe) => ring.prepRecv(sqe, pair.b, page(), 5, MSG_WAITALL));
      const message = msghdr({ buffers: [buffer.subarray(0, 3)] });
      prepare(ring, (sqe) => ring.prepSendmsgZcFixed(sqe, pair.a, message, 0, 0));
      submit(ring, 1);
      const [sent] = complete(ring, 1);
      if (sent?.res === -EINVAL) {
        t.skip("SENDMSG_ZC with a registered buffer is newer than this kernel (6.15)");
        return;
      }
      assert.equal(sent?.res, 3);
      complete(ring, 1);
    },
  );
});

describe("prepCmdSock, prepUringCmd", () => {
  uringIt("ask and set socket options", ["IORING_OP_URING_CMD"], async (t) => {
    using pair = await sockets();
    using ring = smallRing();
    const value = lendableInt32s(1);
    const get = (option: number): number =>
      run(ring, (sqe) => {
        const op = SOCKET_URING_OP_GETSOCKOPT;
        ring.prepCmdSock(sqe, op, pair.a, SOL_SOCKET, option, value, 4);
      });
    if (get(SO_TYPE) === -95) {
      t.skip("commands of sockets are newer than this kernel (6.7)");
      return;
    }
    assert.equal(value[0], SOCK_STREAM);
    for (const wanted of [1, 0]) {
      const setting = lendableInt32s([wanted]);
      expectRes(ring, 0, (sqe) => {
        const op = SOCKET_URING_OP_SETSOCKOPT;
        ring.prepCmdSock(sqe, op, pair.a, SOL_SOCKET, SO_KEEPALIVE, setting, 4);
      });
      assert.equal(get(SO_KEEPALIVE), 4);
      assert.equal(value[0], wanted);
    }
    assert.ok(get(SO_ERROR) === 4 && get(SO_REUSEADDR) === 4);
  });

  uringIt("count bytes in the queues", ["IORING_OP_URING_CMD"], async (t) => {
    using pair = await sockets();
    using ring = smallRing();
    const count = (op: number, fd: number) => run(ring, (sqe) => ring.prepUringCmd(sqe, op, fd));
    if (count(SOCKET_URING_OP_SIOCINQ, pair.b) === -95) {
      t.skip("commands of sockets are newer than this kernel (6.7)");
      return;
    }
    ok(ring, (sqe) => ring.prepSend(sqe, pair.a, lendable("four"), 4, 0));
    assert.equal(count(SOCKET_URING_OP_SIOCINQ, pair.b), 4);
    assert.ok(count(SOCKET_URING_OP_SIOCOUTQ, pair.a) >= 0);
  });

  uringIt("tell names, and fit 128 bytes", ["IORING_OP_URING_CMD128"], async () => {
    const { IORING_SETUP_SQE_MIXED, queueInit } = await import("../../src/compat/ring/index.ts");
    using pair = await sockets();
    using ring = queueInit(8, IORING_SETUP_SQE_MIXED);
    const address = new Struct(SOCKADDR_STORAGE_SIZE);
    const length = lendableUint32s([SOCKADDR_STORAGE_SIZE]);
    expectRes(ring, 0, (sqe) => ring.prepCmdGetsockname(sqe, pair.a, address, length, 1));
    const peer = readSockaddr(address, length[0] ?? 0);
    assert.equal(peer?.family === "IPv4" && peer.address, "127.0.0.1");
    const sqe = ring.getSqe128();
    ring.prepUringCmd128(sqe, SOCKET_URING_OP_SIOCINQ, pair.b);
    assert.equal(ring.submit(), 2);
    assert.equal(complete(ring, 1)[0]?.res, 0);
  });
});

describe("prepRecvZc", () => {
  uringRefused(
    "is refused without a receive queue",
    ["IORING_OP_RECV_ZC", "IORING_REGISTER_ZCRX_IFQ"],
    "needs a network card with header split and flow steering",
    async () => {
      using pair = await sockets();
      using ring = smallRing();
      expectRes(ring, -EINVAL, (sqe) => ring.prepRecvZc(sqe, pair.b, 4096, 0));
      const refused = ring.registerIfq(new Struct(96));
      assert.ok(refused < 0, String(refused));
    },
  );

  uringRefused(
    "is controlled only where there is a receive queue",
    ["IORING_REGISTER_ZCRX_CTRL"],
    "needs a network card with header split and flow steering",
    () => {
      using ring = smallRing();
      assert.ok(ring.registerZcrxCtrl(new Struct(64)) < 0);
    },
  );
});
