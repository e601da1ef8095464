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

// An entry is four words, side by side in one cache line.
const WORDS = 4;
const HIGH = 1;
const COUNT = 2;
const MARKS = 3;
/** Where the places begin that are searched. */
const SEARCHED = DIRECT * WORDS;

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
 * An open hash table in one typed array, because it is asked twice for every request: no
 * allocation, no BigInt, and one cache line each time. Before its places lie those of small
 * numbers, which most programs use: each has its own. Entries stay when their count falls to zero,
 * so that a program which uses the same user data again finds them where they are; they are dropped
 * when the table is half full.
 */
export class InFlight {
  /** How many requests are in flight that will certainly have a last completion. */
  total = 0;
  /** Called with the low word of `OBJECT_DATA` keys when nothing with them is in flight. */
  onObjectDone: (index: number) => void = () => {};
  #table = withDirect(new Int32Array(SEARCHED + INITIAL_PLACES * WORDS));
  #shift = 32 - Math.log2(INITIAL_PLACES);
  #used = 0;
  /** What is lent, by place: undefined, one object, or a Set of them. */
  #held: unknown[] = new Array(DIRECT + INITIAL_PLACES).fill(undefined);
  /** The entry that completes instead, when a completion comes that nobody waits for. */
  readonly #partners = new Map<number, number>();

  /** Notes that a request is in flight. Words are signed. Returns its entry, for `hold`. */
  add(low: number, high: number): number {
    const isDirect = high === 0 && low >= 0 && low < DIRECT;
    const entry = isDirect === true ? low * WORDS : this.#entryOf(low, high);
    const table = this.#table;
    table[entry + COUNT] = (table[entry + COUNT] as number) + 1;
    this.total++;
    return entry;
  }

  /**
   * Notes the requests from a position of the submission queue on, up to the first that is tied to
   * others, renames another, or has user data without a place of its own; none may have been lent
   * anything. Returns where it stopped. A loop of its own, because it calls nothing: what `add`
   * asks each time, V8 asks once.
   */
  addPlain(words: Uint32Array, mask: number, shift: number, from: number, tail: number): number {
    const table = this.#table;
    let position = from | 0;
    for (; position !== tail; position = (position + 1) | 0) {
      const at = (position & mask) << shift;
      const head = words[at] as number;
      const low = words[at + 8] as number;
      if ((head & TIED) !== 0 || (head & 0xff) === POLL_REMOVE) break;
      if (low >= DIRECT || words[at + 9] !== 0) break;
      const count = low * WORDS + COUNT;
      table[count] = (table[count] as number) + 1;
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
    const table = this.#table;
    let done = 0;
    for (; done < count; done = (done + 1) | 0) {
      const at = first + (((head + done) & mask) << shift);
      const low = words[at] as number;
      if (low < 0 || low >= DIRECT || words[at + 1] !== 0) break;
      if (((words[at + CQE_FLAGS_WORD] as number) & NOT_LAST) !== 0) break;
      const entry = low * WORDS;
      const left = (table[entry + COUNT] as number) - 1;
      if (left < 0 || ((table[entry + MARKS] as number) & HELD) !== 0) break;
      table[entry + COUNT] = left;
    }
    this.total -= done;
    return done;
  }

  /** Keeps an object until nothing with the entry's user data is in flight. */
  hold(entry: number, object: unknown): void {
    const place = entry / WORDS;
    const held = this.#held[place];
    if (held === undefined) {
      this.#held[place] = object;
      this.#mark(entry, HELD);
    } else if (held instanceof Set) held.add(object);
    else if (held !== object) this.#held[place] = new Set([held, object]);
  }

  /**
   * Notes that a completion with the first user data may stand for a request with the second: a
   * poll whose user data was updated, or a silent request whose failure ends its chain.
   */
  standIn(low: number, high: number, forLow: number, forHigh: number): void {
    this.#entryOf(forLow, forHigh);
    const entry = this.#entryOf(low, high);
    // Making one entry may have moved the other.
    const partner = this.#find(forLow, forHigh);
    if (entry === partner || partner === -1) return;
    this.#partners.set(entry, partner);
    this.#mark(entry, STANDS_IN);
  }

  /**
   * Notes a last completion. Returns whether it was one of those that we wait for; not when nobody
   * asked for it (a message from another ring), or its request was not sure to have one.
   */
  finish(low: number, high: number): boolean {
    const isDirect = high === 0 && low >= 0 && low < DIRECT;
    let entry = isDirect === true ? low * WORDS : this.#find(low, high);
    if (entry === -1) return false;
    const table = this.#table;
    if (table[entry + COUNT] === 0) {
      if (((table[entry + MARKS] as number) & STANDS_IN) === 0) return false;
      entry = this.#partners.get(entry) as number;
      if (table[entry + COUNT] === 0) return false;
    }
    const count = (table[entry + COUNT] as number) - 1;
    table[entry + COUNT] = count;
    this.total--;
    if (count === 0) {
      if (((table[entry + MARKS] as number) & HELD) !== 0) this.#giveBack(entry);
      if (high === OBJECT) this.onObjectDone(low);
    }
    return true;
  }

  /** Everything that is lent. */
  *heldObjects(): Generator<unknown> {
    for (const held of this.#held) {
      if (held instanceof Set) yield* held;
      else if (held !== undefined) yield held;
    }
  }

  #giveBack(entry: number): void {
    this.#held[entry / WORDS] = undefined;
    this.#table[entry + MARKS] = (this.#table[entry + MARKS] as number) & ~HELD;
  }

