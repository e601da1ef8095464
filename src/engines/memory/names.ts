import {
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
} from "../../abi/linux.ts";
import { PATH_MAX } from "../../base/index.ts";
import {
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EXDEV,
} from "../errnos.ts";
import { Directory, type Disk, type FileNode, SymbolicLink } from "./inodes.ts";

/** The longest name of one file: NAME_MAX of Linux. */
const NAME_MAX = 255;
/** How many symbolic links one path may lead through. */
const MOST_LINKS = 40;

/** Where a path leads. */
export interface Found {
  readonly parent: Directory;
  /** The last component; `"."` or `".."` where the path names a directory by those. */
  readonly name: string;
  /** What is there, or undefined where nothing is. */
  readonly node: FileNode | undefined;
  /** The path ends with a slash, which only a directory may. */
  readonly trailing: boolean;
  /** It is a name of its own, not `.`, `..` or `/`. */
  readonly ordinary: boolean;
}

/** What becomes of a symbolic link, or of nothing, at the end of a path. */
export type Last =
  /** A link is followed, also one that leads nowhere yet. */
  | "follow"
  /** A link is the answer. */
  | "keep"
  /** The same, and a slash at the end changes nothing: the name is to be made or removed. */
  | "name";

/** The names of the files, under one root; every function returns a negative errno on failure. */
export class Names {
  readonly root: Directory;
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.root = new Directory(disk, 0o755, undefined);
  }

  /**
   * Follows a path.
   *
   * @param start Where a relative path begins.
   * @param path One character for each byte.
   * @param resolve RESOLVE_* of openat2(2).
   */
  walk(start: Directory, path: string, last: Last, resolve = 0): Found | number {
    if (path === "") return -ENOENT;
    if (path.length >= PATH_MAX) return -ENAMETOOLONG;
    const beneath = (resolve & RESOLVE_BENEATH) !== 0;
    const top = (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) === 0 ? this.root : start;
    if (beneath && path.startsWith("/")) return -EXDEV;
    let at: FileNode = path.startsWith("/") ? top : start;
    let trailing = path.endsWith("/");
    let links = 0;
    const left = componentsOf(path);
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (at.kind !== "directory") return -ENOTDIR;
      const final = left.length === 0;
      // A name to be made or removed is looked at by those who make or remove it.
      if (name.length > NAME_MAX && !(final && last === "name")) return -ENAMETOOLONG;
      if (name === "." || name === "..") {
        if (name === ".." && at === top && beneath) return -EXDEV;
        if (name === ".." && at !== top) at = at.parent;
        if (final) return { parent: at, name, node: at, trailing, ordinary: false };
        continue;
      }
      const node: FileNode | undefined = at.entries.get(name);
      const follow: boolean = !final || last === "follow" || (trailing && last === "keep");
      if (node?.kind === "symlink" && follow) {
        links++;
        if (links > MOST_LINKS || (resolve & RESOLVE_NO_SYMLINKS) !== 0) return -ELOOP;
        if (node.target.startsWith("/")) {
          if (beneath) return -EXDEV;
          at = top;
        }
        if (final && node.target.endsWith("/")) trailing = true;
        left.push(...componentsOf(node.target));
        // A link that says no more than "/" has led to the root already.
        if (left.length === 0) left.push(".");
        continue;
      }
      if (final) {
        if (trailing && node !== undefined && node.kind !== "directory" && last !== "name") {
          return -ENOTDIR;
        }
        return { parent: at, name, node, trailing, ordinary: true };
      }
      if (node === undefined) return -ENOENT;
      at = node;
    }
    return { parent: top, name: "/", node: top, trailing, ordinary: false };
  }

  /** Gives a node a name. */
  add(parent: Directory, name: string, node: FileNode): void {
    parent.entries.set(name, node);
    if (node.kind === "directory") parent.links++;
    parent.touch();
  }

  /** Where a new file may be made, or a negative errno. */
  #vacant(start: Directory, path: string, forDirectory: boolean): Found | number {
    const found = this.walk(start, path, "name");
    if (typeof found === "number") return found;
    if (found.name.length > NAME_MAX) return -ENAMETOOLONG;
    if (!found.ordinary || found.node !== undefined) return -EEXIST;
    if (found.trailing && !forDirectory) return -ENOENT;
    // Nothing can be made in a directory that was removed.
    return found.parent.links === 0 ? -ENOENT : found;
  }

  /** mkdirat(2). */
  mkdir(start: Directory, path: string, permissions: number): number {
    const found = this.#vacant(start, path, true);
    if (typeof found === "number") return found;
    this.add(found.parent, found.name, new Directory(this.#disk, permissions, found.parent));
    return 0;
  }

  /** symlinkat(2). */
  symlink(start: Directory, target: string, path: string): number {
    if (target === "") return -ENOENT;
    if (target.length >= PATH_MAX) return -ENAMETOOLONG;
    const found = this.#vacant(start, path, false);
    if (typeof found === "number") return found;
    this.add(found.parent, found.name, new SymbolicLink(this.#disk, target));
    return 0;
  }

  /** linkat(2), once the existing file was found. */
  link(node: FileNode, start: Directory, path: string): number {
    const found = this.#vacant(start, path, false);
    if (typeof found === "number") return found;
    if (node.kind === "directory") return -EPERM;
    node.links++;
    node.changed = this.#disk.now();
    this.add(found.parent, found.name, node);
    return 0;
  }

  /** unlinkat(2) of what is no directory. Returns what lost a name. */
  unlink(start: Directory, path: string): FileNode | number {
    const found = this.walk(start, path, "name");
    if (typeof found === "number") return found;
    const { node, parent, name } = found;
    if (!found.ordinary) return -EISDIR;
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    if (node === undefined) return -ENOENT;
    if (node.kind === "directory") return -EISDIR;
    if (found.trailing) return -ENOTDIR;
    this.#remove(parent, name, node);
    return node;
  }

  /** unlinkat(2) with AT_REMOVEDIR. */
  rmdir(start: Directory, path: string): number {
    const found = this.walk(start, path, "name");
    if (typeof found === "number") return found;
    const { node, parent, name } = found;
    if (name === ".") return -EINVAL;
    if (name === "..") return -ENOTEMPTY;
    if (!found.ordinary) return -EBUSY;
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    if (node === undefined) return -ENOENT;
    if (node.kind !== "directory") return -ENOTDIR;
    if (node.entries.size > 0) return -ENOTEMPTY;
    this.#remove(parent, name, node);
    return 0;
  }

  /** renameat2(2). Returns what was replaced, 0, or a negative errno. */
  rename(
    from: Directory,
    path: string,
    to: Directory,
    path2: string,
    flags: number,
  ): FileNode | number {
    const exchange = (flags & RENAME_EXCHANGE) !== 0;
    const keep = (flags & RENAME_NOREPLACE) !== 0;
    if ((flags & ~(RENAME_EXCHANGE | RENAME_NOREPLACE)) !== 0 || (exchange && keep)) {
      // A whiteout is a matter of overlays, which this is none of.
      return -EINVAL;
    }
    const old = this.walk(from, path, "name");
    if (typeof old === "number") return old;
    const target = this.walk(to, path2, "name");
    if (typeof target === "number") return target;
    const problem = renameProblem(old, target, exchange, keep);
    if (problem !== 0) return problem;
    const node = old.node as FileNode;
    const replaced = target.node;
    if (node === replaced) return 0;
    if (!exchange && replaced !== undefined) {
      if (node.kind === "directory" && replaced.kind !== "directory") return -ENOTDIR;
      if (node.kind !== "directory" && replaced.kind === "directory") return -EISDIR;
      if (replaced.kind === "directory" && replaced.entries.size > 0) return -ENOTEMPTY;
      this.#remove(target.parent, target.name, replaced);
    }
    old.parent.entries.delete(old.name);
    this.#detach(old.parent, node);
    if (exchange && replaced !== undefined) {
      this.#detach(target.parent, replaced);
      this.#attach(replaced, old.parent, old.name);
    }
    this.#attach(node, target.parent, target.name);
    node.changed = this.#disk.now();
    return exchange || replaced === undefined ? 0 : replaced;
  }

  #detach(parent: Directory, node: FileNode): void {
    if (node.kind === "directory") parent.links--;
    parent.touch();
  }

  #attach(node: FileNode, parent: Directory, name: string): void {
    if (node.kind === "directory") node.parent = parent;
    this.add(parent, name, node);
  }

  #remove(parent: Directory, name: string, node: FileNode): void {
    parent.entries.delete(name);
    this.#detach(parent, node);
    node.links -= node.kind === "directory" ? 2 : 1;
    node.changed = this.#disk.now();
  }
}

