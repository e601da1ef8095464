/** What `console.log` shows of our objects: one line that says in which state they are. */
import type { InspectOptionsStylized, inspect } from "node:util";

/** The name of the method that util.inspect calls, in every runtime that has it. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

/** What util.inspect passes to that method. */
export type InspectArguments = [
  depth: number,
  options: InspectOptionsStylized,
  show: typeof inspect,
];

/** `Name { key: value, ... }` on one line; `[Name]` where util.inspect goes no deeper. */
export function shownAs(
  name: string,
  state: Readonly<Record<string, unknown>>,
  [depth, options, show]: InspectArguments,
): string {
  if (depth < 0) return options.stylize(`[${name}]`, "special");
  const onOneLine = { ...options, breakLength: Number.POSITIVE_INFINITY, compact: true };
  return `${name} ${show(state, onOneLine)}`;
}
