/** A call as data: the same description becomes arguments of one world, and of another. */

/** A value that is not made anew per world. */
type Plain = string | number | bigint | boolean | null | undefined;

/** One argument of a call, or a property of an options object. */
export type Argument =
  | { readonly is: "plain"; readonly value: Plain }
  | { readonly is: "path"; readonly name: string; readonly as: "string" | "Buffer" | "URL" }
  | {
      readonly is: "bytes";
      readonly text: string;
      readonly as: "Buffer" | "Uint8Array" | "Uint16Array" | "DataView" | "ArrayBuffer";
    }
  | {
      readonly is: "chunks";
      readonly chunks: readonly string[];
      readonly as: "array" | "iterator" | "async iterator" | "stream";
    }
  | { readonly is: "list"; readonly items: readonly Argument[] }
  | { readonly is: "object"; readonly entries: Readonly<Record<string, Argument>> }
  | { readonly is: "handle"; readonly index: number }
  | { readonly is: "signal"; readonly state: "quiet" | "aborted" | "reason" }
  | { readonly is: "odd"; readonly what: "symbol" | "function" | "object" | "NaN" };

/** One call of a function of node:fs/promises, or of a method of a handle opened before. */
export interface Call {
  readonly fn: string;
  /** Which handle, counted from the first that was opened; undefined for a function. */
  readonly handle?: number | undefined;
  readonly args: readonly Argument[];
}

/** Writes a call down for a message. */
export function show({ fn, handle, args }: Call): string {
  const target = handle === undefined ? fn : `handle[${handle}].${fn}`;
  return `${target}(${args.map(showArgument).join(", ")})`;
}

function showArgument(argument: Argument): string {
  switch (argument.is) {
    case "plain":
      return typeof argument.value === "bigint" ? `${argument.value}n` : String(argument.value);
    case "path":
      return `${argument.as} ${JSON.stringify(argument.name)}`;
    case "bytes":
      return `${argument.as}(${argument.text.length})`;
    case "chunks":
      return `${argument.as} of ${argument.chunks.length}`;
    case "list":
      return `[${argument.items.map(showArgument).join(", ")}]`;
    case "object": {
      const entries = Object.entries(argument.entries);
      return `{ ${entries.map(([key, value]) => `${key}: ${showArgument(value)}`).join(", ")} }`;
    }
    case "handle":
      return `handle[${argument.index}]`;
    case "signal":
      return `signal ${argument.state}`;
    default:
      return argument.what;
  }
}
