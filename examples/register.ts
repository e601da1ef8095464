/** What the preload does, and how to ask it: `node dist/examples/register.js [path]`. */

import fs from "node:fs";
import { promisify } from "node:util";
import { register, report } from "proactor/register";

// A program that stays unchanged is started with: node --import proactor/register app.js
register();
const path = process.argv[2] ?? "package.json";

const fd = await promisify(fs.open)(path, "r");
const { bytesRead } = await promisify(fs.read)(fd, Buffer.alloc(16), 0, 16, 0);
await promisify(fs.close)(fd);
console.log(`${bytesRead} bytes, by a callback`);

const text = await fs.promises.readFile(path, "latin1");
console.log(`${text.length} bytes, by a promise`);

const { active, functions } = report();
for (const name of ["fs.open", "fs.read", "fs.close", "fs.promises.readFile"]) {
  const { native = 0, delegated = 0 } = functions[name] ?? {};
  console.log(`${name}: ${native + delegated} of 1`);
}
console.log(active ? "routed" : "not routed");