  #mark(entry: number, mark: number): void {
    this.#table[entry + MARKS] = (this.#table[entry + MARKS] as number) | mark;
  }

  /** The first word of an entry, or -1. */
  #find(low: number, high: number): number {
    if (high === 0 && low >= 0 && low < DIRECT) return low * WORDS;
    const table = this.#table;
    let at = this.#firstPlace(low, high);
    for (;;) {
      if (table[at] === low && table[at + HIGH] === high && table[at + MARKS] !== 0) return at;
      if (table[at + MARKS] === 0) return -1;
      at = at + WORDS === table.length ? SEARCHED : at + WORDS;
    }
  }

  /** Where the search for an entry begins. */
  #firstPlace(low: number, high: number): number {
    const hash = Math.imul(low ^ Math.imul(high, MIXER), GOLDEN) >>> this.#shift;
    return SEARCHED + hash * WORDS;
  }

  #entryOf(low: number, high: number): number {
    const found = this.#find(low, high);
    return found === -1 ? this.#insert(low, high) : found;
  }

  #insert(low: number, high: number): number {
    if (this.#used * WORDS * 2 >= this.#table.length - SEARCHED) this.#rebuild();
    this.#used++;
    const table = this.#table;
    let at = this.#firstPlace(low, high);
    while (table[at + MARKS] !== 0) at = at + WORDS === table.length ? SEARCHED : at + WORDS;
    table[at] = low;
    table[at + HIGH] = high;
    table[at + COUNT] = 0;
    table[at + MARKS] = USED;
    return at;
  }

  /** Drops what is not in flight, and doubles the table where that would leave it half full. */
  #rebuild(): void {
    const old = this.#table;
    const held = this.#held;
    const partners = [...this.#partners];
    const isNeeded = new Set(
      partners.filter(([, partner]) => old[partner + COUNT] !== 0).map(([entry]) => entry),
    );
    const isLive = (entry: number) => old[entry + COUNT] !== 0 || isNeeded.has(entry);
    let live = 0;
    for (let entry = SEARCHED; entry < old.length; entry += WORDS) if (isLive(entry)) live++;
    const before = (old.length - SEARCHED) / WORDS;
    const places = live * 4 > before ? before * 2 : before;
    this.#table = withDirect(new Int32Array(SEARCHED + places * WORDS));
    this.#shift = 32 - Math.log2(places);
    this.#used = 0;
    this.#held = new Array(DIRECT + places).fill(undefined);
    this.#partners.clear();
    const moved = new Map<number, number>();
    for (let entry = 0; entry < old.length; entry += WORDS) {
      if (!isLive(entry)) continue;
      const isDirect = entry < SEARCHED;
      const at = isDirect ? entry : this.#insert(old[entry] as number, old[entry + HIGH] as number);
      this.#table[at + COUNT] = old[entry + COUNT] as number;
      moved.set(entry, at);
      const object = held[entry / WORDS];
      if (object !== undefined) this.hold(at, object);
    }
    for (const [entry, partner] of partners) {
      const at = moved.get(entry);
      const other = moved.get(partner);
      if (at === undefined || other === undefined) continue;
      this.#partners.set(at, other);
      this.#mark(at, STANDS_IN);
    }
  }
}

/** Writes the entries of small numbers, which are always there. */
function withDirect(table: Int32Array): Int32Array {
  for (let low = 0; low < DIRECT; low++) {
    table[low * WORDS] = low;
    table[low * WORDS + MARKS] = USED;
  }
  return table;
}
