/** Many whole files, a bounded number at once: `node dist/examples/read-files.js [path]`. */

import { readFiles } from "proactor/fs";

const path = process.argv[2] ?? "package.json";
const paths = [...new Array<string>(10_000).fill(path), `${path}.none`];

let files = 0;
let bytes = 0;
for await (const { data, error } of readFiles(paths, { concurrency: 256 })) {
  // Opened without descriptors, so that there is no EMFILE; others fail for themselves.
  if (error !== undefined) {
    console.log(`not read: ${(error as NodeJS.ErrnoException).code}`);
    continue;
  }
  files++;
  bytes += data.length;
}
console.log(`${files} files, ${bytes} bytes`);
