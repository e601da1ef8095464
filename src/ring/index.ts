/** The queues of io_uring as pure structures: they need memory, not a kernel. */
export * from "./buffer-ring.ts";
export * from "./completion-queue.ts";
export * from "./submission-queue.ts";
