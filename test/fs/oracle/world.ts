import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import type { Argument, Call } from "./call.ts";

type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;

/** What a call came to, with everything in it that may differ between two folders taken out. */
export interface Outcome {
  readonly value?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
  /** What is in the buffers that the call was given. */
  readonly buffers: readonly string[];
}

/** Fields of a file's status that two files made one after the other do not share. */
const OWN_TO_A_FILE = /^(dev|ino|blocks|[amc]time|birthtime|[amc]timeMs|birthtimeMs|[a-z]+Ns)$/;

/** A folder, and the functions under test; calls run in it one after the other. */
export class World {
  readonly dir: string;
  readonly #functions: Functions;
  readonly #handles: FileHandle[] = [];

  /** @param functions node:fs/promises, or what stands in its place. */
  constructor(dir: string, functions: object) {
    this.dir = dir;
    this.#functions = functions as Functions;
  }

  /** Runs one call and says what it came to. */
  async run({ fn, handle, args }: Call): Promise<Outcome> {
    const views: NodeJS.ArrayBufferView[] = [];
    const made = args.map((argument) => this.#make(argument, views));
    let value: unknown;
    let error: unknown;
    try {
      const target = handle === undefined ? this.#functions : this.#handle(handle);
      if (target === undefined) return { value: "no such handle", buffers: [] };
      value = await (target as Functions)[fn]?.(...made);
    } catch (thrown) {
      error = thrown;
    }
    // Not exhausted where the call refused: it would be left open.
    for (const each of made) if (each instanceof Readable) each.destroy();
    const buffers = views.map((view) => hex(view));
    if (error !== undefined) return { error: this.#describeError(error), buffers };
    return { value: this.#describe(value, views), buffers };
  }

  /** Closes what is still open. */
  async end(): Promise<void> {
    for (const handle of this.#handles) await handle.close().catch(() => undefined);
  }

  #handle(index: number): FileHandle | undefined {
    return this.#handles[index % Math.max(1, this.#handles.length)];
  }

  #make(argument: Argument, views: NodeJS.ArrayBufferView[]): unknown {
    switch (argument.is) {
      case "plain":
        return argument.value;
      case "path": {
        const path = argument.name === "" ? "" : `${this.dir}/${argument.name}`;
        if (argument.as === "Buffer") return Buffer.from(path);
        return argument.as === "URL" ? pathToFileURL(path) : path;
      }
      case "bytes": {
        const bytes = Uint8Array.from(Buffer.from(argument.text));
        if (argument.as === "ArrayBuffer") return bytes.buffer;
        const view = viewOf(bytes.buffer, argument.as);
        views.push(view);
        return view;
      }
      case "chunks":
        return chunksAs(argument.chunks, argument.as);
      case "list":
        return argument.items.map((item) => this.#make(item, views));
      case "object": {
        const entries = Object.entries(argument.entries);
        return Object.fromEntries(entries.map(([key, value]) => [key, this.#make(value, views)]));
      }
      case "handle":
        return this.#handle(argument.index) ?? `${this.dir}/none`;
      case "signal":
        return signalOf(argument.state);
      default:
        return odd(argument.what);
    }
  }

  #describe(value: unknown, views: readonly unknown[]): unknown {
    if (value === null || typeof value !== "object") return this.#hide(value);
    const known = views.indexOf(value);
    if (known !== -1) return `argument ${known}`;
    if (ArrayBuffer.isView(value)) {
      return `${value.constructor.name} ${hex(value as NodeJS.ArrayBufferView, this.dir)}`;
    }
    if (Array.isArray(value)) return value.map((each) => this.#describe(each, views)).sort();
    if ("datasync" in value) {
      this.#handles.push(value as unknown as FileHandle);
      return "a handle";
    }
    const described = Object.entries(value).map(([key, each]) => [
      key,
      OWN_TO_A_FILE.test(key) ? typeof each : this.#describe(each, views),
    ]);
    return { class: value.constructor?.name, fields: described };
  }

  #describeError(error: unknown): Readonly<Record<string, unknown>> {
    if (!(error instanceof Error)) return { thrown: inspect(error) };
    const own = Object.entries(error).map(([key, value]) => [key, this.#describe(value, [])]);
    const { name, message, cause } = error;
    return {
      class: error.constructor.name,
      tag: Object.prototype.toString.call(error),
      name,
      message: this.#hide(message),
      own,
      cause: cause === undefined ? undefined : inspect(cause, { depth: 0 }).split("\n")[0],
    };
  }

  /** Takes the folder's own name out. */
  #hide(value: unknown): unknown {
    return typeof value === "string" ? value.replaceAll(this.dir, "DIR") : value;
  }
}

/** The path of a folder for the nth run: names of one length, as a link's size tells it. */
export function folderOf(dir: string, whose: "n" | "p", run: number): string {
  return join(dir, `${whose}${String(run).padStart(5, "0")}`);
}

/** What is in a view, without the name of a folder. */
function hex(view: NodeJS.ArrayBufferView, dir = "no folder"): string {
  const raw = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const bytes = raw.includes(dir)
    ? Buffer.from(raw.toString("latin1").replaceAll(dir, "DIR"), "latin1")
    : raw;
  return bytes.length > 64
    ? `${bytes.length} ${bytes.toString("hex", 0, 64)}`
    : bytes.toString("hex");
}

function viewOf(memory: ArrayBuffer, as: string): NodeJS.ArrayBufferView {
  if (as === "Uint16Array") return new Uint16Array(memory, 0, memory.byteLength >> 1);
  if (as === "DataView") return new DataView(memory);
  return as === "Buffer" ? Buffer.from(memory) : new Uint8Array(memory);
}

function chunksAs(chunks: readonly string[], as: string): unknown {
  if (as === "array") return [...chunks];
  if (as === "stream") return Readable.from([...chunks]);
  if (as === "iterator") return chunks.values();
  return (async function* () {
    yield* chunks;
  })();
}

function signalOf(state: string): AbortSignal {
  if (state === "quiet") return new AbortController().signal;
  return state === "reason" ? AbortSignal.abort("enough") : AbortSignal.abort();
}

function odd(what: string): unknown {
  if (what === "symbol") return Symbol("odd");
  if (what === "function") return () => undefined;
  return what === "NaN" ? Number.NaN : {};
}
