import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { release } from "node:os";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import * as uring from "../../src/abi/io-uring.ts";
import {
  allocate,
  EINTR,
  getProbe,
  type Probe,
  queryOpcodes,
  queueInit,
  type Ring,
  type Struct,
  timespecMs,
} from "../../src/compat/ring/index.ts";
import { loadNative } from "../../src/native/load.ts";
import { isAtLeast, kernelOf } from "../../tools/lib/uring-names.ts";

/** How long a completion may take before a test gives up; far longer than any does. */
const PATIENCE_MS = 20_000;

type Body = (t: TestContext) => void | Promise<void>;

let probed: Probe | string | undefined;

/** What this kernel's opcodes are, or why there is no ring at all. */
function probe(): Probe | string {
  if (probed !== undefined) return probed;
  const native = loadNative();
  if (!native.available) probed = native.reason;
  else {
    try {
      probed = getProbe();
    } catch (error) {
      probed = error instanceof Error ? error.message : String(error);
    }
  }
  return probed;
}

/** Why a test that needs these parts of the interface cannot run here. */
function whyNot(covers: readonly string[]): string | undefined {
  const found = probe();
  if (typeof found === "string") return found;
  const missing = covers.filter((name) => !isThere(name, found));
  if (missing.length === 0) return undefined;
  const needs = missing.map((name) => `${name} (Linux ${kernelOf(name)})`).join(", ");
  return `Linux ${release()} has no ${needs}`;
}

function isThere(name: string, found: Probe): boolean {
  const value = (uring as unknown as Record<string, number>)[name];
  assert.ok(value !== undefined, `src/abi has no ${name}`);
  if (name.startsWith("IORING_OP_")) return found.opcodeSupported(value);
  const answer = queryOpcodes();
  // Before IORING_REGISTER_QUERY only the kernel's version tells.
  if (answer === undefined) return isAtLeast(release(), kernelOf(name));
  if (name.startsWith("IORING_SETUP_")) return (answer.setupFlags & value) !== 0;
  if (name.startsWith("IORING_ENTER_")) return (answer.enterFlags & value) !== 0;
  if (name.startsWith("IOSQE_")) return (answer.sqeFlags & value) !== 0;
  return value < answer.registerOpcodes;
}

/**
 * A test that exercises parts of the kernel's interface, by their names. Where the kernel lacks one
 * it is skipped, and says which. `tools/uring-table.ts` reads these calls to write the table in
 * docs/engines/io-uring.md.
 */
export function uringIt(name: string, covers: readonly string[], body: Body): void {
  const skip = whyNot(covers);
  it(name, skip === undefined ? {} : { skip }, body);
}

/**
 * A test of something that cannot be made to succeed here, whatever the kernel: it shows what the
 * kernel answers instead, and `reason` stands in the table.
 */
export function uringRefused(
  name: string,
  covers: readonly string[],
  reason: string,
  body: Body,
): void {
  assert.match(reason, /\S/);
  uringIt(name, covers, body);
}

/**
 * Whether this kernel is at least that one. Only for what nothing else tells: a field that older
 * kernels refuse, say. What a name stands for is asked for by `uringIt`.
 */
export function kernelIs(version: string): boolean {
  return isAtLeast(release(), version);
}

/** One completion, as a test looks at it. */
export interface Completed {
  readonly data: number;
  readonly res: number;
  readonly flags: number;
}

/** Waits until `count` completions have come, and gives them back; in the order of their coming. */
export function complete(ring: Ring, count: number): Completed[] {
  const found: Completed[] = [];
  while (found.length < count) {
    const cqe = ring.waitCqeTimeout(timespecMs(PATIENCE_MS));
    // A signal, of a child that ends, may come while we wait.
    if (cqe === -EINTR) continue;
    assert.ok(cqe >= 0, `waitCqeTimeout answers ${cqe} after ${found.length} of ${count}`);
    found.push({
      data: ring.cqeGetDataLow(cqe),
      res: ring.cqeRes(cqe),
      flags: ring.cqeFlags(cqe),
    });
    ring.cqeSeen(cqe);
  }
  return found;
}

/** The completions by their user data. */
export function byData(completions: readonly Completed[]): Map<number, Completed> {
  return new Map(completions.map((one) => [one.data, one]));
}

/** Prepares one request; fails when there is no room. `data` is its user data. */
export function prepare(
  ring: Ring,
  prep: (sqe: number) => void,
  { data = 0, flags = 0 }: { data?: number; flags?: number } = {},
): number {
  const sqe = ring.getSqe();
  assert.notEqual(sqe, -1, "The submission queue is full");
  prep(sqe);
  ring.sqeSetData64(sqe, data);
  if (flags !== 0) ring.sqeSetFlags(sqe, flags);
  return sqe;
}

