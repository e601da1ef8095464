/** What the tables of docs/fs.md say of each name, on whichever road it is. */

/** How it is done over the ring, and why it would be left to node:fs. */
export interface How {
  readonly ring?: string;
  readonly node?: string;
}

const NO_OPCODE = "io_uring has no opcode for it";
const ON_HANDLE = "as the function of the same name";

/** The functions of node:fs/promises, Node 20 to 26. */
export const FUNCTIONS: Readonly<Record<string, How>> = {
  access: { node: "a status does not tell what access(2) does, and io_uring has no faccessat" },
  appendFile: { ring: "OPENAT, WRITE until all is written, CLOSE; short ones on tmpfs inline" },
  chmod: { node: NO_OPCODE },
  chown: { node: NO_OPCODE },
  copyFile: {
    ring: "OPENAT, READ and WRITE in turns, CLOSE; what is long goes to node:fs",
    node: "FICLONE and copy_file_range(2) have no opcode, and beat reading and writing",
  },
  cp: { node: "`copyTree` is the one that gains" },
  glob: { node: `a walk of directories: ${NO_OPCODE}; since Node 22` },
  lchmod: { node: "Linux has no such call" },
  lchown: { node: NO_OPCODE },
  link: { ring: "LINKAT" },
  lstat: { ring: "STATX" },
  lutimes: { node: NO_OPCODE },
  mkdir: { ring: "MKDIRAT; recursive ones go to node:fs" },
  mkdtemp: { node: "a name that is free is found by trying: libuv does" },
  mkdtempDisposable: { node: "as mkdtemp; since Node 24" },
  open: { ring: "OPENAT, into a FileHandle of Node's own class" },
  opendir: { node: `getdents(2): ${NO_OPCODE}` },
  readFile: { ring: "OPENAT, READ until the end, CLOSE: no status is asked for first" },
  readdir: { node: `getdents(2): ${NO_OPCODE}` },
  readlink: { node: NO_OPCODE },
  realpath: { node: NO_OPCODE },
  rename: { ring: "RENAMEAT" },
  rm: { node: "made of readdir, unlink and rmdir" },
  rmdir: { ring: "UNLINKAT with AT_REMOVEDIR" },
  stat: { ring: "STATX" },
  statfs: { node: NO_OPCODE },
  symlink: { ring: "SYMLINKAT" },
  truncate: { ring: "OPENAT, FTRUNCATE (Linux 6.9), CLOSE", node: "made of open and ftruncate" },
  unlink: { ring: "UNLINKAT" },
  utimes: { node: NO_OPCODE },
  watch: { node: "inotify(7) is readiness, and Node's loop has it" },
  writeFile: { ring: "OPENAT, WRITE until all is written, CLOSE; short ones on tmpfs inline" },
};

/** The members of FileHandle, Node 20 to 26. */
export const METHODS: Readonly<Record<string, How>> = {
  "[Symbol.asyncDispose]": { node: "Node's own: it calls close" },
  appendFile: { ring: ON_HANDLE, node: "Node's own" },
  chmod: { node: NO_OPCODE },
  chown: { node: NO_OPCODE },
  close: {
    node: "Node's own, which waits for what is in flight; the descriptor then goes by CLOSE",
  },
  createReadStream: { ring: "several READs ahead", node: "Node's own" },
  createWriteStream: { ring: "WRITE and WRITEV", node: "Node's own" },
  datasync: { ring: "FSYNC with IORING_FSYNC_DATASYNC" },
  fd: { node: "Node's own getter" },
  getAsyncId: { node: "Node's own" },
  pull: { node: "experimental, Node 26 with --experimental-stream-iter" },
  pullSync: { node: "experimental, Node 26 with --experimental-stream-iter" },
  read: { ring: "READ" },
  readFile: { ring: ON_HANDLE, node: "Node's own" },
  readLines: { ring: "readline over our read stream", node: "Node's own, over our read stream" },
  readableWebStream: { ring: "READ", node: "Node's own, over our read" },
  readv: { ring: "READV" },
  stat: { ring: "STATX on the descriptor" },
  sync: { ring: "FSYNC" },
  truncate: { ring: "FTRUNCATE (Linux 6.9)" },
  utimes: { node: NO_OPCODE },
  write: { ring: "WRITE" },
  writeFile: { ring: ON_HANDLE, node: "Node's own" },
  writer: { node: "experimental, Node 26 with --experimental-stream-iter" },
  writev: { ring: "WRITEV" },
};

/** What proactor/fs has beside these. */
export const BEYOND: Readonly<Record<string, string>> = {
  advise: "tells the page cache what will be needed: FADVISE",
  allocate: "room on the disk before it is written: FALLOCATE",
  AppendLog: "what `openLog` opens: many writers, one WRITE and one FSYNC for all who wait",
  copyTree: "a tree of files, many at once, with progress",
  openLog: "opens an append log with group commit",
  punchHole: "gives a part of a file back to the disk: FALLOCATE",
  readBatch: "many parts of files in one submission",
  readLog: "the whole lines of an append log, each with its position",
  readFiles: "many files through direct descriptors, so that none is too many",
  walk: "a tree's names, with their status in batches",
  writeDurable: "replaces a file as a whole, or writes and syncs in place, until it is on the disk",
  explain: "which engine it runs on, and why",
  createReadStream: "`fs.createReadStream`, with several reads ahead",
  createWriteStream: "`fs.createWriteStream`",
};
