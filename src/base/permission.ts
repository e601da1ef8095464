/** Node's permission model: what a process that was started with `--permission` may do. */

import { parse } from "node:path";

/** `process.permission`, where the permission model is on. */
export interface PermissionModel {
  /** Whether something is allowed: all of it, or one resource. */
  has(scope: string, reference?: string): boolean;
}

/** The permission model of this process, or undefined where it is off. It cannot be turned on later. */
export const PERMISSION: PermissionModel | undefined = (
  process as { readonly permission?: PermissionModel }
).permission;

/** The error that Node's own functions fail with, `ERR_ACCESS_DENIED`. */
export interface AccessDenied extends Error {
  code: "ERR_ACCESS_DENIED";
  /** What would have to be allowed, `"FileSystemRead"`; empty where nothing helps. */
  permission: string;
  /** What was refused, such as a path; empty for all of it. */
  resource: string;
}

/** Makes that error, with Node's keys in Node's order. */
export function accessDenied(message: string, permission = "", resource = ""): AccessDenied {
  const error = new Error(message) as AccessDenied;
  error.code = "ERR_ACCESS_DENIED";
  error.permission = permission;
  error.resource = resource;
  return error;
}

/** Refuses what node:fs refuses to every program under the permission model: `"fsync"`. */
export function refuseDisabled(name: string): void {
  if (PERMISSION === undefined) return;
  throw accessDenied(`${name} API is disabled when Permission Model is enabled.`);
}

/** Node 20 says yes for all of it where anything is allowed, so a name that no rule has is asked for. */
function hasAllFiles(model: PermissionModel, scope: string): boolean {
  return model.has(scope) && model.has(scope, `${parse(process.execPath).root}\u001f`);
}

/**
 * Refuses what could open any file and connect to any host, unless all of both is allowed. What has
 * been opened stays open, whatever is dropped later.
 *
 * @param name What is refused, for the message.
 */
export function refuseUnlessAllowed(name: string): void {
  if (PERMISSION === undefined) return;
  for (const [scope, flag, permission] of [
    ["fs.read", "--allow-fs-read", "FileSystemRead"],
    ["fs.write", "--allow-fs-write", "FileSystemWrite"],
    ["net", "--allow-net", "Net"],
  ] as const) {
    // Releases before 25 do not restrict the network, and know no such flag.
    const known = process.allowedNodeEnvironmentFlags.has(flag);
    if (scope === "net" ? !known || PERMISSION.has(scope) : hasAllFiles(PERMISSION, scope))
      continue;
    const all = scope === "net" ? flag : `${flag}=*`;
    const message = `Access to this API has been restricted: ${name} could reach everything.`;
    throw accessDenied(`${message} Use ${all} to manage permissions.`, permission);
  }
}
