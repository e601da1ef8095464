/** `npm start`: the comparison, from a bare clone. */

import { bootstrapAndBecome } from "./bootstrap.mjs";

await bootstrapAndBecome("dist/bench/start/main.js");
