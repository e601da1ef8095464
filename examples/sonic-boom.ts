/** A log in the shape of sonic-boom: `node dist/examples/sonic-boom.js [path]`. */

import { EventEmitter, once } from "node:events";
import { readFileSync, unlinkSync } from "node:fs";
import { type AppendLog, openLog } from "proactor/fs";

export class Boom extends EventEmitter {
  #log: AppendLog | undefined;
  #early: string[] = [];
  #ended = false;

  constructor({ dest }: { dest: string }) {
    super();
    const opened = (log: AppendLog) => {
      this.#log = log;
      for (const text of this.#early.splice(0)) this.write(text);
      this.emit("ready");
      if (this.#ended) this.end();
    };
    openLog(dest).then(opened, (error) => this.emit("error", error));
  }

  /** False where the caller had better wait for `drain`. */
  write(text: string): boolean {
    const log = this.#log;
    if (log === undefined) return this.#early.push(text) > 0;
    log.append(text).catch((error) => this.emit("error", error));
    if (log.pendingBytes < 16_384) return true;
    this.flush(() => this.emit("drain"));
    return false;
  }

  flush(done: (error?: Error) => void): void {
    if (this.#log === undefined) this.once("ready", () => this.flush(done));
    else this.#log.flush().then(() => done(), done);
  }

  flushSync = (): void => this.#log?.flushSync();
  reopen = (): void => void this.#log?.reopen().catch((error) => this.emit("error", error));
  destroy = (): void => this.end();
  end(): void {
    this.#ended = true;
    const closed = this.#log?.close().catch((error) => this.emit("error", error));
    void closed?.finally(() => this.emit("close"));
  }
}

const path = process.argv[2] ?? "sonic-boom.data";
const boom = new Boom({ dest: path });
boom.write("early\n");
await once(boom, "ready");
for (let i = 0; i < 5000; i++) if (!boom.write(`line ${i}\n`)) await once(boom, "drain");
boom.write("at once\n");
boom.flushSync();
console.log(`ends with: ${readFileSync(path, "utf8").slice(-8).trim()}`);
boom.end();
await once(boom, "close");
console.log(`${readFileSync(path, "utf8").split("\n").length - 1} lines`);
unlinkSync(path);
