/** `npm run bench:fs`: proactor/fs beside node:fs, from a bare clone. */

import { bootstrapAndBecome } from "./bootstrap.mjs";

await bootstrapAndBecome("dist/bench/fs/main.js");
