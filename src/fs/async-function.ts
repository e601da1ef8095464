/** Functions that look as Node's do: libraries ask whether one is async before they call it. */
import { descriptorOf } from "../base/descriptor.ts";

type AnyFunction = (...args: never[]) => unknown;

/**
 * A function that does what `ours` does and is an async one by its tag, its constructor and
 * `util.types.isAsyncFunction`, if `theirs` is; with what can be seen of that on it. It returns the
 * promise and does not await it: no frame of ours stands in the stack of an error.
 */
export function likeNodes<F extends AnyFunction>(ours: AnyFunction, theirs: F): F {
  const call = ours as (...args: unknown[]) => Promise<unknown>;
  const isAsync = Object.prototype.toString.call(theirs) === "[object AsyncFunction]";
  const made = isAsync
    ? async (...args: unknown[]) => call(...args)
    : (...args: unknown[]) => call(...args);
  const visible = Object.getOwnPropertyDescriptors(theirs) as Record<PropertyKey, unknown>;
  for (const key of Reflect.ownKeys(visible)) {
    if (key === "prototype") continue;
    Object.defineProperty(made, key, descriptorOf(visible[key] as PropertyDescriptor));
  }
  return made as unknown as F;
}
