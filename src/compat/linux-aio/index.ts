/**
 * libaio in TypeScript, over the kernel's own calls: `proactor/linux-aio`. Functions return
 * negative errnos, as libaio's do, and throw only where the addon is missing.
 *
 * @packageDocumentation
 */
export {
  IOCB_FLAG_IOPRIO,
  IOCB_FLAG_RESFD,
} from "../../abi/linux-aio.ts";
export {
  eventfd,
  io_cancel,
  io_destroy,
  io_fdsync,
  io_fsync,
  io_getevents,
  io_pgetevents,
  io_poll,
  io_queue_init,
  io_queue_release,
  io_queue_run,
  io_setup,
  io_submit,
  type sigset_t,
  type timespec,
} from "./calls.ts";
export { io_context_t, type io_event } from "./context.ts";
export * from "./iocb.ts";
