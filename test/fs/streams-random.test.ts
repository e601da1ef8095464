import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import { openDescriptors } from "../support/descriptors.ts";
import { filled, logOf, overOf, type StreamLog, shown, stateOf } from "../support/stream-log.ts";
import { bytesOf, compared, type Makers } from "../support/stream-makers.ts";

/** Numbers that are the same in every run with the same seed: a linear congruential generator. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  /** One of several. */
  of<T>(...choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

type Reader = (stream: fs.ReadStream, chance: Chance, log: StreamLog) => Promise<void>;

/** Lets it flow, pauses it now and then, and maybe destroys it. */
const flow: Reader = async (stream, chance) => {
  const last = chance.of(1, 2, 5, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  // Not both: out of a timer, whether an immediate or the next chunk comes first is chance.
  const waits = chance.below(2) === 0;
  let chunks = 0;
  stream.on("data", () => {
    if (++chunks >= last) {
      stream.destroy(chance.of(undefined, new Error("enough")));
      return;
    }
    if (chance.below(2) === 0) return;
    stream.pause();
    if (!waits) setImmediate(() => stream.resume());
    else void filled(stream).then(() => stream.resume());
  });
};

/** Takes what it wants when there is some. */
const take: Reader = async (stream, chance, log) => {
  stream.on("readable", () => {
    for (;;) {
      const chunk = stream.read(chance.of(undefined, undefined, 100, 1000)) as Buffer | null;
      if (chunk === null) break;
      log.push(`took ${shown(chunk)}`);
    }
    // What was too much to ask for is taken as it is.
    const rest = stream.read() as Buffer | null;
    if (rest !== null) log.push(`took the rest ${shown(rest)}`);
  });
};

/** Iterates, and maybe stops. */
const iterate: Reader = async (stream, chance, log) => {
  const last = chance.of(1, 3, Number.POSITIVE_INFINITY);
  let chunks = 0;
  for await (const chunk of stream) {
    log.push(`got ${shown(chunk)}`);
    // Whether a read in flight is done would be chance: either nothing happens, or all that can.
    if (chance.below(3) === 0) await filled(stream);
    if (++chunks >= last) break;
  }
};

/** Pipes into something slow. */
const pipe: Reader = async (stream, chance, log) => {
  const slow = new Writable({
    highWaterMark: chance.of(1, 16_384, 200_000),
    write(chunk, _encoding, callback) {
      log.push(`wrote ${shown(chunk)}`);
      if (chance.below(2) === 0) void filled(stream).then(() => callback());
      else callback();
    },
  });
  stream.pipe(slow);
  await new Promise((resolve) => slow.once("finish", resolve));
};

/** Reads it line by line. */
const lines: Reader = async (stream, _chance, log) => {
  for await (const line of createInterface({ input: stream })) log.push(shown(line));
};

const READERS: readonly Reader[] = [flow, flow, flow, take, iterate, pipe, lines];
const LENGTH = 400_000;

function optionsOf(chance: Chance) {
  const start = chance.of(undefined, undefined, 0, chance.below(LENGTH), LENGTH + 5);
  const end = chance.of(undefined, undefined, (start ?? 0) + chance.below(LENGTH));
  return {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...chance.of({}, {}, { encoding: "utf8" as const }, { encoding: "hex" as const }),
    ...chance.of({}, {}, { highWaterMark: chance.of(5000, 65_537, 100_000) }),
    ...chance.of({}, {}, { autoClose: false }, { emitClose: false }, { flags: "r+" }),
  };
}

/** One program: whatever chance says, with the makers of either side. */
async function run(makers: Makers, dir: string, seed: number) {
  const chance = new Chance(seed);
  const path = join(dir, "file");
  fs.writeFileSync(path, chance.of(Buffer.from("ä line\n".repeat(50_000)), bytesOf(LENGTH)));
  const options = optionsOf(chance);
  const reader = chance.of(...READERS);
  const missing = chance.below(12) === 0;
  const before = openDescriptors();
  const stream = makers.read(missing ? `${path}?` : path, options);
  const log = logOf(stream);
  stream.on("error", () => {});
  // A stream that fails never gives the reader what it waits for.
  void reader(stream, chance, log).catch((error: unknown) => log.push(`threw ${shown(error)}`));
  await overOf(stream);
  const state = stateOf(stream);
  // Whatever was left open on purpose, and nothing else, is open now.
  const { fd } = stream as unknown as { fd: number | null };
  if (fd !== null) fs.closeSync(fd);
  if (makers.of === "proactor/fs" && warm) assert.deepEqual(openDescriptors(), before);
  warm ||= makers.of === "proactor/fs";
  const end = log.indexOf("end");
  // readline pauses its input when it has read the last line, which may be after all is over.
  const events = log.filter((line, i) => end === -1 || i < end || line !== "pause");
  return { options, reader: reader.name, missing, events, state };
}

/** The ring, whose descriptors are no leak, is there after the first stream. */
let warm = false;

describe("createReadStream, by chance", () => {
  const first = Number(process.env.SEED ?? 1);
  const count = Number(process.env.SEEDS ?? 25);
  for (let seed = first; seed < first + count; seed++) {
    it(
      `does as Node's with seed ${seed}`,
      compared((makers, dir) => run(makers, dir, seed)),
    );
  }
});
