/**
 * What node:fs does not export but every FileHandle shows: its class, the native class that owns
 * the descriptor, and how something in flight keeps the handle from being closed.
 */
import type { FileHandle as NodeFileHandle } from "node:fs/promises";
import { nodePromises } from "./node.ts";

/** The native object inside a FileHandle: it owns the descriptor. */
export interface NativeHandle {
  readonly fd: number;
  /** Closes the descriptor in the thread pool. */
  close(): Promise<void>;
  /** Lets go of the descriptor without closing it. */
  releaseFD(): void;
}

/** What Node's class looks like from inside. */
export interface HandleShape {
  /** Node's own class. */
  readonly Base: new (
    native: NativeHandle,
  ) => NodeFileHandle;
  /** The class of the native object. */
  readonly Native: new (
    fd: number,
  ) => NativeHandle;
  /** Names the method that keeps a handle open while something is in flight. */
  readonly ref: symbol;
  /** Names the method that lets go; the last one closes, if that was asked for meanwhile. */
  readonly unref: symbol;
}

/**
 * Resolves with what Node's handles look like, or with undefined where we do not know them. Rejects
 * where none can be made now.
 */
export async function learnHandleShape(): Promise<HandleShape | undefined> {
  const sample = await nodePromises.open("/");
  try {
    return shapeOf(sample);
  } catch {
    // What is not as we know it is left as it is.
    return undefined;
  } finally {
    await sample.close();
  }
}

function shapeOf(sample: NodeFileHandle): HandleShape | undefined {
  const inside = sample as unknown as Record<symbol, unknown>;
  const prototype = Object.getPrototypeOf(sample) as object;
  const native = inside[symbolOf(sample, "kHandle")] as NativeHandle;
  const shape: HandleShape = {
    Base: sample.constructor as HandleShape["Base"],
    Native: (native as object).constructor as HandleShape["Native"],
    ref: symbolOf(prototype, "kRef"),
    unref: symbolOf(prototype, "kUnref"),
  };
  const count = symbolOf(sample, "kRefs");
  const before = inside[count];
  (inside[shape.ref] as () => void).call(sample);
  const during = inside[count];
  (inside[shape.unref] as () => void).call(sample);
  const known =
    shape.Base.prototype === prototype &&
    native.fd === sample.fd &&
    typeof native.releaseFD === "function" &&
    typeof native.close === "function" &&
    before === 1 &&
    during === 2 &&
    inside[count] === 1 &&
    takesDescriptor(shape.Native, native.fd);
  return known ? shape : undefined;
}

/** Whether a native object can be made for a descriptor, and lets go of it again. */
function takesDescriptor(Native: HandleShape["Native"], fd: number): boolean {
  const native = new Native(fd);
  const took = native.fd === fd;
  native.releaseFD();
  return took;
}

function symbolOf(object: object, description: string): symbol {
  const found = Object.getOwnPropertySymbols(object).find(
    (each) => each.description === description,
  );
  if (found === undefined) throw new TypeError(`This FileHandle has no ${description}`);
  return found;
}
