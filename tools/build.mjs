/**
 * `npm run build`, and npm's `prepare` in a clone.
 *
 * npm runs `prepare` after `npm ci` and `npm install` in a clone and before packing, never for
 * somebody who installs the published package. There it must not fail for what a machine lacks:
 * without a compiler proactor runs on the thread pool, and `--omit=dev` leaves no TypeScript.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { bootstrap, root } from "./bootstrap.mjs";

const preparing = process.argv.includes("--prepare");
if (preparing && !existsSync(join(root, "node_modules", "typescript"))) {
  process.stderr.write("Nothing was built: TypeScript is not installed (npm ci --include=dev)\n");
  process.exit(0);
}
const built = bootstrap({ install: !preparing });
if (built.types !== 0) process.exitCode = built.types;
else if (built.native !== 0 && !preparing) process.exitCode = built.native;
