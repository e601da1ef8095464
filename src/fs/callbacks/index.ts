import { callsInFlight } from "./call.ts";
import {
  close,
  fdatasync,
  fsync,
  ftruncate,
  link,
  mkdir,
  open,
  rename,
  rmdir,
  symlink,
  unlink,
} from "./files.ts";
import { announceWalks } from "./realpath.ts";
import { type CallbackRoad, callbackRoad } from "./road.ts";
import { fstat, lstat, stat } from "./stats.ts";
import { read, readv, write, writev } from "./transfers.ts";
import { appendFile, copyFile, lookAgain, readFile, writeFile } from "./whole.ts";

export { announceWalks, callbackRoad, callsInFlight, lookAgain };

/** Starts what it was asked and answers true, or leaves it to Node's function and answers false. */
export type CallbackFunction = (on: CallbackRoad, args: readonly unknown[]) => boolean;

/** The callback functions of node:fs that there is something to gain for, by name. */
export const callbackFunctions: Readonly<Record<string, CallbackFunction>> = {
  open,
  close,
  read,
  write,
  readv,
  writev,
  stat,
  lstat,
  fstat,
  readFile,
  writeFile,
  appendFile,
  copyFile,
  fsync,
  fdatasync,
  ftruncate,
  unlink,
  rename,
  mkdir,
  rmdir,
  symlink,
  link,
};
