import { errnoOf } from "../base/errors.ts";
import { Request } from "../core/index.ts";
import { type Extras, extrasWith } from "./extras.ts";
import { type FilePositions, isAtPosition, type Turn } from "./file-positions.ts";
import type { HeldList } from "./held.ts";
import { settle } from "./settlement.ts";
import type { Waiting } from "./waiting.ts";
import type { Watches } from "./watch.ts";

const ECANCELED = -errnoOf("ECANCELED");

/** What the turns of a scheduler need of it. */
export interface TurnOwner {
  /** Starts what has its turn now. */
  admit(waiting: Waiting): void;
  /** Looks whether anything is left to do. */
  schedule(): void;
}

/** Has the operations of one scheduler that move a file position wait for their turn. */
export class Turns {
  readonly #positions: FilePositions;
  readonly #byOffset: boolean;
  readonly #held: HeldList;
  readonly #watches: Watches;
  readonly #owner: TurnOwner;

  /**
   * @param byOffset Whether the engine leaves the position to us.
   * @param held Where they are, and in which order, while they wait.
   */
  constructor(
    positions: FilePositions,
    byOffset: boolean,
    held: HeldList,
    watches: Watches,
    owner: TurnOwner,
  ) {
    this.#positions = positions;
    this.#byOffset = byOffset;
    this.#held = held;
    this.#watches = watches;
    this.#owner = owner;
  }

  /** The descriptor whose file position a request moves, or -1. */
  descriptorOf(request: Request): number {
    return isAtPosition(request) ? this.#positions.descriptorOf(request) : -1;
  }

  /**
   * Gives a request its turn at once: null where it has to wait for that, undefined where it moves
   * no file position.
   */
  begin(request: Request): Turn | null | undefined {
    const fd = this.descriptorOf(request);
    if (fd === -1) return undefined;
    if (request.drain || this.#positions.isTaken(fd)) return null;
    return this.#positions.begin(fd, this.#byOffset);
  }

  /**
   * Gives an operation its turn.
   *
   * @returns What is remembered of it from now on; undefined where it has to wait for its turn.
   */
  take(fd: number, { request, operation, extras, order }: Waiting): Extras | undefined {
    const positions = this.#positions;
    const known = extras ?? extrasWith(undefined, {});
    if (request.drain) known.turn = positions.beginAlone(fd, this.#byOffset);
    else if (!positions.isTaken(fd)) known.turn = positions.begin(fd, this.#byOffset);
    if (known.turn !== undefined) return known;
    const copy = Object.assign(new Request(), request);
    // The kernel's clock would start only with its turn.
    if (copy.deadlineMs > 0) this.#watches.keepTime(operation, copy, known);
    const drop = () => {
      if (!this.#held.take(operation)) return;
      settle(operation, copy.kind, ECANCELED, known);
      // It may have been all there was.
      this.#owner.schedule();
    };
    const place = this.#held.add({ request: copy, operation, extras: known, drop }, order);
    positions.wait(fd, () => {
      if (!this.#held.take(operation)) return false;
      known.turn = positions.begin(fd, this.#byOffset);
      this.#owner.admit({ request: copy, operation, extras: known, order: place });
      return true;
    });
    return undefined;
  }
}
