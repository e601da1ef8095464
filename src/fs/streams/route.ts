/** Which functions a stream of node:fs calls: Node's, or ours. */
import fs from "node:fs";
import { nodeFs } from "../node.ts";
import { road } from "../road.ts";
import { lookAgain, RingFunctions } from "./functions.ts";

/** A stream of Node, with what its classes know of it and nobody else sees. */
type Stream = fs.ReadStream | fs.WriteStream;
type Hidden = Record<symbol, unknown>;

/** The functions over the ring; undefined until a stream asked for them. */
let functions: RingFunctions | undefined;
/** Where a stream keeps the functions that it calls. */
let kFs: symbol | undefined;

/**
 * Gives a stream of node:fs our functions, so that everything else about it stays Node's: its
 * class, its options and their errors, its events and their order. A stream that was given
 * functions of the program's, and one of an unknown make, stays as it is.
 */
export function route<T extends Stream>(stream: T): T {
  kFs ??= Object.getOwnPropertySymbols(stream).find(({ description }) => description === "kFs");
  if (kFs === undefined) return stream;
  const hidden = stream as unknown as Hidden;
  if (hidden[kFs] !== fs) return stream;
  functions ??= make();
  if (functions !== undefined) hidden[kFs] = functions;
  return stream;
}

function make(): RingFunctions | undefined {
  const session = road();
  return session === undefined ? undefined : new RingFunctions(session);
}

/**
 * Routes every stream that is made of Node's classes from now on, or of a class that extends them.
 * To be called once, after other functions were put into node:fs.
 */
export function routeAll(): void {
  lookAgain();
  for (const { prototype } of [nodeFs.ReadStream, nodeFs.WriteStream]) {
    const constructs = prototype as { _construct?: Construct };
    const construct = constructs._construct;
    if (construct === undefined) continue;
    constructs._construct = function _construct(this: Stream, callback: Callback): void {
      construct.call(route(this), callback);
    };
  }
}

type Callback = (error?: Error | null) => void;
type Construct = (this: Stream, callback: Callback) => void;
