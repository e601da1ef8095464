/** A chain with a time limit, and a loop that is told: `node dist/examples/ring-chain.js`. */

import { ETIME, IOSQE_IO_LINK, queueInit, timespecMs, watchCompletions } from "proactor/ring";

const ring = queueInit(8);

// The event loop calls back when there are completions; nothing waits in waitCqe.
const watch = watchCompletions(ring, () => {
  const count = ring.forEachCqe((cqe) => {
    const { name } = ring.cqeGetData(cqe) as { name: string };
    const result = ring.cqeRes(cqe);
    console.log(`${name}: ${result === -ETIME ? "time is over" : result}`);
  });
  ring.cqAdvance(count);
  if (ring.requestsInFlight > 0) return;
  watch.close();
  ring.queueExit();
}).ref();

// The second request starts when the first has succeeded.
const first = ring.getSqe();
ring.prepNop(first);
ring.sqeSetFlags(first, IOSQE_IO_LINK);
ring.sqeSetData(first, { name: "first" });

const second = ring.getSqe();
ring.prepTimeout(second, timespecMs(5), 0, 0);
ring.sqeSetData(second, { name: "second" });

console.log(`submitted: ${ring.submit()}`);
