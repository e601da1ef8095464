import {
  CQE_FLAGS,
  IORING_CQE_F_MORE,
  IORING_CQE_F_SKIP,
  IORING_OP_POLL_REMOVE,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from "../../abi/io-uring.ts";
import type { CompletionQueue } from "../../ring/index.ts";
import { loansIn } from "./loans.ts";

/** The high word of user data that `sqeSetData` makes; the low one is the object's place. */
export const OBJECT_DATA = 0xffff_fffe;

const OBJECT = OBJECT_DATA | 0;

// Constants out of other modules are looked up at every use; these are part of the code.
/** Flags, in the first word of an SQE, of what is tied to others or says nothing when it is done. */
const TIED = (IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS) << 8;
/** Flags of a completion that is not the last of its request. */
const NOT_LAST = IORING_CQE_F_MORE | IORING_CQE_F_SKIP;
const POLL_REMOVE = IORING_OP_POLL_REMOVE;
const CQE_FLAGS_WORD = CQE_FLAGS / 4;

/** Places for entries at the start; half of them are used before there are more. */
const INITIAL_PLACES = 512;

/** User data below this has a place of its own, where it is found without a search. */
const DIRECT = 1024;

/** Multipliers that scatter keys which differ in few bits. */
const GOLDEN = 0x9e37_79b1;
const MIXER = 0x85eb_ca6b;

/** Mark: the place is taken. */
const USED = 1;
/** Mark: something is lent under this user data. */
const HELD = 2;
/** Mark: a completion may stand for another entry's. */
const STANDS_IN = 4;

/**
 * Which requests are in flight, by their user data, and what they were lent.
 *
 * The kernel says of a completion only which user data its request had. So memory is lent under
 * user data, and given back when as many last completions with it have been seen as requests were
 * submitted with it: exact where user data tells requests apart, and late, never early, where it
 * does not.
 *
 * An open hash table in typed arrays, because it is asked twice for every request: no allocation
 * and no BigInt. Before its places lie those of small numbers, which most programs use: each has
 * its own, and their counts are side by side, because the kernel has thrown them out of the caches
 * each time. Entries stay when their count falls to zero, so that a program which uses the same
 * user data again finds them where they are; they are dropped when the table is half full.
 */
export class InFlight {
  /** How many requests are in flight that will certainly have a last completion. */
  total = 0;
  /** Whether there may be loans in what is lent. */
  hasLoans = false;
  /** Called with the low word of `OBJECT_DATA` keys when nothing with them is in flight. */
  onObjectDone: (index: number) => void = () => {};
  /** How many requests are in flight, by place. */
  #counts = new Int32Array(DIRECT + INITIAL_PLACES);
  #marks = new Uint8Array(DIRECT + INITIAL_PLACES);
  /** User data, two words, of the places that are searched. */
  #keys = new Int32Array(INITIAL_PLACES * 2);
  #shift = 32 - Math.log2(INITIAL_PLACES);
  #used = 0;
  /** What is lent, by place: undefined, one object, or a Set of them. */
  #held: unknown[] = new Array(DIRECT + INITIAL_PLACES).fill(undefined);
  /** The same, for who keeps it longer than the ring lives. */
  readonly lent = { held: this.#held };
  /** The place whose request completes instead, when a completion comes that nobody waits for. */
  readonly #partners = new Map<number, number>();

  /** Notes that a request is in flight. Words are signed. Returns its place, for `hold`. */
  add(low: number, high: number): number {
    const isDirect = high === 0 && low >= 0 && low < DIRECT;
    const place = isDirect === true ? low : this.#placeOf(low, high);
    const counts = this.#counts;
    counts[place] = (counts[place] as number) + 1;
    this.total++;
    return place;
  }

  /**
   * Notes the requests from a position of the submission queue on, up to the first that is tied to
   * others, renames another, or has user data without a place of its own; none may have been lent
   * anything. Returns where it stopped. A loop of its own, because it calls nothing: what `add`
   * asks each time, V8 asks once.
   */
  addPlain(words: Uint32Array, mask: number, shift: number, from: number, tail: number): number {
    const counts = this.#counts;
    let position = from | 0;
    for (; position !== tail; position = (position + 1) | 0) {
      const at = (position & mask) << shift;
      const head = words[at] as number;
      const low = words[at + 8] as number;
      if ((head & TIED) !== 0 || (head & 0xff) === POLL_REMOVE) break;
      if (low >= DIRECT || words[at + 9] !== 0) break;
      counts[low] = (counts[low] as number) + 1;
    }
    this.total += (position - from) | 0;
    return position;
  }

  /**
   * Notes last completions from a position of the completion queue on, up to the first that is not
   * one, that nobody waits for, or whose request had been lent something. Returns how many.
   */
  finishPlain(
    words: Int32Array,
    { first, mask, shift }: CompletionQueue,
    head: number,
    count: number,
  ): number {
    const counts = this.#counts;
    const marks = this.#marks;
    let done = 0;
    for (; done < count; done = (done + 1) | 0) {
      const at = first + (((head + done) & mask) << shift);
      const low = words[at] as number;
      if (low < 0 || low >= DIRECT || words[at + 1] !== 0) break;
      if (((words[at + CQE_FLAGS_WORD] as number) & NOT_LAST) !== 0) break;
      const left = (counts[low] as number) - 1;
      if (left < 0 || ((marks[low] as number) & HELD) !== 0) break;
      counts[low] = left;
    }
    this.total -= done;
    return done;
  }

  /** Keeps an object until nothing with the place's user data is in flight. */
  hold(place: number, object: unknown): void {
    const held = this.#held[place];
    if (held === undefined) {
      this.#held[place] = object;
      this.#mark(place, HELD);
    } else if (held instanceof Set) held.add(object);
    else if (held !== object) this.#held[place] = new Set([held, object]);
  }

  /**
   * Notes that a completion with the first user data may stand for a request with the second: a
   * poll whose user data was updated, or a silent request whose failure ends its chain.
   */
  standIn(low: number, high: number, forLow: number, forHigh: number): void {
    this.#placeOf(forLow, forHigh);
    const place = this.#placeOf(low, high);
    // Making one entry may have moved the other.
    const partner = this.#find(forLow, forHigh);
    if (place === partner || partner === -1) return;
    this.#partners.set(place, partner);
    this.#mark(place, STANDS_IN);
  }

  /**
   * Notes a last completion. Returns whether it was one of those that we wait for; not when nobody
   * asked for it (a message from another ring), or its request was not sure to have one.
   */
  finish(low: number, high: number): boolean {
    const isDirect = high === 0 && low >= 0 && low < DIRECT;
    let place = isDirect === true ? low : this.#find(low, high);
    if (place === -1) return false;
    const counts = this.#counts;
    const marks = this.#marks;
    if (counts[place] === 0) {
      if (((marks[place] as number) & STANDS_IN) === 0) return false;
      place = this.#partners.get(place) as number;
      if (counts[place] === 0) return false;
    }
    const count = (counts[place] as number) - 1;
    counts[place] = count;
    this.total--;
    if (count === 0) {
      if (((marks[place] as number) & HELD) !== 0) this.#giveBack(place);
      if (high === OBJECT) this.onObjectDone(low);
    }
    return true;
  }

  /** Gives back what requests with this user data have read into loans. */
  giveLoansBack(low: number, high: number): void {
    const place = this.#find(low, high);
    if (place === -1) return;
    const partner = this.#partners.get(place);
    for (const loan of loansIn(this.#held[place])) loan.giveBack();
    if (partner === undefined) return;
    for (const loan of loansIn(this.#held[partner])) loan.giveBack();
  }

  /** Everything that is lent. */
  *heldObjects(): Generator<unknown> {
    for (const held of this.#held) {
      if (held instanceof Set) yield* held;
      else if (held !== undefined) yield held;
    }
  }

  #giveBack(place: number): void {
    if (this.hasLoans) for (const loan of loansIn(this.#held[place])) loan.end();
    this.#held[place] = undefined;
    this.#marks[place] = (this.#marks[place] as number) & ~HELD;
  }

  #mark(place: number, mark: number): void {
    this.#marks[place] = (this.#marks[place] as number) | mark;
  }

  /** The place of an entry, or -1. */
  #find(low: number, high: number): number {
    if (high === 0 && low >= 0 && low < DIRECT) return low;
    const place = this.#searched(low, high);
    return this.#marks[place] === 0 ? -1 : place;
  }

  /** The place of an entry that has none of its own, or the free one where it belongs. */
  #searched(low: number, high: number): number {
    const marks = this.#marks;
    const keys = this.#keys;
    let at = Math.imul(low ^ Math.imul(high, MIXER), GOLDEN) >>> this.#shift;
    while (marks[DIRECT + at] !== 0 && (keys[2 * at] !== low || keys[2 * at + 1] !== high)) {
      at = 2 * at + 2 === keys.length ? 0 : at + 1;
    }
    return DIRECT + at;
  }

  #placeOf(low: number, high: number): number {
    const found = this.#find(low, high);
    return found === -1 ? this.#insert(low, high) : found;
  }

  #insert(low: number, high: number): number {
    if (this.#used * 4 >= this.#keys.length) this.#rebuild();
    this.#used++;
    const place = this.#searched(low, high);
    const at = 2 * (place - DIRECT);
    this.#keys[at] = low;
    this.#keys[at + 1] = high;
    this.#counts[place] = 0;
    this.#marks[place] = USED;
    return place;
  }

  /** Drops what is not in flight, and doubles the table where that would leave it half full. */
  #rebuild(): void {
    const counts = this.#counts;
    const keys = this.#keys;
    const held = this.#held;
    const partners = [...this.#partners];
    const isNeeded = new Set(
      partners.filter(([, partner]) => counts[partner] !== 0).map(([place]) => place),
    );
    const live: number[] = [];
    for (let place = 0; place < counts.length; place++) {
      if (counts[place] !== 0 || isNeeded.has(place)) live.push(place);
    }
    const before = keys.length / 2;
    const searched = live.filter((place) => place >= DIRECT).length;
    const places = searched * 4 > before ? before * 2 : before;
    this.#counts = new Int32Array(DIRECT + places);
    this.#marks = new Uint8Array(DIRECT + places);
    this.#keys = new Int32Array(places * 2);
    this.#shift = 32 - Math.log2(places);
    this.#used = 0;
    this.#held = new Array(DIRECT + places).fill(undefined);
    this.lent.held = this.#held;
    this.#partners.clear();
    const moved = new Map<number, number>();
    for (const place of live) {
      const key = 2 * (place - DIRECT);
      const at =
        place < DIRECT ? place : this.#insert(keys[key] as number, keys[key + 1] as number);
      this.#counts[at] = counts[place] as number;
      moved.set(place, at);
      const object = held[place];
      if (object !== undefined) this.hold(at, object);
    }
    for (const [place, partner] of partners) {
      const at = moved.get(place);
      const other = moved.get(partner);
      if (at === undefined || other === undefined) continue;
      this.#partners.set(at, other);
      this.#mark(at, STANDS_IN);
    }
  }
}
