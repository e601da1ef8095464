import { type BufferView, OperationKind } from "../../core/index.ts";
import type { FileQueue } from "./files.ts";
import type { List } from "./list.ts";
import type { Sleeper } from "./sleepers.ts";

/** How far the operation of a control block has come. */
export const Phase = {
  /** There is none, or its result was collected. */
  idle: 0,
  /** Accepted, and not done. */
  flying: 1,
  /** Done; aio_return has its result. */
  done: 2,
} as const;

/** One of the values of {@link Phase}. */
export type Phase = (typeof Phase)[keyof typeof Phase];

/**
 * What an implementation knows of a control block: a copy of what it was submitted with, and how
 * far it has come. It lives as long as the control block, so that an operation allocates nothing.
 */
export interface Use {
  /** Which implementation has it, or had it last. */
  owner: object | undefined;
  phase: Phase;
  /** 0, or the number of the error it ended with. */
  error: number;
  /** What aio_return returns. */
  result: number;

  /** The index of its slot, or of its control block in glibc's memory; -1 for none. */
  slot: number;
  fd: number;
  kind: OperationKind;
  offset: number;
  length: number;
  priority: number;
  buffer: BufferView | undefined;
  /** Where its memory is: the low and the high word, signed. */
  low: number;
  high: number;
  /** Memory of ours in place of the buffer's, which cannot be held; see `lend`. */
  copy: Uint8Array | undefined;

  notify: number;
  signal: number;
  value: unknown;
  callback: ((value: never) => void) | null;
  /** The list it was submitted with. */
  list: List | undefined;
  /** Who waits for it in aio_suspend_async. */
  sleepers: Sleeper[] | undefined;

  /** With an engine of ours: the operations on its descriptor, in the order of submission. */
  file: FileQueue | undefined;
  before: Use | undefined;
  after: Use | undefined;
  /** The engine has it. */
  started: boolean;
  /** Its cancellation was asked for. */
  canceled: boolean;
  /** With glibc: nobody can name its control block any more. */
  abandoned: boolean;
  /** An fsync: the error of a write before it. */
  carried: number;
}

/** A control block that was never submitted. */
export function newUse(): Use {
  return {
    owner: undefined,
    phase: Phase.idle,
    error: 0,
    result: 0,
    slot: -1,
    fd: -1,
    kind: OperationKind.Read,
    offset: 0,
    length: 0,
    priority: 0,
    buffer: undefined,
    low: 0,
    high: 0,
    copy: undefined,
    notify: 0,
    signal: 0,
    value: undefined,
    callback: null,
    list: undefined,
    sleepers: undefined,
    file: undefined,
    before: undefined,
    after: undefined,
    started: false,
    canceled: false,
    abandoned: false,
    carried: 0,
  };
}

/** The fields of a {@link Use} that say how an end is told. */
export type EventField = "notify" | "signal" | "value" | "callback";
