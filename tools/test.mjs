/**
 * `npm test`: builds what is missing, then hands over to the gate. What failed to build is a
 * failed step of the gate, which still runs every other one.
 */

import { become, bootstrap } from "./bootstrap.mjs";

const built = bootstrap();
await become("dist/tools/gate.js", [
  `--native=${built.native}`,
  `--types=${built.types}`,
  ...process.argv.slice(2),
]);
