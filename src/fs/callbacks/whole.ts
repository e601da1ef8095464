/**
 * Functions of whole files, which take several requests: the promise of proactor/fs does the work.
 * Each is true when it has started.
 */
import fs from "node:fs";
import { promisify } from "node:util";
import { nodeFs, nodePromises } from "../node.ts";
import { promises } from "../promises.ts";
import { readFileOr } from "../read-file.ts";
import { hasOnly, isCallback, isView, plainFlags, plainMode, plainPath } from "./arguments.ts";
import { type Callback, PromisedCall } from "./call.ts";
import type { CallbackRoad } from "./road.ts";

const READ_OPTIONS = ["encoding", "flag"] as const;
const WRITE_OPTIONS = ["encoding", "flag", "mode", "flush"] as const;

/** The options that both know; a signal is left to Node, whose order of events is its own. */
interface WholeOptions {
  readonly encoding?: unknown;
  readonly flag?: unknown;
  readonly mode?: unknown;
  readonly flush?: unknown;
}

/** What Node's fs.writeFile calls as anybody would: who replaces one of them expects to be asked. */
const CALLED = ["open", "write", "fsync", "close"] as const;
let known: readonly unknown[] = look();

function look(): readonly unknown[] {
  return CALLED.map((name) => fs[name]);
}

/** Takes what node:fs has now for what writeFile need not call. */
export function lookAgain(): void {
  known = look();
}

const nodeReadFile = promisify(nodeFs.readFile) as typeof nodePromises.readFile;

type Work = (...args: unknown[]) => Promise<unknown>;

/** fs.readFile(path, [options,] callback) of a path; of a descriptor it is left to Node */
export function readFile(on: CallbackRoad, args: readonly unknown[]): boolean {
  const path = plainPath(args[0]);
  const callback = args[2] || args[1];
  const options = plainOptions(args[1], READ_OPTIONS);
  if (path === undefined || options === undefined || !isCallback(callback)) return false;
  if (promises.readFile === nodePromises.readFile) return false;
  // A string that is too long has another error here than from the promise.
  void new PromisedCall(on.deliveries, callback, readFileOr(nodeReadFile, path, options));
  return true;
}

/** fs.writeFile(path, data, [options,] callback) */
export function writeFile(on: CallbackRoad, args: readonly unknown[]): boolean {
  return put(on, "writeFile", args);
}

/** fs.appendFile(path, data, [options,] callback) */
export function appendFile(on: CallbackRoad, args: readonly unknown[]): boolean {
  return put(on, "appendFile", args);
}

/** fs.copyFile(source, destination, [mode,] callback) */
export function copyFile(on: CallbackRoad, args: readonly unknown[]): boolean {
  const from = plainPath(args[0]);
  const to = plainPath(args[1]);
  const callback = isCallback(args[2]) ? args[2] : args[3];
  const mode = isCallback(args[2]) ? 0 : args[2];
  if (from === undefined || to === undefined || !isCallback(callback)) return false;
  if (typeof mode !== "number" || !Number.isInteger(mode) || mode < 0 || mode > 7) return false;
  return start(on, "copyFile", [from, to, mode], callback);
}

function put(
  on: CallbackRoad,
  name: "writeFile" | "appendFile",
  args: readonly unknown[],
): boolean {
  const path = plainPath(args[0]);
  const data = args[1];
  const callback = args[3] || args[2];
  const options = plainOptions(args[2], WRITE_OPTIONS);
  if (path === undefined || options === undefined || !isCallback(callback)) return false;
  if (!isView(data) && typeof data !== "string") return false;
  // Some releases of Node write no bytes then, and some do not write.
  if ((typeof data === "string" ? data.length : data.byteLength) === 0) return false;
  if (CALLED.some((each, i) => fs[each] !== known[i])) return false;
  return start(on, name, [path, data, options], callback);
}

/** Options of which every one is plainly good; undefined where Node should look at them. */
function plainOptions(given: unknown, names: readonly string[]): WholeOptions | undefined {
  if (given === undefined || given === null || isCallback(given)) return {};
  if (typeof given === "string") return plainOptions({ encoding: given }, names);
  if (!hasOnly(given, names)) return undefined;
  const { encoding, flag, mode, flush }: WholeOptions = given;
  const good =
    (encoding === undefined || encoding === null || Buffer.isEncoding(encoding as string)) &&
    (flag === undefined || (flag !== null && plainFlags(flag) !== undefined)) &&
    (mode === undefined || (mode !== null && plainMode(mode, 0) !== undefined)) &&
    (flush === undefined || typeof flush === "boolean");
  return good ? { ...given } : undefined;
}

function start(
  on: CallbackRoad,
  name: "writeFile" | "appendFile" | "copyFile",
  args: readonly unknown[],
  callback: Callback,
): boolean {
  const work = promises[name] as Work;
  // Where nothing is gained, Node's own callback function is the shorter way.
  if (work === nodePromises[name]) return false;
  void new PromisedCall(on.deliveries, callback, work(...args));
  return true;
}
