import { LIO_READ, SIGEV_NONE } from "../../abi/posix-aio.ts";
import type { BufferView } from "../../core/index.ts";
import { newUse, type Use } from "./use.ts";

/** How the end of an operation, or of a list of them, is told: `struct sigevent`. */
export class sigevent {
  /** SIGEV_NONE unless told, SIGEV_SIGNAL or SIGEV_THREAD. */
  sigev_notify: number = SIGEV_NONE;
  /** The number of the signal: `os.constants.signals.SIGUSR2`. */
  sigev_signo = 0;
  /**
   * What the notification carries: any value for SIGEV_THREAD. The kernel carries a 32-bit integer
   * with a signal; whatever it is, `onSignalValue` tells it.
   */
  sigev_value: unknown = 0;
  /** With SIGEV_THREAD: called with `sigev_value`, on the event loop. */
  sigev_notify_function: ((value: never) => void) | null = null;
  /** Of the thread that C would start. Here is none, and nobody looks at it. */
  sigev_notify_attributes: unknown = null;

  /** Makes one with some fields set. */
  constructor(fields?: Partial<sigevent>) {
    if (fields !== undefined) Object.assign(this, fields);
  }
}

/** What the implementation knows of a control block; undefined for anything else. */
export let useOf: (block: unknown) => Use | undefined;

/**
 * A control block: what to do, and, once it was submitted, by what the operation is known.
 *
 * It is read when it is submitted, so that nothing but its buffer belongs to the operation
 * afterwards. One control block stands for one operation at a time: submitting it again before the
 * first is done, which C leaves undefined, is EINVAL.
 */
export class aiocb {
  /** The descriptor. */
  aio_fildes = -1;
  /** Where in the file, in bytes. Ignored by pipes and sockets, and by writes with O_APPEND. */
  aio_offset: number | bigint = 0;
  /** The memory to read into or write from, from its start on. */
  aio_buf: BufferView | null = null;
  /** How many bytes, at most as many as `aio_buf` has. */
  aio_nbytes = 0;
  /** Lowers the priority by 0 to AIO_PRIO_DELTA_MAX. */
  aio_reqprio = 0;
  /** How its end is told. */
  aio_sigevent: sigevent = new sigevent();
  /** LIO_READ, LIO_WRITE or LIO_NOP: for lio_listio only. */
  aio_lio_opcode: number = LIO_READ;
  readonly #use: Use = newUse();

  /** Makes one with some fields set. */
  constructor(fields?: Partial<aiocb>) {
    if (fields !== undefined) Object.assign(this, fields);
  }

  static {
    useOf = (block) =>
      block !== null && typeof block === "object" && #use in block ? block.#use : undefined;
  }
}
