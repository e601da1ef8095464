/** How much longer everything takes than on a machine of its own; 20 under emulation. */
const FACTOR = Number(process.env.PROACTOR_TEST_PATIENCE ?? 1);

/**
 * A time limit of a test, stretched where the machine is slow: `PROACTOR_TEST_PATIENCE=20`. Only
 * for what ends a hang, never for what a test measures.
 */
export function patienceMs(ms: number): number {
  return ms * FACTOR;
}
