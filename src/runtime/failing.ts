/**
 * Where an error comes from, for whoever awaits it. An operation fails inside a delivery, whose
 * stack says nothing about the program. Once the error is thrown out of a reaction that somebody
 * awaits, the engine knows the functions that wait: `at async load (app.js:3:9)`.
 */

/** What was thrown, as an error: programs may throw anything. */
export function errorFrom(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}

/** Notes the functions that await what is about to be thrown out of a promise's reaction. */
export function located(error: Error, below: (...args: never[]) => unknown): Error {
  Error.captureStackTrace(error, below);
  return error;
}

/**
 * A promise that rejects with `error`, for another one to be resolved with: that one rejects, too,
 * and the error knows who awaits it.
 */
export async function failing(error: unknown): Promise<never> {
  // The other one adopts this one in a microtask; before that nobody is known to wait.
  await undefined;
  await undefined;
  throw error instanceof Error ? located(error, failing) : error;
}
