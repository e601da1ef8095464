import { readFileSync } from "node:fs";
import { EAGAIN, ENOMEM, ENOSYS, EPERM } from "../../abi/linux.ts";
import { systemErrorCode } from "../../base/errors.ts";
import { TEXT } from "../../base/options.ts";
import type { Availability } from "../../core/index.ts";
import { loadNative } from "../../native/load.ts";
import { setupContext } from "./setup.ts";

/** Makes the smallest context and destroys it: the only question that gets a true answer. */
export function probe(): Availability {
  const native = loadNative();
  if (!native.available) return native;
  const { addon } = native;
  const context = setupContext(addon, 1);
  if (context < 0) return refusal(context);
  addon.aioDestroy(context);
  return { available: true };
}

/**
 * Why the kernel said no, and what to do.
 *
 * @param result The negative errno of io_setup(2).
 * @param readLimit Reads `aio-nr` and `aio-max-nr` of /proc/sys/fs; undefined where it cannot.
 */
export function refusal(
  result: number,
  readLimit: (name: string) => string | undefined = readSysctl,
): Availability {
  const no = (reason: string, remedy: string) => ({ available: false, reason, remedy }) as const;
  switch (result) {
    case -EAGAIN:
      return no(
        `The system's limit of AIO requests is reached (EAGAIN): fs.aio-nr is ` +
          `${readLimit("aio-nr") ?? "unknown"} of fs.aio-max-nr ` +
          `${readLimit("aio-max-nr") ?? "unknown"}`,
        "Close what holds contexts, or ask the administrator for: sysctl fs.aio-max-nr=1048576",
      );
    case -ENOSYS:
      return no(
        "This kernel has no native AIO (ENOSYS): it was built without CONFIG_AIO",
        "Use a kernel with CONFIG_AIO=y",
      );
    case -EPERM:
      return no(
        "The kernel forbids native AIO (EPERM), as a seccomp filter does",
        "Allow io_setup, io_submit, io_getevents, io_cancel and io_destroy in the profile",
      );
    case -ENOMEM:
      return no("There is no memory for a context (ENOMEM)", "Free memory, or raise the limits");
    default:
      return no(`io_setup failed with ${systemErrorCode(result)}`, "");
  }
}

function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/fs/${name}`, TEXT).trim();
  } catch {
    return undefined;
  }
}
