/** What is in flight on one FileHandle: it keeps the handle open, and says how each call ends. */
import type { BufferView } from "../core/index.ts";
import type { Finisher } from "../runtime/gate.ts";

// A null-prototype object as Node's; a literal with `__proto__: null` takes three times as long.
const { create } = Object;

/** Makes the value of a promise out of the kernel's number and what the caller passed. */
export type MakeValue = (result: number, memory: unknown) => unknown;

/** What `read` resolves with. */
export function readValue(bytesRead: number, buffer: unknown): unknown {
  const value = create(null) as Record<string, unknown>;
  value.bytesRead = bytesRead;
  value.buffer = buffer;
  return value;
}

/** What `write` resolves with. */
export function writeValue(bytesWritten: number, buffer: unknown): unknown {
  const value = create(null) as Record<string, unknown>;
  value.bytesWritten = bytesWritten;
  value.buffer = buffer;
  return value;
}

/** What `readv` resolves with. */
export function readvValue(bytesRead: number, buffers: unknown): unknown {
  const value = create(null) as Record<string, unknown>;
  value.bytesRead = bytesRead;
  value.buffers = buffers;
  return value;
}

/** What `writev` resolves with. */
export function writevValue(bytesWritten: number, buffers: unknown): unknown {
  const value = create(null) as Record<string, unknown>;
  value.bytesWritten = bytesWritten;
  value.buffers = buffers;
  return value;
}

/** Keeps a handle open while anything is in flight: two calls for a burst, not two per transfer. */
export class Flight {
  /** Ends reads whose buffer the request named as the caller did. */
  readonly reads: SharedEnd = new SharedEnd(this, readValue);
  /** Ends such writes. */
  readonly writes: SharedEnd = new SharedEnd(this, writeValue);
  readonly #ref: () => void;
  readonly #unref: () => void;
  #inFlight = 0;
  /** A transfer that moves the file position is in flight. */
  #moving = false;
  readonly #waiting: (() => void)[] = [];

  /**
   * @param ref Keeps the handle open.
   * @param unref Lets go of it: a close that was asked for meanwhile happens then.
   */
  constructor(ref: () => void, unref: () => void) {
    this.#ref = ref;
    this.#unref = unref;
  }

  /** Something is about to be queued. */
  begin(): void {
    if (this.#inFlight++ === 0) this.#ref();
  }

  /** Something has completed. */
  end(): void {
    if (--this.#inFlight === 0) this.#unref();
  }

  /**
   * Starts what moves the file position, now or after all that was asked for before. Two at once
   * would both begin where the first began: the ring reads the position when a transfer starts and
   * writes it when it is done.
   *
   * @param start Has to see to it that `moved` is called, once.
   */
  move<T>(start: () => Promise<T>): Promise<T> {
    if (!this.#moving) {
      this.#moving = true;
      return start();
    }
    this.begin();
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(start());
        } catch (error) {
          // Its memory may have gone while it waited.
          reject(error);
          this.moved();
        }
        // By now what was started keeps the handle open by itself.
        this.end();
      });
    });
  }

  /** What moved the file position has ended. */
  moved(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#moving = false;
    else next();
  }
}

/** One object for all reads, or all writes, of a handle. */
class SharedEnd implements Finisher {
  readonly #flight: Flight;
  readonly #make: MakeValue;

  constructor(flight: Flight, make: MakeValue) {
    this.#flight = flight;
    this.#make = make;
  }

  finish(result: number | Error, memory: BufferView | undefined): unknown {
    this.#flight.end();
    return typeof result === "number" ? this.#make(result, memory) : result;
  }
}

/** How one transfer ends that has its own memory, or moves the file position. */
export class OwnEnd implements Finisher {
  readonly #flight: Flight;
  readonly #make: MakeValue;
  readonly #memory: unknown;
  readonly #moves: boolean;

  /** @param memory What the caller passed, which is not always what the kernel was given. */
  constructor(flight: Flight, make: MakeValue, memory: unknown, moves: boolean) {
    this.#flight = flight;
    this.#make = make;
    this.#memory = memory;
    this.#moves = moves;
  }

  finish(result: number | Error): unknown {
    // Whatever waits for the file position keeps the handle open before this one lets go of it.
    if (this.#moves) this.#flight.moved();
    this.#flight.end();
    return typeof result === "number" ? this.#make(result, this.#memory) : result;
  }
}