/** The components of a path, the first one last. */
function componentsOf(path: string): string[] {
  return path
    .split("/")
    .filter((name) => name !== "")
    .reverse();
}

/** What renameat2(2) looks at before it looks at what the files are, in its order. */
function renameProblem(old: Found, target: Found, exchange: boolean, keep: boolean): number {
  if (!old.ordinary) return -EBUSY;
  if (!target.ordinary) return keep ? -EEXIST : -EBUSY;
  if (old.name.length > NAME_MAX) return -ENAMETOOLONG;
  if (old.node === undefined) return -ENOENT;
  if (target.name.length > NAME_MAX) return -ENAMETOOLONG;
  if (keep && target.node !== undefined) return -EEXIST;
  if (exchange) {
    if (target.node === undefined) return -ENOENT;
    if (target.trailing && target.node.kind !== "directory") return -ENOTDIR;
  }
  if (old.node.kind !== "directory" && (old.trailing || (!exchange && target.trailing))) {
    return -ENOTDIR;
  }
  if (isWithin(target.parent, old.node)) return -EINVAL;
  if (target.node !== undefined && isWithin(old.parent, target.node)) {
    return exchange ? -EINVAL : -ENOTEMPTY;
  }
  return target.parent.links === 0 ? -ENOENT : 0;
}

/** Whether a directory is another one, or lies somewhere in it. */
function isWithin(directory: Directory, other: FileNode): boolean {
  for (let at = directory; ; at = at.parent) {
    if (at === other) return true;
    if (at.parent === at) return false;
  }
}
