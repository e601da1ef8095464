/** Everything in a folder, with what it is: `node dist/examples/walk.js [folder]`. */

import { walk } from "proactor/fs";

const folder = process.argv[2] ?? ".";
let files = 0;
let bytes = 0;
const enter = ({ name }: { name: string }) => name !== "node_modules";
for await (const { kind, stat } of walk(folder, { stat: true, enter })) {
  if (kind !== "file") continue;
  files++;
  bytes += stat?.size ?? 0;
}
console.log(`${files} file${files === 1 ? "" : "s"}, ${bytes} bytes`);

// A walk that takes too long is ended.
try {
  for await (const _ of walk(folder, { deadlineMs: 1 })) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
} catch (error) {
  console.log(`late: ${(error as NodeJS.ErrnoException).code}`);
}
