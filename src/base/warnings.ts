/**
 * Says that a program forgot something that has to be closed: a process warning with the code
 * `PROACTOR_FORGOTTEN`.
 *
 * @param type What it is, by the name of its class.
 * @param fd Its descriptor, or -1 where it has none.
 * @param inFlight How many requests it had in flight; undefined or negative where that is unknown.
 * @param remedy What the program should do.
 */
export function warnForgotten(
  type: string,
  fd: number,
  inFlight: number | undefined,
  remedy: string,
): void {
  const name = fd === -1 ? type : `${type} of descriptor ${fd}`;
  const count = inFlight === undefined || inFlight < 0 ? "an unknown number of" : inFlight;
  process.emitWarning(`A ${name} was collected open, with ${count} requests in flight`, {
    type: "ProactorWarning",
    code: "PROACTOR_FORGOTTEN",
    detail: remedy,
  });
}
