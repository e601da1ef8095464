import { isIPv6 } from "node:net";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  SOCKADDR_IN_SIZE,
  SOCKADDR_IN6_SIZE,
  SOCKADDR_UN_SIZE,
} from "../../abi/linux-socket.ts";
import { invalidArgValue } from "../../base/argument-errors.ts";
import { Struct } from "./memory.ts";

/** An address of a socket. */
export type SocketAddress =
  | { readonly family: "IPv4" | "IPv6"; readonly address: string; readonly port: number }
  | { readonly family: "unix"; readonly path: string };

/** Where the address of each family begins: after the family and the port, IPv6 flow included. */
const IN_ADDR = 4;
const IN6_ADDR = 8;
const UN_PATH = 2;

/**
 * `struct sockaddr_in` or `struct sockaddr_in6` for a numeric address; see ip(7) and ipv6(7).
 * Throws `ERR_INVALID_ARG_VALUE` for a name: names are not looked up.
 */
export function sockaddr(address: string, port: number): Struct {
  return isIPv6(address) ? sockaddrIn6(address, port) : sockaddrIn(address, port);
}

function sockaddrIn(address: string, port: number): Struct {
  const struct = new Struct(SOCKADDR_IN_SIZE).setU16(0, AF_INET);
  struct.view.setUint16(2, port);
  struct.bytes.set(octets(address), IN_ADDR);
  return struct;
}

function octets(address: string): number[] {
  const parts = address.split(".");
  const bytes = parts.map(Number);
  const good = parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  if (parts.length !== 4 || !good) {
    throw invalidArgValue("address", address, "must be a numeric IP address");
  }
  return bytes;
}

function sockaddrIn6(address: string, port: number): Struct {
  const struct = new Struct(SOCKADDR_IN6_SIZE).setU16(0, AF_INET6);
  struct.view.setUint16(2, port);
  // The last 32 bits may be written as IPv4.
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  let text = address.split("%")[0] ?? "";
  if (tail !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = octets(tail[2] ?? "");
    text = `${tail[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = "", rest] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const before = groups(head);
  const after = rest === undefined ? [] : groups(rest);
  before.forEach((group, i) => {
    struct.view.setUint16(IN6_ADDR + i * 2, Number.parseInt(group, 16));
  });
  after.forEach((group, i) => {
    struct.view.setUint16(IN6_ADDR + (8 - after.length + i) * 2, Number.parseInt(group, 16));
  });
  return struct;
}

/**
 * `struct sockaddr_un` for a path; see unix(7). A path that begins with a zero byte is abstract.
 * Throws `ERR_INVALID_ARG_VALUE` for a path of more than 107 bytes.
 */
export function sockaddrUn(path: string): Struct {
  const bytes = Buffer.from(path);
  if (bytes.length > SOCKADDR_UN_SIZE - UN_PATH - 1) {
    throw invalidArgValue("path", path, "is longer than the path of a socket may be");
  }
  // The length of an abstract name counts, and it has no zero byte at its end.
  const size = UN_PATH + bytes.length + (bytes[0] === 0 ? 0 : 1);
  const struct = new Struct(size).setU16(0, AF_UNIX);
  struct.bytes.set(bytes, UN_PATH);
  return struct;
}

/**
 * Reads an address that the kernel filled in.
 *
 * @param length How many of its bytes count, as the kernel says.
 * @returns Undefined for a family other than IPv4, IPv6 and unix.
 */
export function readSockaddr(
  memory: NodeJS.ArrayBufferView | Struct,
  length: number,
): SocketAddress | undefined {
  const source = memory instanceof Struct ? memory.bytes : memory;
  const view = new DataView(source.buffer, source.byteOffset, Math.min(length, source.byteLength));
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (view.byteLength < 2) return undefined;
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return {
        family: "IPv4",
        address: bytes.subarray(IN_ADDR, IN_ADDR + 4).join("."),
        port: view.getUint16(2),
      };
    case AF_INET6:
      return { family: "IPv6", address: textOfIn6(view), port: view.getUint16(2) };
    case AF_UNIX: {
      const path = bytes.subarray(UN_PATH);
      const end = path[0] === 0 ? path.length : path.indexOf(0);
      return {
        family: "unix",
        path: Buffer.from(path.subarray(0, end === -1 ? path.length : end)).toString(),
      };
    }
    default:
      return undefined;
  }
}

/** The longest run of zeros is left out, as RFC 5952 wants it. */
function textOfIn6(view: DataView): string {
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(IN6_ADDR + i * 2));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (best.at === -1) return text(groups);
  return `${text(groups.slice(0, best.at))}::${text(groups.slice(best.at + best.length))}`;
}
