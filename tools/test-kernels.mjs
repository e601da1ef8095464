/** `npm run test:kernels`: the tests on other kernels, from a bare clone. */

import { bootstrapAndBecome } from "./bootstrap.mjs";

await bootstrapAndBecome("dist/tools/test-kernels.js");
