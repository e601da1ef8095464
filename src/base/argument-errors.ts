import { inspect } from "node:util";
import { descriptorOf } from "./descriptor.ts";

/** An error about an argument, shaped as Node shapes its own: `code` is its only enumerable key. */
export interface ArgumentError extends Error {
  code: string;
}

/** Where Node's errors have it: on the prototype, so that it is no own key. */
function toNodeString(this: ArgumentError): string {
  return `${this.name} [${this.code}]: ${this.message}`;
}

/** Prototypes that show the code, while `constructor` stays the built-in class, as Node has it. */
const prototypes = [Error, RangeError, TypeError].map((builtin) => ({
  builtin,
  prototype: Object.create(builtin.prototype, {
    toString: descriptorOf({ value: toNodeString, writable: true, configurable: true }),
  }) as ArgumentError,
}));

/** Gives a new `error` what Node's errors have: the code, the text, and a stack that shows both. */
function nodeError<T extends Error>(error: T, code: string, message: string): T & ArgumentError {
  const own = prototypes.find(({ builtin }) => builtin === error.constructor);
  if (own !== undefined) Object.setPrototypeOf(error, own.prototype);
  const hidden = { writable: true, configurable: true };
  const shown = descriptorOf({ ...hidden, value: code, enumerable: true });
  Object.defineProperty(error, "code", shown);
  Object.defineProperty(error, "message", descriptorOf({ ...hidden, value: message }));
  // The first look at `stack` formats it, so the name must hold the code just then.
  error.name = `${error.name} [${code}]`;
  void error.stack;
  Reflect.deleteProperty(error, "name");
  return error as T & ArgumentError;
}

const TYPES: ReadonlySet<string> = new Set([
  "string",
  "function",
  "number",
  "object",
  "Function",
  "Object",
  "boolean",
  "bigint",
  "symbol",
]);

const CLASS_NAME = /^[A-Z][a-zA-Z0-9]*$/;

/**
 * `ERR_INVALID_ARG_TYPE` with the text that Node gives it.
 *
 * @param name The argument, `"fd"`; with a dot in it, it is called a property.
 * @param expected Primitive types (`"number"`), class names (`"Buffer"`), or words.
 * @param actual What was received.
 */
export function invalidArgType(
  name: string,
  expected: string | readonly string[],
  actual: unknown,
): TypeError & ArgumentError {
  const subject = name.endsWith(" argument") ? name : `"${name}" ${kindOf(name)}`;
  const message = `The ${subject} must be ${choice(expected)}. Received ${received(actual)}`;
  return nodeError(new TypeError(), "ERR_INVALID_ARG_TYPE", message);
}

/**
 * `ERR_OUT_OF_RANGE` with the text that Node gives it.
 *
 * @param range What it must be: `">= 0 && <= 255"` or `"an integer"`.
 */
export function outOfRange(
  name: string,
  range: string,
  value: unknown,
): RangeError & ArgumentError {
  const subject = `The value of "${name}" is out of range`;
  const message = `${subject}. It must be ${range}. Received ${grouped(value)}`;
  return nodeError(new RangeError(), "ERR_OUT_OF_RANGE", message);
}

/** `ERR_FS_FILE_TOO_LARGE` for a file of `size` bytes, with the text that Node gives it. */
export function fileTooLarge(size: number): RangeError & ArgumentError {
  const message = `File size (${size}) is greater than 2 GiB`;
  return nodeError(new RangeError(), "ERR_FS_FILE_TOO_LARGE", message);
}

/** `ERR_INVALID_ARG_VALUE` with the text that Node gives it. */
export function invalidArgValue(
  name: string,
  value: unknown,
  reason = "is invalid",
): TypeError & ArgumentError {
  let shown = inspect(value);
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`;
  const message = `The ${kindOf(name)} '${name}' ${reason}. Received ${shown}`;
  return nodeError(new TypeError(), "ERR_INVALID_ARG_VALUE", message);
}

/** `ERR_INVALID_STATE`: the object is not in a state for what was asked. */
export function invalidState(message: string): ArgumentError {
  return nodeError(new Error(), "ERR_INVALID_STATE", `Invalid state: ${message}`);
}

function kindOf(name: string): string {
  return name.includes(".") ? "property" : "argument";
}

/** The expected types as a phrase: `of type number or an instance of Buffer or URL`. */
function choice(expected: string | readonly string[]): string {
  const types: string[] = [];
  const classes: string[] = [];
  const words: string[] = [];
  for (const one of typeof expected === "string" ? [expected] : expected) {
    if (TYPES.has(one)) types.push(one.toLowerCase());
    else if (CLASS_NAME.test(one)) classes.push(one);
    else words.push(one);
  }
  // Beside classes, an object is one more class.
  const object = types.indexOf("object");
  if (classes.length > 0 && object !== -1) {
    types.splice(object, 1);
    classes.push("Object");
  }
  const phrases: string[] = [];
  if (types.length > 0)
    phrases.push(`${types.length > 1 ? "one of type" : "of type"} ${or(types)}`);
  if (classes.length > 0) phrases.push(`an instance of ${or(classes)}`);
  if (words.length > 1) phrases.push(`one of ${or(words)}`);
  else if (words[0] !== undefined) {
    phrases.push(words[0].toLowerCase() === words[0] ? words[0] : `an ${words[0]}`);
  }
  return phrases.join(" or ");
}

function or(words: readonly string[]): string {
  if (words.length < 3) return words.join(" or ");
  return `${words.slice(0, -1).join(", ")}, or ${words.at(-1)}`;
}

/** What was received, in the words of `ERR_INVALID_ARG_TYPE`. */
function received(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "function":
      return `function ${value.name}`;
    case "object": {
      if (value === null) return "null";
      // `in` throws for a constructor that is no object; Node has the same blind spot.
      const maker = value.constructor;
      if (maker && "name" in maker) return `an instance of ${maker.name}`;
      return inspect(value, { depth: -1 });
    }
    case "string": {
      const short = value.length > 28 ? `${value.slice(0, 25)}...` : value;
      return `type string (${short.includes("'") ? JSON.stringify(short) : `'${short}'`})`;
    }
    case "symbol":
      return `type symbol (${String(value)})`;
    default:
      return `type ${typeof value} (${inspect(value)})`;
  }
}

/** What was received, in the words of `ERR_OUT_OF_RANGE`: long whole numbers in groups of three. */
function grouped(value: unknown): string {
  if (typeof value === "bigint") {
    const long = value > 2n ** 32n || value < -(2n ** 32n);
    return `${long ? group(String(value)) : value}n`;
  }
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) > 2 ** 32) {
    return group(String(value));
  }
  return inspect(value);
}

/** Underscores from the right, every three digits, as Node has it for exponents too. */
function group(digits: string): string {
  const start = digits.startsWith("-") ? 1 : 0;
  let end = digits.length;
  let tail = "";
  for (; end >= start + 4; end -= 3) tail = `_${digits.slice(end - 3, end)}${tail}`;
  return digits.slice(0, end) + tail;
}
