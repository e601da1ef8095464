/** Takes a kernel package apart: the bare kernel, and the modules that the guest's root needs. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { LabError } from "./apt.ts";

/** What a root over 9p and a disk need; each brings along what it depends on. */
export const MODULES = [
  "virtio_pci",
  "virtio_blk",
  "9pnet_virtio",
  "9p",
  "overlay",
  "crc32c_generic",
  "ext4",
  "loop",
] as const;

/** Where the header of a bzImage says things (Documentation/arch/x86/boot.rst). */
const SETUP_SECTORS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;

/** What unpacks what begins with these bytes. Uncompressed size follows all but gzip: 4 bytes. */
const FORMATS: readonly { magic: string; tail: number; command?: readonly string[] }[] = [
  { magic: "1f8b", tail: 0 },
  { magic: "fd377a585a00", tail: 4, command: ["xz", "-dc", "--single-stream"] },
  { magic: "5d0000", tail: 4, command: ["xz", "-dc", "--format=lzma"] },
  { magic: "28b52ffd", tail: 4, command: ["zstd", "-dcq"] },
];

/** Unpacks a compressed file by what it begins with. Undefined when nothing here knows how. */
export function decompress(data: Buffer, tail = false): Buffer | undefined {
  const format = FORMATS.find(({ magic }) => data.toString("hex", 0, magic.length / 2) === magic);
  if (format === undefined) return undefined;
  const input = tail ? data.subarray(0, data.length - format.tail) : data;
  if (format.command === undefined) return gunzipSync(input);
  const [command = "", ...args] = format.command;
  const result = spawnSync(command, args, { input, maxBuffer: 512 * 1024 * 1024 });
  return result.status === 0 ? result.stdout : undefined;
}

/**
 * The ELF file inside a bzImage. A guest boots it in a third of the time that it needs to unpack
 * itself under emulation. The bzImage itself where that fails: it boots too.
 */
export function bareKernel(image: Buffer): Buffer {
  if (image.length < PAYLOAD_LENGTH + 4) return image;
  if (image.toString("latin1", HEADER_MAGIC, HEADER_MAGIC + 4) !== "HdrS") return image;
  // Zero sectors means four, for very old loaders.
  const start = ((image[SETUP_SECTORS] || 4) + 1) * 512 + image.readUInt32LE(PAYLOAD_OFFSET);
  const payload = image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH));
  const bare = decompress(payload, true);
  return bare?.toString("latin1", 0, 4) === "\x7fELF" ? bare : image;
}

/** What a module says that it depends on, out of its `.modinfo` section. */
export function dependenciesOf(module: Buffer): string[] {
  const mark = "\0depends=";
  const at = module.indexOf(mark);
  if (at === -1) return [];
  const start = at + mark.length;
  const text = module.toString("latin1", start, module.indexOf(0, start));
  return text === "" ? [] : text.split(",");
}

/** A module, uncompressed. */
export interface Module {
  readonly name: string;
  readonly data: Buffer;
}

/**
 * The modules to insert, in order: each after what it depends on. One that the kernel has built in
 * is in no file, and is left out.
 */
export function modulesInOrder(
  wanted: readonly string[],
  read: (name: string) => Buffer | undefined,
): Module[] {
  const found = new Map<string, Module | undefined>();
  const add = (spelled: string): void => {
    const name = spelled.replaceAll("-", "_");
    if (found.has(name)) return;
    // Taken note of first, so that a circle ends; put behind the others afterwards.
    found.set(name, undefined);
    const data = read(name);
    if (data === undefined) return;
    for (const dependency of dependenciesOf(data)) add(dependency);
    found.delete(name);
    found.set(name, { name, data });
  };
  for (const name of wanted) add(name);
  return [...found.values()].filter((module) => module !== undefined);
}

/**
 * Writes `vmlinux` and `modules/NN-name.ko` into `target` from the unpacked packages of a kernel.
 *
 * @param tree Where the packages were unpacked.
 */
export function extractKernel(tree: string, release: string, target: string): void {
  const folders = [join(tree, "lib/modules", release), join(tree, "usr/lib/modules", release)];
  const images = [
    join(tree, `boot/vmlinuz-${release}`),
    ...folders.map((one) => join(one, "vmlinuz")),
  ];
  const image = images.find((path) => existsSync(path));
  const folder = folders.find((path) => existsSync(path));
  if (image === undefined || folder === undefined) {
    throw new LabError(`The packages of ${release} have no kernel, or no modules`);
  }
  mkdirSync(join(target, "modules"), { recursive: true });
  const files = moduleFiles(folder);
  const read = (name: string): Buffer | undefined => {
    const path = files.get(name);
    if (path === undefined) return undefined;
    const data = readFileSync(path);
    return path.endsWith(".ko") ? data : decompress(data);
  };
  for (const [index, { name, data }] of modulesInOrder(MODULES, read).entries()) {
    writeFileSync(join(target, "modules", `${String(index).padStart(2, "0")}-${name}.ko`), data);
  }
  // Last: who finds it finds everything.
  writeFileSync(join(target, "vmlinux"), bareKernel(readFileSync(image)));
}

/** The modules under a folder, by their name as the kernel spells it. */
function moduleFiles(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const name = /^(.*)\.ko(?:\.xz|\.zst|\.gz)?$/.exec(basename(entry))?.[1];
    if (name !== undefined) files.set(name.replaceAll("-", "_"), join(folder, entry));
  }
  return files;
}
