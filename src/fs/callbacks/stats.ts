/** fs.stat, fs.lstat and fs.fstat: each true when it has started. */
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  STATX_BASIC_STATS,
  STATX_BTIME,
} from "../../abi/linux.ts";
import { OperationKind } from "../../core/index.ts";
import { statsMakers } from "../stats.ts";
import { StatxCells } from "../statx-cells.ts";
import { hasOnly, isCallback, isDescriptor, plainPath } from "./arguments.ts";
import { type CallFacts, StatCall } from "./call.ts";
import { needsNodeStats } from "./realpath.ts";
import type { CallbackRoad } from "./road.ts";

const OPTIONS = ["bigint"] as const;
const FSTAT = { syscall: "fstat" } as const;

let cells: StatxCells | undefined;

/** fs.stat(path, [options,] callback) */
export function stat(on: CallbackRoad, args: readonly unknown[]): boolean {
  return statPath(on, "stat", 0, args);
}

/** fs.lstat(path, [options,] callback) */
export function lstat(on: CallbackRoad, args: readonly unknown[]): boolean {
  return statPath(on, "lstat", AT_SYMLINK_NOFOLLOW, args);
}

/** fs.fstat(fd, [options,] callback) */
export function fstat(on: CallbackRoad, args: readonly unknown[]): boolean {
  const fd = args[0];
  return isDescriptor(fd) && start(on, fd, "", AT_EMPTY_PATH, FSTAT, args);
}

function statPath(
  on: CallbackRoad,
  syscall: string,
  flags: number,
  args: readonly unknown[],
): boolean {
  const path = needsNodeStats() ? undefined : plainPath(args[0]);
  return path !== undefined && start(on, AT_FDCWD, path, flags, { syscall, path }, args);
}

function start(
  on: CallbackRoad,
  fd: number,
  path: string | Uint8Array,
  flags: number,
  facts: CallFacts,
  args: readonly unknown[],
): boolean {
  const callback = isCallback(args[1]) ? args[1] : args[2];
  const makers = statsMakers();
  const isBig = wantsBigInts(isCallback(args[1]) ? undefined : args[1]);
  if (!isCallback(callback) || makers === null || isBig === undefined) return false;
  cells ??= new StatxCells(on.session.memory);
  const kept = cells;
  const cell = kept.take();
  const make = isBig ? makers.big : makers.plain;
  const memory = { read: () => make(cell.view), release: () => kept.give(cell) };
  const request = on.request.reset(OperationKind.Statx);
  request.fd = fd;
  request.path = path;
  request.flags = flags;
  request.extra = STATX_BASIC_STATS | STATX_BTIME;
  request.setAddress(cell.address);
  request.buffer = cell.view;
  void on.session.scheduler.startFor(request, new StatCall(on.deliveries, callback, facts, memory));
  return true;
}

/** Whether bigints are asked for; undefined where Node should look at the options. */
function wantsBigInts(options: unknown): boolean | undefined {
  if (options === undefined) return false;
  if (!hasOnly(options, OPTIONS)) return undefined;
  const { bigint = false } = options as { readonly bigint?: unknown };
  return typeof bigint === "boolean" ? bigint : undefined;
}
