import { ECANCELED, POLLERR, POLLHUP } from "../../abi/linux.ts";

/** What poll(2) tells without being asked. */
const ALWAYS = POLLERR | POLLHUP;

/** A poll that has not completed. */
interface Poll {
  readonly generation: number;
  readonly cell: number;
  readonly events: number;
  canceled: boolean;
}

/**
 * The polls on their way: the only requests that io_cancel(2) can stop, for which each needs an
 * iocb that nobody else uses meanwhile.
 */
export class Polls {
  readonly #first: number;
  readonly #free: number[] = [];
  readonly #polls = new Map<number, Poll>();
  #used = 0;

  /** @param first The first iocb that belongs to polls. */
  constructor(first: number) {
    this.#first = first;
  }

  /** How many there are. */
  get size(): number {
    return this.#polls.size;
  }

  /** Takes an iocb for a poll, which keeps it until `end`. `events` is what it waits for. */
  begin(index: number, generation: number, events: number): number {
    const cell = this.#free.pop() ?? this.#first + this.#used++;
    this.#polls.set(index, { generation, cell, events, canceled: false });
    return cell;
  }

  /** The iocb of a poll, or -1 where the slot has none. */
  find(index: number, generation: number): number {
    const poll = this.#polls.get(index);
    return poll?.generation === generation ? poll.cell : -1;
  }

  /** The kernel gives a poll up: its event will come, with an empty mask. */
  canceled(index: number): void {
    const poll = this.#polls.get(index);
    if (poll !== undefined) poll.canceled = true;
  }

  /** A poll completed before the kernel saw it; its iocb stays taken until `free`. */
  forget(index: number): void {
    this.#polls.delete(index);
  }

  /** Takes back the iocb of a poll that was forgotten. */
  free(cell: number): void {
    this.#free.push(cell);
  }

  /** Takes the iocb back, if it was a poll that completed. Returns the result for the caller. */
  end(index: number, generation: number, result: number): number {
    const poll = this.#polls.get(index);
    if (poll === undefined || poll.generation !== generation) return result;
    this.#polls.delete(index);
    this.#free.push(poll.cell);
    if (result < 0) return result;
    if (poll.canceled && result === 0) return -ECANCELED;
    // A poll that had to wait is told all that happened, not only what it asked for (Linux 6.18).
    return result & (poll.events | ALWAYS);
  }
}
