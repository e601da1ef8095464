import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Runs `body` with a fresh folder and removes the folder afterwards, whatever happened.
 *
 * The folder lies under `PROACTOR_TEST_DIR` where that is set (to test another file system), else
 * under the system's own. Its path has no symbolic links in it. `name` makes the folder's name
 * readable in an error message.
 */
export async function withTempDir<T>(
  body: (dir: string) => T | Promise<T>,
  name = "test",
): Promise<T> {
  const parent = await realpath(process.env.PROACTOR_TEST_DIR ?? tmpdir());
  const dir = await mkdtemp(join(parent, `proactor-${name}-`));
  try {
    return await body(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
