import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import type { ReadStream, WriteStream } from "node:fs";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { patienceMs } from "./patience.ts";

/** One line per thing that happened to a stream, in order, so that two streams can be compared. */
export type StreamLog = string[];

const EVENTS = [
  "open",
  "ready",
  "data",
  "readable",
  "end",
  "drain",
  "finish",
  "close",
  "error",
  "pause",
  "resume",
  "pipe",
  "unpipe",
];

/** How two values are compared: bytes by length and hash, errors by every own key, numbers as is. */
export function shown(value: unknown): string {
  if (value instanceof Uint8Array) {
    const size = `${value.length} of ${value.buffer.byteLength}`;
    return `${value.constructor.name}(${size}) ${hash(value)}`;
  }
  if (typeof value === "string") return `string(${value.length}) ${hash(value)}`;
  if (value instanceof Error) {
    const own = Object.entries(value).map(([key, each]) => `${key}=${shown(each)}`);
    return `${value.constructor.name} ${value.name} ${value.message} {${own.join(" ")}}`;
  }
  return String(value);
}

function hash(value: string | Uint8Array): string {
  return createHash("md5").update(value).digest("hex").slice(0, 8);
}

/**
 * Writes down every event of a stream, without listening: whoever listens for `data` or `readable`
 * changes what happens. Descriptors are left out, which differ between two streams at once.
 */
export function logOf(stream: ReadStream | WriteStream, log: StreamLog = []): StreamLog {
  const { emit } = EventEmitter.prototype;
  Object.defineProperty(stream, "emit", {
    configurable: true,
    writable: true,
    value(this: EventEmitter, name: string, ...args: unknown[]) {
      if (EVENTS.includes(name)) {
        log.push(
          [name, ...(name === "open" || name.endsWith("pipe") ? [] : args.map(shown))].join(" "),
        );
      }
      return emit.call(this, name, ...args);
    },
  });
  return log;
}

/** Everything about a stream that a program can look at: values, keys and their order, and class. */
export function stateOf(stream: ReadStream | WriteStream): object {
  const all = stream as unknown as Record<string, unknown>;
  const names = ["path", "flags", "mode", "start", "end", "pos", "bytesRead", "bytesWritten"];
  const more = ["pending", "autoClose", "flush", "destroyed", "closed", "errored", "readableEnded"];
  const last = ["readableFlowing", "readableLength", "readableAborted", "writableFinished"];
  return {
    keys: Reflect.ownKeys(stream).map(String),
    prototype: Object.getPrototypeOf(stream),
    fd: typeof all.fd,
    ...Object.fromEntries([...names, ...more, ...last].map((name) => [name, shown(all[name])])),
  };
}

/** Waits until a stream is over: closed, or as far as one comes that does not close itself. */
export async function overOf(stream: ReadStream | WriteStream): Promise<void> {
  const all = stream as unknown as Record<string, unknown>;
  const until = performance.now() + patienceMs(20_000);
  while (performance.now() < until) {
    const done = all.readableEnded === true || all.writableFinished === true;
    const left = all.autoClose === false && !stream.destroyed && (done || all.errored !== null);
    if (stream.closed || left) break;
    await sleep(1);
  }
  // What comes after the end, and should not.
  for (let turn = 0; turn < 3; turn++) await nextTurn();
}

/** Waits until a stream that was paused has read all that it reads without being asked. */
export async function filled(stream: ReadStream): Promise<void> {
  const state = (stream as unknown as { _readableState: { ended: boolean } })._readableState;
  const isFilling = () => stream.readableLength < stream.readableHighWaterMark && !state.ended;
  while (isFilling() && !stream.destroyed) await sleep(1);
}
