import { BYTES_PER_TURN, COMPLETIONS_PER_TURN, RETRY_MS } from "../base/limits.ts";
import { keepTurning, loop } from "./ending.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const MOST_COMPLETIONS = COMPLETIONS_PER_TURN;
const MOST_BYTES = BYTES_PER_TURN;

/**
 * When the next batch comes: from `process.nextTick`, after all microtasks, until a turn of the
 * event loop has had its share of completions and bytes; then from `setImmediate`.
 */
export class Pace {
  /** A batch is to come. */
  scheduled = false;
  #gathering = false;
  #completions = 0;
  #bytes = 0;
  readonly #batch: () => void;
  readonly #tick = () => {
    this.scheduled = false;
    this.#batch();
  };
  readonly #nextTurn = () => {
    this.scheduled = false;
    this.newTurn();
    this.#batch();
  };

  /** @param batch Hands over, reaps and delivers. */
  constructor(batch: () => void) {
    this.#batch = batch;
  }

  /** Has a batch come. */
  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    if (loop.ranDry === true) keepTurning();
    if (this.#completions < MOST_COMPLETIONS && this.#bytes < MOST_BYTES) {
      process.nextTick(this.#tick);
    } else {
      setImmediate(this.#nextTurn);
    }
  }

  /** Has a batch come after a while: the kernel is short of something. */
  retry(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setTimeout(this.#nextTurn, RETRY_MS);
  }

  /** The event loop has turned. */
  newTurn(): void {
    this.#completions = 0;
    this.#bytes = 0;
  }

  /** How many completions a turn still has room for; one always. */
  get room(): number {
    return Math.max(1, MOST_COMPLETIONS - this.#completions);
  }

  /** Counts what has completed. */
  count(completions: number): void {
    this.#completions += completions;
  }

  /** Counts what was transferred. */
  countBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Keeps what is started from now on back, whatever ticks run, until `endGathering`. */
  beginGathering(): void {
    this.#gathering = this.scheduled === false;
    this.scheduled = true;
  }

  /** Hands over what was started since `beginGathering`, with what the last callback's ticks add. */
  endGathering(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    this.scheduled = false;
    this.newTurn();
    this.schedule();
  }
}
