/**
 * Where an error comes from, for whoever awaits it. An operation fails inside a delivery, whose
 * stack says nothing about the program. Once the error is thrown out of a reaction that somebody
 * awaits, the engine knows the functions that wait: `at async load (app.js:3:9)`.
 */

import { ProactorError } from "../base/errors.ts";

/** What was thrown, as an error: programs may throw anything. */
export function errorFrom(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}

/** What has the program's own stack already: it says where from, and stays as it is. */
const programs = new WeakSet<object>();

/** Notes that the stack of what was thrown is the program's. Returns it. */
export function fromProgram(thrown: unknown): unknown {
  if (thrown instanceof Error) programs.add(thrown);
  return thrown;
}

/** Notes the functions that await what is about to be thrown out of a promise's reaction. */
export function located<E extends Error>(error: E, below: (...args: never[]) => unknown): E {
  if (!programs.has(error)) Error.captureStackTrace(error, below);
  return error;
}

/** The same error once more, for one more who is to have it: each has a stack of its own. */
export function copied(error: Error): Error {
  const { message, cause } = error;
  const options = cause === undefined ? undefined : { cause };
  if (error instanceof ProactorError) {
    return new ProactorError(error.code, message, error.remedy, options);
  }
  return Object.assign(new Error(message, options), error);
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

/** A promise that resolves with `value`, as late as one of {@link failing} rejects. */
export async function following<T>(value: T): Promise<T> {
  await undefined;
  await undefined;
  return value;
}

/** A promise that resolves with `value`, and whose errors in it know who awaits it. */
export async function locating<T>(value: T, errors: Iterable<Error | undefined>): Promise<T> {
  await undefined;
  await undefined;
  for (const error of errors) if (error !== undefined) located(error, locating);
  return value;
}
