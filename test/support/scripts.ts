import { moduleUrl } from "./child.ts";

/**
 * The head of a program for `runNode`: a proactor `p` of one engine, `fs`, and `pipe()`, which
 * makes a FIFO and gives both its ends. The last argument of the program is a folder to make it in.
 */
export function script(engine: string, body: string, options = "{}"): string {
  return `
    import fs from "node:fs";
    import { execFileSync } from "node:child_process";
    import { setTimeout as later } from "node:timers/promises";
    import { Proactor } from "${moduleUrl("src/index.ts")}";
    const dir = process.argv.at(-1);
    const p = new Proactor({ engine: "${engine}", ...${options} });
    let made = 0;
    function pipe() {
      const path = dir + "/pipe-" + made++;
      execFileSync("mkfifo", [path]);
      const both = fs.openSync(path, "r+");
      const ends = { read: fs.openSync(path, "r"), write: fs.openSync(path, "w") };
      fs.closeSync(both);
      return ends;
    }
    ${body}
  `;
}
