/** Which functions a stream of node:fs calls: Node's, or ours. */
import fs from "node:fs";
import type { Session } from "../../runtime/session.ts";
import { nodeFs } from "../node.ts";
import { road } from "../road.ts";
import { HandleFunctions, lookAgain, RingFunctions, type StreamFunctions } from "./functions.ts";

/** A stream of Node, with what its classes know of it and nobody else sees. */
type Stream = fs.ReadStream | fs.WriteStream;
type Hidden = Record<symbol, unknown>;
type Callback = (error?: Error | null) => void;
type Construct = (this: Stream, callback: Callback) => void;

/** What the preload wants to be asked and told. */
export interface Routing {
  /** Whether a stream that is made now is to have our functions. */
  isWanted(): boolean;
  /** Called for each stream with whether it has. */
  count(name: "ReadStream" | "WriteStream", routed: boolean): void;
}

/** The functions over the ring; undefined until a stream asked for them. */
let functions: RingFunctions | undefined;
let pagesKept = false;
/** Where a stream keeps the functions that it calls, */
let kFs: symbol | undefined;
/** and the FileHandle that it was given; undefined until one was. */
let kHandle: symbol | undefined;

/**
 * Gives a stream of node:fs our functions, so that everything else about it stays Node's: its
 * class, its options and their errors, its events and their order. A stream that was given
 * functions of the program's, and one of an unknown make, stays as it is.
 */
export function route<T extends Stream>(stream: T): T {
  reroute(stream);
  return stream;
}

function reroute(stream: Stream): boolean {
  kFs ??= symbolOf(stream, "kFs");
  if (kFs === undefined) return false;
  const hidden = stream as unknown as Hidden;
  const theirs = hidden[kFs];
  if (theirs instanceof RingFunctions) return true;
  const routed = theirs === fs ? ring() : ofHandle(stream, theirs as StreamFunctions);
  if (routed !== undefined) hidden[kFs] = routed;
  return routed !== undefined;
}

function ring(): RingFunctions | undefined {
  if (functions !== undefined) return functions;
  const session = streamRoad();
  if (session !== undefined) functions = new RingFunctions(session);
  return functions;
}

/**
 * What streams run on. A stream makes a buffer for each chunk, and garbage collection frees
 * hundreds of them at once: unless told before the first, glibc gives the pages back each time, and
 * reading waits for new ones.
 */
function streamRoad(): Session | undefined {
  const session = road();
  if (!pagesKept) session?.memory.keepFreed();
  pagesKept = true;
  return session;
}

/** A stream of a FileHandle: closing stays the handle's, and everything where it is unusual. */
function ofHandle(stream: Stream, theirs: StreamFunctions): RingFunctions | undefined {
  kHandle ??= symbolOf(stream, "kHandle");
  const handle = kHandle === undefined ? undefined : (stream as unknown as Hidden)[kHandle];
  if (handle === undefined || !isUsual(handle as object)) return undefined;
  const session = streamRoad();
  return session === undefined ? undefined : new HandleFunctions(session, theirs);
}

/** What a stream of a handle would call. */
const METHODS = ["read", "write", "writev", "sync"] as const;
type Methods = Readonly<Record<string, unknown>>;

/** The methods of handles as they were when they became ours, or when the first was seen. */
let methods: Methods | undefined;

/** Says what the methods of handles are: whatever else stands there is the program's own wish. */
export function adoptMethods(prototype: object): void {
  methods = Object.fromEntries(METHODS.map((name) => [name, (prototype as Methods)[name]]));
}

/** Whether the program has put no function of its own into this handle, or into all of them. */
function isUsual(handle: object): boolean {
  if (methods === undefined) adoptMethods(Object.getPrototypeOf(handle) as object);
  return METHODS.every(
    (name) => !Object.hasOwn(handle, name) && (handle as Methods)[name] === methods?.[name],
  );
}

function symbolOf(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((each) => each.description === description);
}

/**
 * Routes every stream that is made of Node's classes from now on, or of a class that extends them.
 * To be called once, after other functions were put into node:fs.
 */
export function routeAll(routing: Routing): void {
  lookAgain();
  for (const name of ["ReadStream", "WriteStream"] as const) {
    const prototype = nodeFs[name].prototype as { _construct?: Construct };
    const construct = prototype._construct;
    if (construct === undefined) continue;
    prototype._construct = function _construct(this: Stream, callback: Callback): void {
      routing.count(name, routing.isWanted() && reroute(this));
      construct.call(this, callback);
    };
  }
}
