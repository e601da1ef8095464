import assert from "node:assert/strict";

/** The error that `call` rejects with, as a function sees it that awaits it. */
export async function errorSeenBy(call: () => unknown): Promise<Error> {
  async function theCaller(): Promise<void> {
    await call();
  }
  try {
    await theCaller();
  } catch (error) {
    return error as Error;
  }
  return assert.fail("It did not fail");
}

/** Fails unless the error names the function that awaited it. */
export function assertNamesCaller(error: Error, name: string): void {
  assert.match(String(error.stack), /\n {4}at async theCaller /, `${name}: ${error.stack}`);
}
