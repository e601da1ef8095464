/** The guest's first file system: busybox, a few modules and `init.sh`, as a cpio archive. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** A member of an archive: a folder when it has no data. */
export interface Member {
  readonly path: string;
  readonly data?: Buffer;
}

const FOLDER = 0o040755;
const PROGRAM = 0o100755;

/** Packs members in cpio's "newc" format, which is what the kernel unpacks at its start. */
export function cpio(members: readonly Member[]): Buffer {
  const parts: Buffer[] = [];
  const all = [...members, { path: "TRAILER!!!", data: Buffer.alloc(0) }];
  for (const [index, { path, data }] of all.entries()) {
    const size = data?.length ?? 0;
    const mode = data === undefined ? FOLDER : PROGRAM;
    // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    const fields = [index + 1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, path.length + 1, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
    parts.push(padded(Buffer.from(`${header}${path}\0`)));
    if (data !== undefined) parts.push(padded(data));
  }
  return Buffer.concat(parts);
}

function padded(data: Buffer): Buffer {
  const missing = -data.length & 3;
  return missing === 0 ? data : Buffer.concat([data, Buffer.alloc(missing)]);
}

/**
 * Makes the initrd of a kernel.
 *
 * @param busybox A static one.
 * @param init The program that the kernel starts, a script of busybox's shell.
 * @param modules The folder with the modules, in the order of their names.
 */
export function makeInitrd(busybox: string, init: string, modules: string): Buffer {
  const files = readdirSync(modules).sort();
  return cpio([
    ...["bin", "dev", "proc", "sys", "mnt", "modules"].map((path) => ({ path })),
    { path: "bin/busybox", data: readFileSync(busybox) },
    { path: "init", data: readFileSync(init) },
    ...files.map((name) => ({
      path: `modules/${basename(name)}`,
      data: readFileSync(join(modules, name)),
    })),
  ]);
}
