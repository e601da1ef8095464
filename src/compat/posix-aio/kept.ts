import { warnForgotten } from "../../base/warnings.ts";
import type { Aio, AiocbList, AioLimits, aioinit } from "./aio.ts";
import type { aiocb, sigevent } from "./aiocb.ts";
import type { timespec } from "./rules.ts";

/** An implementation, and what it has at work. */
export interface Implementation extends Aio {
  /** How many operations are in flight; undefined before the first, when it has nothing. */
  readonly inFlight: number | undefined;
}

// Nothing in an implementation leads back to what the program holds.
const collected = new FinalizationRegistry<Implementation>((aio) => {
  const { inFlight, implementation } = aio;
  if (inFlight === undefined) return;
  warnForgotten(`An implementation of POSIX AIO on ${implementation}`, inFlight, "Call close()");
  void aio.close();
});

/**
 * What the program holds of an implementation. When it is collected without `close`, what is in
 * flight goes on, and then everything is given back.
 */
export class KeptAio implements Aio {
  readonly #aio: Implementation;

  constructor(aio: Implementation) {
    this.#aio = aio;
    collected.register(this, aio, this);
  }

  get implementation(): string {
    return this.#aio.implementation;
  }

  get limits(): AioLimits {
    return this.#aio.limits;
  }

  get errno(): number {
    return this.#aio.errno;
  }

  set errno(errno: number) {
    this.#aio.errno = errno;
  }

  aio_read(aiocbp: aiocb): 0 | -1 {
    return this.#aio.aio_read(aiocbp);
  }

  aio_write(aiocbp: aiocb): 0 | -1 {
    return this.#aio.aio_write(aiocbp);
  }

  aio_fsync(op: number, aiocbp: aiocb): 0 | -1 {
    return this.#aio.aio_fsync(op, aiocbp);
  }

  aio_error(aiocbp: aiocb): number {
    return this.#aio.aio_error(aiocbp);
  }

  aio_return(aiocbp: aiocb): number {
    return this.#aio.aio_return(aiocbp);
  }

  aio_suspend(list: AiocbList, nent: number, timeout: timespec | null): 0 | -1 {
    return this.#aio.aio_suspend(list, nent, timeout);
  }

  aio_suspend_async(list: AiocbList, nent: number, timeout: timespec | null): Promise<number> {
    return this.#aio.aio_suspend_async(list, nent, timeout);
  }

  aio_cancel(fildes: number, aiocbp: aiocb | null): number {
    return this.#aio.aio_cancel(fildes, aiocbp);
  }

  lio_listio(mode: number, list: AiocbList, nent: number, sig: sigevent | null): 0 | -1 {
    return this.#aio.lio_listio(mode, list, nent, sig);
  }

  lio_listio_async(list: AiocbList, nent: number): Promise<number> {
    return this.#aio.lio_listio_async(list, nent);
  }

  aio_init(init: aioinit): void {
    this.#aio.aio_init(init);
  }

  close(): Promise<void> {
    collected.unregister(this);
    return this.#aio.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
