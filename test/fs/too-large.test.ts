import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { compareWithNode, outcomeOf } from "./twins.ts";

describe("readFile of more than 2 GiB", () => {
  it("is refused as Node refuses it, by path and by handle", async () => {
    await compareWithNode(async (fs, dir) => {
      const path = join(dir, "file");
      writeFileSync(path, "text");
      truncateSync(path, 2 ** 31);
      const handle = await fs.open(path);
      try {
        return [await outcomeOf(() => fs.readFile(path)), await outcomeOf(() => handle.readFile())];
      } finally {
        await handle.close();
      }
    });
  });
});
