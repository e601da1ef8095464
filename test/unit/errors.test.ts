import assert from "node:assert/strict";
import fs from "node:fs";
import { constants } from "node:os";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import {
  AbortError,
  abortError,
  errnoOf,
  invalidState,
  invariant,
  ProactorError,
  systemError,
  systemErrorCode,
} from "../../src/base/index.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** What `body` throws. */
function thrownBy(body: () => unknown): Error {
  try {
    body();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new assert.AssertionError({ message: "Nothing was thrown" });
}

/** Everything about an error that a program can see, but for its stack's frames. */
function seen(error: Error) {
  return {
    text: String(error),
    keys: Object.keys(error),
    ownKeys: Reflect.ownKeys(error).filter((key) => key !== "stack"),
    values: { ...error },
    prototype: Object.getPrototypeOf(error) === Error.prototype,
    firstLine: error.stack?.split("\n")[0],
  };
}

describe("systemError", () => {
  it("equals what fs throws: message, keys and their order", () => {
    const missing = "/no-such-dir/x";
    assert.deepEqual(
      seen(systemError(-constants.errno.ENOENT, "open", missing)),
      seen(thrownBy(() => fs.openSync(missing, "r"))),
    );
  });

  it("equals what fs throws for two paths", () => {
    const [from, to] = ["/no-such-dir/x", "/no-such-dir/y"];
    assert.deepEqual(
      seen(systemError(-constants.errno.ENOENT, "rename", from, to)),
      seen(thrownBy(() => fs.renameSync(from, to))),
    );
  });

  it("equals what fs throws without a path", () => {
    assert.deepEqual(
      seen(systemError(-constants.errno.EBADF, "read")),
      seen(thrownBy(() => fs.readSync(0x7fff_fffe, Buffer.alloc(1)))),
    );
  });

  it("equals what fs/promises rejects with", async () => {
    await withTempDir(async (dir) => {
      const error = await fs.promises.mkdir(dir).catch((reason: Error) => reason);
      assert.ok(error instanceof Error);
      assert.deepEqual(seen(systemError(-constants.errno.EEXIST, "mkdir", dir)), seen(error));
    });
  });

  it("shows a path of bytes as fs does, invalid UTF-8 included", () => {
    const path = Buffer.from([0x2f, 0xff, 0x61, 0x2f, 0x62]);
    assert.deepEqual(
      seen(systemError(-constants.errno.ENOENT, "open", path)),
      seen(thrownBy(() => fs.openSync(path, "r"))),
    );
  });

  it("shows an empty path as fs does", () => {
    assert.equal(
      systemError(-constants.errno.ENOENT, "open", "").message,
      thrownBy(() => fs.openSync("", "r")).message,
    );
  });

  it("names what libuv has no name for", { skip: process.platform !== "linux" }, () => {
    const error = systemError(-62, "timeout");
    assert.equal(error.message, "ETIME: timer expired, timeout");
    assert.equal(error.code, "ETIME");
    assert.equal(systemError(-117, "read").code, "EUCLEAN");
  });

  it("still makes an error of a number that nobody has a name for", () => {
    const error = systemError(-9999, "read");
    assert.equal(error.errno, -9999);
    assert.equal(error.code, "Unknown system error -9999");
    assert.equal(error.message, "Unknown system error -9999: Unknown system error -9999, read");
  });

  it("appends a detail", () => {
    const error = systemError(-errnoOf("EINVAL"), "read", undefined, undefined, "offset 513");
    assert.equal(error.message, "EINVAL: invalid argument, read: offset 513");
    assert.deepEqual(Object.keys(error), ["errno", "code", "syscall"]);
  });
});

describe("errnoOf", () => {
  it("is the positive number of a name, and systemErrorCode its inverse", () => {
    for (const name of ["ENOENT", "EBADF", "ECANCELED", "ENOTSUP", "ESTALE"]) {
      assert.ok(errnoOf(name) > 0);
      assert.equal(systemErrorCode(-errnoOf(name)), name);
    }
    assert.equal(systemErrorCode(-9999), "UNKNOWN");
  });

  it("refuses a name that does not exist", () => {
    assert.throws(() => errnoOf("ENOSUCHTHING"), { code: "ERR_PROACTOR_INVARIANT" });
  });
});

describe("ProactorError", () => {
  it("carries code, remedy and cause, and its name is no own key", () => {
    const cause = new Error("below");
    const error = new ProactorError("ERR_PROACTOR_CLOSED", "The proactor is closed", "Open one", {
      cause,
    });
    assert.equal(String(error), "ProactorError: The proactor is closed");
    assert.deepEqual(Object.keys(error), ["code", "remedy"]);
    assert.equal(error.remedy, "Open one");
    assert.equal(error.cause, cause);
    assert.ok(error instanceof Error);
    assert.match(inspect(error), /^ProactorError: The proactor is closed\n/);
  });
});

describe("invariant", () => {
  it("passes what holds and throws what does not", () => {
    invariant(true, "Never seen");
    assert.throws(() => invariant(false, "Ring counters disagree: head 4, tail 3"), {
      name: "ProactorError",
      code: "ERR_PROACTOR_INVARIANT",
      message: "Ring counters disagree: head 4, tail 3",
      remedy: /bug in proactor/,
    });
  });
});

describe("abortError", () => {
  it("equals what fs/promises rejects with", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const theirs: unknown = await fs.promises.readFile("/", { signal }).catch((e: unknown) => e);
    const ours = abortError(signal);
    assert.ok(theirs instanceof Error);
    assert.deepEqual(seen(ours), seen(theirs));
    assert.equal(ours.cause, theirs.cause);
    assert.equal(ours.constructor.name, theirs.constructor.name);
    assert.ok(ours instanceof AbortError);
  });

  it("has no cause without a signal", () => {
    assert.equal("cause" in abortError(), false);
  });
});

describe("invalidState", () => {
  it("has Node's code and text", () => {
    const error = invalidState("The queue is closed");
    assert.equal(String(error), "Error [ERR_INVALID_STATE]: Invalid state: The queue is closed");
    assert.deepEqual(Object.keys(error), ["code"]);
  });
});
