/**
 * `node --import proactor/register app.js`: proactor/fs under a program that does not know of it.
 *
 * @packageDocumentation
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { promises } from "../fs/promises.ts";

Object.assign(fs.promises, promises);
syncBuiltinESMExports();
