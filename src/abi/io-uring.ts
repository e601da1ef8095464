/**
 * The io_uring interface of Linux through 6.19: every number, under the kernel's own name.
 */

export * from "./io-uring-flags.ts";
export * from "./io-uring-opcodes.ts";
export * from "./io-uring-register.ts";
export * from "./io-uring-register-layout.ts";
export * from "./io-uring-setup.ts";
export * from "./io-uring-sqe.ts";
