import { readFileSync } from "node:fs";
import { EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM } from "../../abi/linux.ts";
import { systemErrorCode } from "../../base/errors.ts";
import { TEXT } from "../../base/options.ts";
import type { Availability } from "../../core/index.ts";
import { loadNative, type NativeAvailability } from "../../native/load.ts";
import { tryRing } from "./setup.ts";

/** Asks this kernel. */
export function probe(): Availability {
  return availabilityOf(loadNative(), readWord);
}

/**
 * Sets a tiny ring up and closes it again: the only question that gets a true answer.
 *
 * @param read Reads a file under /proc; empty where there is none.
 */
export function availabilityOf(
  native: NativeAvailability,
  read: (path: string) => string,
): Availability {
  if (!native.available) return native;
  try {
    tryRing(native.addon);
    return { available: true };
  } catch (error) {
    return refusal(error as NodeJS.ErrnoException & { remedy?: string }, read);
  }
}

/** Why the kernel said no, and what to do, as far as the system tells. */
function refusal(
  error: NodeJS.ErrnoException & { remedy?: string },
  read: (path: string) => string,
): Availability {
  const no = (reason: string, remedy: string): Availability => ({
    available: false,
    reason,
    remedy,
  });
  const passes = (reason: string, remedy: string): Availability => ({
    available: false,
    reason,
    remedy,
    passing: true,
  });
  if (error.remedy !== undefined) return no(error.message, error.remedy);
  const { syscall = "io_uring_setup" } = error;
  if (syscall !== "io_uring_setup" && error.errno === -EPERM)
    return halfForbidden(syscall, no, read);
  switch (error.errno) {
    case -ENOSYS:
      return no(
        "This kernel has no io_uring (ENOSYS): it is older than 5.1 or built without it",
        "Use Linux 5.7 or newer, with CONFIG_IO_URING=y",
      );
    case -EPERM:
      return forbidden(no, read);
    case -ENOMEM:
      return passes(
        "The locked-memory limit is too small for a ring (ENOMEM)",
        "Raise RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK=), or use Linux 5.12 or newer",
      );
    case -EMFILE:
    case -ENFILE:
      return passes(
        `No descriptor was left for a ring (${error.code})`,
        "Raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE=), or close what is not needed",
      );
    case -EAGAIN:
      return passes(`${syscall} failed with EAGAIN`, "Free memory, or raise the limits");
    default:
      return no(`${syscall} failed with ${error.code ?? systemErrorCode(error.errno ?? 0)}`, "");
  }
}

/** A ring can be made, and not be used. */
function halfForbidden(
  syscall: string,
  no: (reason: string, remedy: string) => Availability,
  read: (path: string) => string,
): Availability {
  const filtered = /^Seccomp:\s*2/m.test(read("/proc/self/status"));
  return no(
    `${filtered ? "A seccomp filter" : "The kernel"} forbids ${syscall} (EPERM)`,
    "Allow io_uring_setup, io_uring_enter and io_uring_register, or none of them",
  );
}

function forbidden(
  no: (reason: string, remedy: string) => Availability,
  read: (path: string) => string,
): Availability {
  const disabled = read("/proc/sys/kernel/io_uring_disabled");
  if (disabled === "2") {
    return no(
      "io_uring is switched off for everybody (kernel.io_uring_disabled=2)",
      "Ask the administrator for: sysctl kernel.io_uring_disabled=0",
    );
  }
  if (disabled === "1") {
    return no(
      "io_uring is switched off for ordinary users (kernel.io_uring_disabled=1)",
      "Run with CAP_SYS_ADMIN, join the group in kernel.io_uring_group, or ask for: " +
        "sysctl kernel.io_uring_disabled=0",
    );
  }
  if (/^Seccomp:\s*2/m.test(read("/proc/self/status"))) {
    return no(
      "A seccomp filter forbids io_uring (EPERM), as the default profile of containers does",
      "Allow io_uring_setup, io_uring_enter and io_uring_register in the profile, or run the " +
        "container with --security-opt seccomp=unconfined",
    );
  }
  return no(
    "The kernel forbids io_uring (EPERM)",
    "Look for a security module (SELinux, AppArmor) that denies io_uring",
  );
}

function readWord(path: string): string {
  try {
    return readFileSync(path, TEXT).trim();
  } catch {
    return "";
  }
}
