/** ReadStream and WriteStream of node:fs over the ring. */
import type fs from "node:fs";
import { nodeFs } from "../node.ts";
import { route } from "./route.ts";

/**
 * Makes a stream that reads a file, `fs.createReadStream` with the same options, events and errors.
 * What comes back is a `fs.ReadStream` whose reads go to the ring; with `options.fs`, and where
 * there is no ring, it is Node's way entirely.
 */
export const createReadStream: typeof fs.createReadStream = (path, options) =>
  route(nodeFs.createReadStream(path, options));

/**
 * Makes a stream that writes a file, `fs.createWriteStream` with the same options, events and
 * errors. What comes back is a `fs.WriteStream` whose writes go to the ring; with `options.fs`, and
 * where there is no ring, it is Node's way entirely.
 */
export const createWriteStream: typeof fs.createWriteStream = (path, options) =>
  route(nodeFs.createWriteStream(path, options));
