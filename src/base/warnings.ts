/**
 * Says that a program forgot something that has to be closed: a process warning with the code
 * `PROACTOR_FORGOTTEN`.
 *
 * @param name What it is: its class with an article, and what tells it from others.
 * @param inFlight How many requests it had in flight; undefined or negative where that is unknown.
 * @param remedy What the program should do.
 */
export function warnForgotten(name: string, inFlight: number | undefined, remedy: string): void {
  let count = "an unknown number of requests";
  if (inFlight !== undefined && inFlight >= 0) {
    count = `${inFlight} ${inFlight === 1 ? "request" : "requests"}`;
  }
  process.emitWarning(`${name} was collected open, with ${count} in flight`, {
    type: "ProactorWarning",
    code: "PROACTOR_FORGOTTEN",
    detail: remedy,
  });
}
