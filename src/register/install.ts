import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import {
  announceWalks,
  callbackFunctions,
  callbackRoad,
  lookAgain,
} from "../fs/callbacks/index.ts";
import { nodeFs, nodePromises } from "../fs/node.ts";
import { ourPromises } from "../fs/promises.ts";
import { road } from "../fs/road.ts";
import { routeAll } from "../fs/streams/route.ts";
import { showInFlight } from "./active.ts";
import type { Counts } from "./counts.ts";
import type { Part } from "./settings.ts";

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type Functions = Record<string, AnyFunction>;

/** What is put in place needs to know. */
export interface Installation {
  readonly parts: ReadonlySet<Part>;
  readonly counts: Counts;
  /** Whether somebody has put another file system under node:fs. */
  readonly isMocked: () => boolean;
}

/** Replaces the functions of node:fs, for CommonJS and for ES modules that imported them already. */
export function install(installation: Installation): void {
  if (installation.parts.has("promises")) installPromises(installation);
  if (installation.parts.has("callbacks")) installCallbacks(installation);
  if (installation.parts.has("streams")) installStreams(installation);
  showInFlight();
  syncBuiltinESMExports();
}

function installPromises({ counts, isMocked }: Installation): void {
  const originals = nodePromises as unknown as Functions;
  for (const [name, ours] of Object.entries(ourPromises as Functions)) {
    const original = originals[name];
    if (original === undefined) continue;
    const count = counts.of(`fs.promises.${name}`);
    // An async function, because Node's is one.
    const routed: AnyFunction = async (...args) => {
      if (road() === undefined || isMocked()) {
        count.delegated++;
        return original(...args);
      }
      count.native++;
      return ours(...args);
    };
    put(fs.promises, name, routed, original);
  }
}

function installCallbacks({ counts, isMocked }: Installation): void {
  const originals = nodeFs as unknown as Functions;
  for (const [name, start] of Object.entries(callbackFunctions)) {
    const original = originals[name];
    if (original === undefined) continue;
    const count = counts.of(`fs.${name}`);
    const routed = function (this: unknown, ...args: unknown[]): unknown {
      const on = callbackRoad();
      if (on !== undefined && !isMocked() && start(on, args)) {
        count.native++;
        return undefined;
      }
      count.delegated++;
      return Reflect.apply(original, this, args);
    };
    put(fs, name, routed, original);
  }
  const { realpath } = originals;
  if (realpath !== undefined) put(fs, "realpath", announceWalks(realpath), realpath);
  lookAgain();
}

function installStreams({ counts, isMocked }: Installation): void {
  const counted = {
    ReadStream: counts.of("fs.ReadStream"),
    WriteStream: counts.of("fs.WriteStream"),
  };
  routeAll({
    isWanted: () => !isMocked(),
    count: (name, routed) => {
      if (routed) counted[name].native++;
      else counted[name].delegated++;
    },
  });
}

/** Puts a function in the place of Node's, with everything that can be seen of Node's own. */
function put(target: object, name: string, routed: AnyFunction, original: AnyFunction): void {
  const { prototype: _, ...visible } = Object.getOwnPropertyDescriptors(original);
  const descriptors = visible as unknown as Record<PropertyKey, PropertyDescriptor>;
  for (const key of Reflect.ownKeys(descriptors)) {
    Object.defineProperty(routed, key, own(descriptors[key] as PropertyDescriptor));
  }
  const place = Object.getOwnPropertyDescriptor(target, name);
  const usual = { enumerable: true, configurable: true, writable: true };
  Object.defineProperty(target, name, own({ ...usual, ...place, value: routed }));
}

/** A descriptor that inherits no `get` or `set` which somebody put into Object.prototype. */
function own(descriptor: PropertyDescriptor): PropertyDescriptor {
  return Object.assign(Object.create(null), descriptor);
}
