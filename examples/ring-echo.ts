/** An echo server on one ring: `node dist/examples/ring-echo.js [path of its Unix socket]`. */

import { unlinkSync } from "node:fs";
import { connect } from "node:net";
import * as uring from "proactor/ring";

const path = process.argv[2] ?? "/tmp/echo.sock";
const [SIZE, COUNT, GROUP] = [4096, 16, 0];
const ring = uring.queueInit(64);
type Then = (result: number, flags: number) => void;
/** An entry to prepare; its completions call `then`. */
function entry(then: Then = () => {}): number {
  const sqe = ring.getSqe();
  ring.sqeSetData(sqe, then);
  return sqe;
}
// forEachCqe visits what is there; cqAdvance gives it back.
const call = (cqe: number) => (ring.cqeGetData(cqe) as Then)(ring.cqeRes(cqe), ring.cqeFlags(cqe));
const watch = uring.watchCompletions(ring, () => {
  ring.cqAdvance(ring.forEachCqe(call));
  ring.submit();
});
const memory = uring.allocate(SIZE * COUNT);
// The kernel takes one of these pieces for what it receives, and says which.
const piece = (id: number) => memory.subarray(id * SIZE, (id + 1) * SIZE);
const buffers = ring.setupBufRing(COUNT, GROUP);
for (let id = 0; id < COUNT; id++) ring.bufRingAdd(buffers, piece(id), SIZE, id, id);
ring.bufRingAdvance(buffers, COUNT);
function echo(fd: number): void {
  const receive = entry((count, flags) => {
    if (count <= 0) return ring.prepClose(entry(), fd);
    const id = flags >>> uring.IORING_CQE_BUFFER_SHIFT;
    const sent = entry(() => {
      ring.bufRingAdd(buffers, piece(id), SIZE, id, 0);
      ring.bufRingAdvance(buffers, 1);
    });
    ring.prepSend(sent, fd, piece(id), count, uring.MSG_WAITALL);
  });
  ring.prepRecvMultishot(receive, fd, null, 0, 0);
  ring.sqeSetFlags(receive, uring.IOSQE_BUFFER_SELECT);
  ring.sqeSetBufGroup(receive, GROUP);
}
const opened = entry((listener) => {
  const [bind, listen, address] = [entry(), entry(talk), uring.sockaddrUn(path)];
  ring.prepBind(bind, listener, address, address.byteLength);
  ring.prepListen(listen, listener, 16);
  // Each begins when the one before it has succeeded.
  for (const sqe of [bind, listen]) ring.sqeSetFlags(sqe, uring.IOSQE_IO_LINK);
  ring.prepMultishotAccept(entry(echo), listener, null, null, 0);
});
ring.prepSocket(opened, uring.AF_UNIX, uring.SOCK_STREAM, 0, 0);
ring.submit();
watch.ref();
function talk(): void {
  const client = connect(path, () => client.write("hello"));
  client.on("data", (bytes) => client.end(() => console.log(`the ring says: ${bytes}`)));
  client.on("close", () => watch.unref() && unlinkSync(path));
}
