/**
 * node:fs as it was before anybody put other functions in its place: what we have no opcode for
 * goes there, and our own preload hook must not bring it back to us.
 */
import fs from "node:fs";

/** The functions of node:fs. */
export const nodeFs: Readonly<typeof fs> = { ...fs };

/** The functions of node:fs/promises. */
export const nodePromises: Readonly<typeof fs.promises> = { ...fs.promises };
