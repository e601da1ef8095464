import { ProactorError } from "../base/errors.ts";
import type { Session } from "./session.ts";

/** Placeholder while the pool is being built. */
export class BufferPool {
  constructor(_bytes: number | undefined, _session: () => Session) {}
  allocate(_size: number): Buffer {
    throw new ProactorError("ERR_PROACTOR_EXHAUSTED", "none");
  }
  acquire(_size: number, _options?: { readonly signal?: AbortSignal }): Promise<Buffer> {
    throw new ProactorError("ERR_PROACTOR_EXHAUSTED", "none");
  }
  release(_buffer: Buffer): void {}
  register(): boolean {
    return false;
  }
}
