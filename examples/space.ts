/** Space for a file, and a hole in it: `node dist/examples/space.js [path]`. */

import { advise, allocate, open, punchHole, unlink } from "proactor/fs";

const path = process.argv[2] ?? "space.data";
const handle = await open(path, "w+");
try {
  // From here on no write to these bytes fails for lack of space.
  await allocate(handle, { length: 8192 });
  await handle.write(Buffer.alloc(8192, "x"), 0, 8192, 0);
  const full = await handle.stat();
  console.log(`${full.size} bytes, at least ${Math.min(full.blocks, 16)} blocks`);

  await punchHole(handle, { offset: 4096, length: 4096 });
  const { blocks } = await handle.stat();
  console.log(`fewer after the hole: ${blocks < full.blocks}`);
  await advise(handle, "dontneed");
} catch (error) {
  console.log((error as NodeJS.ErrnoException).code);
} finally {
  await handle.close();
  await unlink(path);
}
