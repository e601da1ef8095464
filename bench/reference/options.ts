import { parseArgs } from "node:util";

/** What `npm run bench:reference` was asked to do. */
export interface Options {
  readonly rounds: number;
  /** How long each configuration is measured per round. */
  readonly seconds: number;
  readonly rampSeconds: number;
  /** Ids of the rows to run; all of them when empty. */
  readonly rows: readonly string[];
  /** Where the result goes besides the baseline. */
  readonly json: string | undefined;
  /** Name of the baseline. */
  readonly name: string | undefined;
  /** Whether the baseline and docs/benchmarks.md are written: complete, long runs only. */
  readonly keep: boolean;
  /** Exit with 1 when a floor was missed. */
  readonly strict: boolean;
  readonly help: boolean;
}

/** What `--help` prints. */
export const HELP = `npm run bench:reference -- [options]

  --rounds N      rounds, interleaved (7)
  --seconds N     measured per configuration and round (1)
  --rows a,b      only these rows, by id
  --quick         2 rounds of 0.2 s: whether it works, not how fast
  --json FILE     write the result there, too
  --name NAME     name of the baseline in bench/baselines
  --no-keep       write neither baseline nor docs/benchmarks.md
  --strict        exit with 1 when a floor was missed
  --help          this text

Only a run in which all rows were measured, in 7 rounds or more, is kept.
`;

/** Fewer rounds have no spread worth showing. */
export const ROUNDS_TO_KEEP = 7;

/** Reads the command line. Throws a TypeError or RangeError that says what is wrong with it. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      rows: { type: "string", default: "" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      name: { type: "string" },
      "no-keep": { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const rounds = positive("--rounds", values.rounds ?? (values.quick ? "2" : "7"));
  const seconds = positive("--seconds", values.seconds ?? (values.quick ? "0.2" : "1"));
  const rows = values.rows.split(",").filter((id) => id !== "");
  if (!Number.isInteger(rounds)) throw new RangeError(`--rounds must be whole: ${rounds}`);
  return {
    rounds,
    seconds,
    rampSeconds: values.quick ? 0.2 : 0.4,
    rows,
    json: values.json,
    name: values.name,
    keep: !values["no-keep"] && !values.quick && rows.length === 0 && rounds >= ROUNDS_TO_KEEP,
    strict: values.strict,
    help: values.help,
  };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(Number.isFinite(value) && value > 0)) {
    throw new RangeError(`${option} must be a number above 0: ${text}`);
  }
  return value;
}
