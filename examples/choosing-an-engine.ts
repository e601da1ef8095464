/** Which engine runs here, and why: `node dist/examples/choosing-an-engine.js`. */

import { constants, Proactor, proactor } from "proactor";

// For people. The same facts are fields: chosen, decidedBy, engines, details, emulated.
console.log(String(proactor.explain()));

// For programs: ask what it can do, never what it is called.
const { cancel, links, operations } = proactor.capabilities;
console.log(`cancels what is ${cancel}; orders chains itself: ${links}`);
console.log(`splice: ${operations.includes("splice")}`);

// An engine of one's own choice, with rings and limits of its own.
{
  await using other = new Proactor({ engine: "thread_pool", depth: 64 });
  await other.nop();
  console.log(`the other one: ${other.engine}`);
  // What it has no way to do is refused, not left out.
  const advice = constants.POSIX_FADV_RANDOM;
  await other.fadvise(0, { advice }).catch(({ code }) => console.log(`fadvise there: ${code}`));
} // Here what is in flight has completed, and the engine has given everything back.

// Asking for an engine that cannot run is an error, which says what to do.
try {
  await using _ = new Proactor({ engine: "kqueue" });
  await _.nop();
} catch (error) {
  const { code, remedy } = error as { code: string; remedy: string };
  console.log(`${code}: ${remedy}`);
}
