import type { Assertion } from "./assertion.ts";
import { CANCEL } from "./cancel.ts";
import { FSYNC } from "./fsync.ts";
import { LISTIO } from "./listio.ts";
import { READ } from "./read.ts";
import { ERROR, RETURN } from "./status.ts";
import { SUSPEND } from "./suspend.ts";
import { WRITE } from "./write.ts";

/** All 92 assertions of the Open POSIX Test Suite about POSIX AIO. */
export const ASSERTIONS: readonly Assertion[] = [
  ...CANCEL,
  ...ERROR,
  ...FSYNC,
  ...READ,
  ...RETURN,
  ...SUSPEND,
  ...WRITE,
  ...LISTIO,
];
