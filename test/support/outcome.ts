import assert from "node:assert/strict";

/** What became of a call, in a form that can be compared with `deepEqual`. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * What became of a call: its value, or its error with class, message and own keys in order. A call
 * that throws instead of rejecting is told from one that rejects.
 */
export async function outcomeOf(call: () => unknown): Promise<Outcome> {
  let promise: unknown;
  try {
    promise = call();
  } catch (error) {
    return { error: ["thrown", ...describeError(error)] };
  }
  try {
    return { value: await promise };
  } catch (error) {
    return { error: describeError(error) };
  }
}

/** Fails unless two calls come to the same; the first one is ours. */
export async function sameOutcome(
  ours: () => unknown,
  nodes: () => unknown,
  message?: string,
): Promise<void> {
  assert.deepEqual(await outcomeOf(ours), await outcomeOf(nodes), message);
}

function describeError(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [error];
  const own = Object.entries(error).map(([key, value]) => [
    key,
    Array.isArray(value) ? value.map(describeError) : value,
  ]);
  const { cause } = error;
  return [Object.getPrototypeOf(error)?.constructor?.name, error.name, error.message, own, cause];
}
