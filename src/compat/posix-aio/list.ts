/** Operations that were submitted by one lio_listio, as long as somebody wants to know of them. */
export interface List {
  /** How many are not done. */
  left: number;
  /** One of them ended with an error. */
  failed: boolean;
  /** Called when all are done; the errors are in the control blocks. */
  done: (() => void) | undefined;
}

/** A list of which nothing is in flight yet. */
export function newList(): List {
  return { left: 0, failed: false, done: undefined };
}
