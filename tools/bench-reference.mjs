/** `npm run bench:reference`: the speed table beside C and fio, from a bare clone. */

import { bootstrapAndBecome } from "./bootstrap.mjs";

await bootstrapAndBecome("dist/bench/reference/main.js");
