import { isDeepStrictEqual } from "node:util";
import { probeEngine } from "../../../src/engines/index.ts";
import { type Assertion, isNotApplicable, type Observation } from "./assertion.ts";
import { type Implementation, NotHere, withFixture } from "./fixture.ts";

/** The implementations that the assertions are held against. */
export const IMPLEMENTATIONS: readonly Implementation[] = ["glibc", "io_uring"];

/** What became of one assertion on one implementation. */
export type Verdict =
  | { readonly kind: "pass"; readonly observed: Observation }
  | { readonly kind: "recorded deviation"; readonly observed: Observation; readonly why: string }
  | { readonly kind: "not applicable"; readonly why: string }
  | { readonly kind: "fail"; readonly observed: unknown; readonly expected: Observation };

/** Why an implementation cannot run here, or undefined. */
export function whyNot(implementation: Implementation): string | undefined {
  const probed = probeEngine(implementation === "glibc" ? "posix_aio" : implementation);
  return probed.available ? undefined : probed.reason;
}

/** Holds one assertion against one implementation. */
export async function judge(
  assertion: Assertion,
  implementation: Implementation,
): Promise<Verdict> {
  const note = implementation === "glibc" ? assertion.glibc : undefined;
  if (note !== undefined && isNotApplicable(note)) {
    return { kind: "not applicable", why: note.notApplicable };
  }
  let observed: Observation;
  try {
    observed = await withFixture(implementation, (fixture) => assertion.observe(fixture));
  } catch (error) {
    if (error instanceof NotHere) return { kind: "not applicable", why: error.message };
    throw error;
  }
  const expected = note?.observed ?? assertion.expected;
  if (!isDeepStrictEqual(observed, expected)) return { kind: "fail", observed, expected };
  return note === undefined
    ? { kind: "pass", observed }
    : { kind: "recorded deviation", observed, why: note.why };
}
