/** What keeps a process alive, where a program asks Node for it. */
import { callsInFlight } from "../fs/callbacks/index.ts";
import { operationsInFlight } from "../fs/road.ts";

/** What Node calls a call of node:fs with a callback, and one with a promise. */
const CALLBACK = "FSReqCallback";
const PROMISE = "FSReqPromise";

/** Stands for a request: tools that list what is active look at the name of its class. */
const REQUESTS = { [CALLBACK]: class FSReqCallback {}, [PROMISE]: class FSReqPromise {} };

type Process = typeof process & { _getActiveRequests?: () => object[] };

/**
 * Has `process.getActiveResourcesInfo()`, and `process._getActiveRequests()`, name what is in
 * flight here: else nobody could find out why the process does not end.
 */
export function showInFlight(): void {
  const target = process as Process;
  const { getActiveResourcesInfo, _getActiveRequests } = target;
  target.getActiveResourcesInfo = () => [...getActiveResourcesInfo(), ...names()];
  if (_getActiveRequests === undefined) return;
  target._getActiveRequests = () => [
    ..._getActiveRequests(),
    ...names().map((name) => new REQUESTS[name]()),
  ];
}

/** A name for each call. Of several requests of one call, one is in flight at a time. */
function names(): (keyof typeof REQUESTS)[] {
  const callbacks = callsInFlight();
  const promises = Math.max(0, operationsInFlight() - callbacks);
  return [...Array(callbacks).fill(CALLBACK), ...Array(promises).fill(PROMISE)];
}
