import { writeSync } from "node:fs";
import { EAGAIN, EINPROGRESS, EINTR, LIO_NOWAIT } from "../../../src/compat/posix-aio/index.ts";
import type { Assertion } from "./assertion.ts";
import { clockOfSuspend, signalOften } from "./child.ts";

const SHORT = { tv_sec: 0, tv_nsec: 20_000_000 };
/** Nobody wants to wait that long. */
const LONG = { tv_sec: 20, tv_nsec: 0 };

/** aio_suspend, assertion by assertion. */
export const SUSPEND: readonly Assertion[] = [
  {
    id: "aio_suspend 1",
    says: "blocks until at least one of the list is done",
    observe(fixture) {
      const { aio } = fixture;
      const never = fixture.read(fixture.pipe().read, 1);
      const soon = fixture.read(fixture.file("text"), 4);
      aio.aio_read(never);
      aio.aio_read(soon);
      const returned = aio.aio_suspend([never, soon], 2, null);
      return { returned, soon: aio.aio_error(soon), never: aio.aio_error(never) };
    },
    expected: { returned: 0, soon: 0, never: EINPROGRESS },
  },
  {
    id: "aio_suspend 2",
    says: "returns at once when one of the list is done already",
    async observe(fixture) {
      const { aio } = fixture;
      const never = fixture.read(fixture.pipe().read, 1);
      const done = fixture.read(fixture.file("text"), 4);
      aio.aio_read(never);
      aio.aio_read(done);
      await fixture.done(done);
      // With no time at all, only what is done already can count.
      const returned = aio.aio_suspend([never, done], 2, { tv_sec: 0, tv_nsec: 0 });
      return { returned, never: aio.aio_error(never) };
    },
    expected: { returned: 0, never: EINPROGRESS },
  },
  {
    id: "aio_suspend 3",
    says: "ignores NULL entries",
    observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text"), 4);
      aio.aio_read(block);
      const returned = aio.aio_suspend([null, block, null], 3, LONG);
      return { returned, status: aio.aio_error(block) };
    },
    expected: { returned: 0, status: 0 },
  },
  {
    id: "aio_suspend 4",
    says: "gives up when the time is up before anything is done",
    observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.pipe().read, 1);
      aio.aio_read(block);
      const before = performance.now();
      const returned = aio.aio_suspend([block], 1, SHORT);
      return { returned, early: performance.now() - before < 19 };
    },
    expected: { returned: -1, early: false },
  },
  {
    id: "aio_suspend 5",
    says: "counts its time by CLOCK_MONOTONIC",
    observe: clockOfSuspend,
    expected: { returned: -1, errno: EAGAIN, clock: "monotonic" },
  },
  {
    id: "aio_suspend 7",
    says: "otherwise returns -1 and sets errno",
    observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.pipe().read, 1);
      aio.lio_listio(LIO_NOWAIT, [block], 1, null);
      aio.errno = 0;
      const returned = aio.aio_suspend([block], 1, SHORT);
      return { returned, set: aio.errno !== 0, status: aio.aio_error(block) };
    },
    expected: { returned: -1, set: true, status: EINPROGRESS },
  },
  {
    id: "aio_suspend 9",
    says: "fails with EAGAIN when the time is up",
    observe(fixture) {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const block = fixture.read(pipe.read, 1);
      aio.aio_read(block);
      aio.aio_suspend([block], 1, { tv_sec: 0, tv_nsec: 0 });
      const { errno } = aio;
      writeSync(pipe.write, "x");
      return { errno, later: aio.aio_suspend([block], 1, LONG) };
    },
    expected: { errno: EAGAIN, later: 0 },
  },
  {
    id: "aio_suspend 10",
    says: "fails with EINTR when a signal interrupts it",
    observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.pipe().read, 1);
      aio.aio_read(block);
      const ignore = (): void => {};
      process.on("SIGWINCH", ignore);
      const signals = signalOften("WINCH");
      const returned = aio.aio_suspend([block], 1, LONG);
      const { errno } = aio;
      signals.stop();
      process.off("SIGWINCH", ignore);
      return { returned, errno, status: aio.aio_error(block) };
    },
    expected: { returned: -1, errno: EINTR, status: EINPROGRESS },
  },
];
