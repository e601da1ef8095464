/** What every room above may use: errors in Node's shape, checks of arguments, limits. */
export * from "./argument-errors.ts";
export * from "./errors.ts";
export * from "./limits.ts";
export * from "./permission.ts";
export * from "./validate.ts";
