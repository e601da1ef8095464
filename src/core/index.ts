/** The vocabulary of the project: what an operation, a completion and an engine are. */
export * from "./engine.ts";
export * from "./operation-kind.ts";
export * from "./request.ts";
export * from "./slots.ts";
