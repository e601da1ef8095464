import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";

/** Where the repository is, seen from the compiled file. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** How a property is checked. */
export interface PropertyOptions {
  /** How many random programs; `PROACTOR_TEST_RUNS` says otherwise. */
  readonly runs: number;
  /** The compiled test file, `import.meta.url`: what the replay command runs. */
  readonly file: string;
  /** The test's name: what the replay command picks. */
  readonly name: string;
  /** Told when it fails, and part of the replay command: variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Checks a property with random values. A failure tells the smallest value that fails and the
 * command that runs exactly that one again.
 *
 * `PROACTOR_TEST_SEED` and `PROACTOR_TEST_PATH` replay; without them every run draws new values.
 */
export async function checkProperty<T>(
  values: fc.Arbitrary<T>,
  body: (value: T) => Promise<void>,
  options: PropertyOptions,
): Promise<void> {
  const { PROACTOR_TEST_SEED: seed, PROACTOR_TEST_PATH: path, PROACTOR_TEST_RUNS } = process.env;
  const details = await fc.check(fc.asyncProperty(values, body), {
    numRuns: Number(PROACTOR_TEST_RUNS ?? options.runs),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
  if (!details.failed) return;
  const { counterexample, errorInstance, counterexamplePath, numShrinks } = details;
  const variables = {
    ...options.env,
    PROACTOR_TEST_SEED: String(details.seed),
    PROACTOR_TEST_PATH: counterexamplePath ?? "",
  };
  const command = replayCommand(options.file, options.name, variables);
  const reason = errorInstance instanceof Error ? errorInstance.stack : String(errorInstance);
  throw new Error(
    `${options.name}: failed after ${details.numRuns} runs and ${numShrinks} shrinks\n` +
      `replay: ${command}\n` +
      `value: ${fc.stringify(counterexample?.[0])}\n${reason}`,
  );
}

/** The command that runs one test of one file again. */
export function replayCommand(
  file: string,
  name: string,
  variables: Readonly<Record<string, string>>,
): string {
  const prefix = Object.entries(variables).map(([key, value]) => `${key}=${value} `);
  const path = relative(ROOT, fileURLToPath(file));
  return `${prefix.join("")}node --test --test-name-pattern='${name}' ${path}`;
}