/** Runs one request alone and returns its result. */
export function run(ring: Ring, prep: (sqe: number) => void, flags = 0): number {
  prepare(ring, prep, { data: 0x1234, flags });
  submit(ring, 1);
  const [completed] = complete(ring, 1);
  assert.equal(completed?.data, 0x1234);
  return completed.res;
}

/** Runs one request that has to succeed, and returns its result. */
export function ok(ring: Ring, prep: (sqe: number) => void, flags = 0): number {
  const res = run(ring, prep, flags);
  assert.ok(res >= 0, `The request answers ${res}`);
  return res;
}

/** Runs one request and expects this result. */
export function expectRes(
  ring: Ring,
  expected: number,
  prep: (sqe: number) => void,
  flags = 0,
): void {
  assert.equal(run(ring, prep, flags), expected);
}

/** Submits, and expects the kernel to take so many. */
export function submit(ring: Ring, count: number): void {
  assert.equal(ring.submit(), count);
}

/** A ring of the ordinary kind, for `using`. */
export function smallRing(entries = 8): Ring {
  return queueInit(entries);
}

/** Bytes that lie on a page of their own, filled with text. */
export function page(text = "", size = 4096): Buffer {
  const buffer = allocate(size);
  buffer.write(text);
  return buffer;
}

/** Two ends of something, closed by `Symbol.dispose`. */
export class Pair {
  readonly a: number;
  readonly b: number;
  readonly #close: () => void;

  constructor(a: number, b: number, close: () => void) {
    this.a = a;
    this.b = b;
    this.#close = close;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

/**
 * A pipe without an opcode, for kernels that lack it: what is written to `b` is read from `a`.
 *
 * @param dir A folder for the FIFO.
 */
export function fifo(dir: string, name = "fifo"): Pair {
  const path = join(dir, name);
  execFileSync("mkfifo", [path]);
  const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const b = openSync(path, "w");
  // A non-blocking descriptor would answer EAGAIN instead of waiting.
  const a = openSync(`/proc/self/fd/${first}`, "r");
  closeSync(first);
  return new Pair(a, b, () => {
    closeSync(a);
    closeSync(b);
  });
}

/** Two connected TCP sockets on the loopback interface, which Node made and leaves alone. */
export async function sockets(): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const client = connect({ port: address.port, host: "127.0.0.1" });
  // Before it is connected, so that Node never starts to read.
  client.pause();
  await new Promise<void>((resolve) => client.once("connect", () => resolve()));
  const other = await accepted;
  server.close();
  return new Pair(fdOf(client), fdOf(other), () => {
    client.destroy();
    other.destroy();
  });
}

/** The descriptor of a socket of Node's. */
export function fdOf(socket: Socket): number {
  const handle = (socket as unknown as { _handle: { fd: number } })._handle;
  return handle.fd;
}

/** A time limit for waiting that a test expects to run out, or one that it never should. */
export function limit(ms = PATIENCE_MS): Struct {
  return timespecMs(ms);
}

/**
 * Memory that can be lent on every runtime, with some bytes in it: what a program's own Buffer is
 * not where memory cannot be held.
 */
export function lendable(content: number | string): Buffer {
  if (typeof content === "number") return allocate(Math.max(content, 1)).subarray(0, content);
  const bytes = allocate(Math.max(Buffer.byteLength(content), 1));
  return bytes.subarray(0, bytes.write(content));
}

/** The same as signed words: how many, or which. */
export function lendableInt32s(content: number | readonly number[]): Int32Array {
  const values = typeof content === "number" ? new Array<number>(content).fill(0) : content;
  const words = new Int32Array(allocate(4 * values.length).buffer, 0, values.length);
  words.set(values);
  return words;
}

/** The same as unsigned words. */
export function lendableUint32s(content: number | readonly number[]): Uint32Array {
  const { buffer, length } = lendableInt32s(content);
  return new Uint32Array(buffer, 0, length);
}

/** Why a test about memory of the program's own cannot run. */
export const NOT_HELD = "Memory of a program's own cannot be held on this runtime";

/** Whether memory of a program's own can be held, or only what `allocate` gave. */
export function holdsMemory(): boolean {
  const native = loadNative();
  if (!native.available) return false;
  return native.addon.hold(new ArrayBuffer(64)) !== undefined;
}
