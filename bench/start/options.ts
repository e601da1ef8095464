import { parseArgs } from "node:util";
import { SITUATIONS } from "./plan.ts";

/** What `npm start` was asked to do. */
export interface Options {
  /** About how long it all takes. */
  readonly seconds: number;
  readonly rounds: number;
  /** Ids of the situations to run; all of them when empty. */
  readonly situations: readonly string[];
  /** Bytes of the test file. */
  readonly fileBytes: number;
  /** A path, `"-"` for stdout, or undefined for no JSON. */
  readonly json: string | undefined;
  readonly help: boolean;
}

/** What `--help` prints. */
export const HELP = `npm start -- [options]

Compares ways to read a file on this machine, in about half a minute: readSync, fs.read with
callbacks, fs/promises, proactor on the thread pool, proactor on io_uring.

  --seconds N     about how long it takes (30)
  --rounds N      interleaved rounds, whose spread is shown (5)
  --quick         3 rounds in about 10 seconds
  --situations A  only these, by id, with commas: ${SITUATIONS.map(({ id }) => id).join(", ")}
  --json [FILE]   write the numbers as JSON, to stdout without FILE
  --help          this text

PROACTOR_ENGINE=thread_pool leaves io_uring out.
`;

const MIB = 1024 * 1024;

/** Reads the command line. Throws a TypeError or RangeError that says what is wrong with it. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: withStdout(args),
    options: {
      seconds: { type: "string" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      situations: { type: "string", default: "" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { quick } = values;
  const seconds = Number(values.seconds ?? (quick ? 10 : 30));
  const rounds = Number(values.rounds ?? (quick ? 3 : 5));
  if (!(seconds >= 1 && seconds <= 3600)) {
    throw new RangeError(`--seconds must be 1 to 3600: ${values.seconds}`);
  }
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 1000)) {
    throw new RangeError(`--rounds must be a whole number from 1 to 1000: ${values.rounds}`);
  }
  const situations = values.situations.split(",").filter((id) => id !== "");
  const unknown = situations.find((id) => !SITUATIONS.some((situation) => situation.id === id));
  if (unknown !== undefined) throw new RangeError(`There is no situation ${unknown}`);
  return {
    seconds,
    rounds,
    situations,
    fileBytes: (quick ? 64 : 256) * MIB,
    json: values.json,
    help: values.help,
  };
}

/** `--json` may stand alone, which parseArgs does not know of: say what it means. */
function withStdout(args: readonly string[]): string[] {
  const next = args[args.indexOf("--json") + 1];
  const alone = next === undefined || next.startsWith("--");
  return args.map((arg) => (arg === "--json" && alone ? "--json=-" : arg));
}
