/** `npm run test:runtimes`: the tests on every release of Node that we promise, from a bare clone. */

import { bootstrapAndBecome } from "./bootstrap.mjs";

await bootstrapAndBecome("dist/tools/test-runtimes.js");
