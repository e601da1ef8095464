import type { Fixture } from "./fixture.ts";

/** One assertion of the Open POSIX Test Suite about POSIX AIO, in our own words. */
export interface Assertion {
  /** The function and the number of the assertion: `"aio_read 9"`. */
  readonly id: string;
  /** What the standard says. */
  readonly says: string;
  /** Does it, and tells what was seen: plain data. */
  readonly observe: (fixture: Fixture) => Observation | Promise<Observation>;
  /** What is seen where the implementation does as the standard says. */
  readonly expected: Observation;
  /** What glibc does instead, or why it cannot be looked at with glibc. */
  readonly glibc?: Deviation | NotApplicable;
}

/** What was seen, by name. */
export type Observation = Readonly<Record<string, unknown>>;

/** Another behavior than the standard's, written down. */
export interface Deviation {
  readonly observed: Observation;
  readonly why: string;
}

/** Why there is nothing to look at. */
export interface NotApplicable {
  readonly notApplicable: string;
}

/** Whether there is nothing to look at. */
export function isNotApplicable(note: Deviation | NotApplicable): note is NotApplicable {
  return "notApplicable" in note;
}
