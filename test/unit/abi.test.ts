import assert from "node:assert/strict";
import { constants as osConstants } from "node:os";
import { describe, it } from "node:test";
import * as errno from "../../src/abi/errno.ts";
import {
  IO_URING_OPCODE_KERNELS,
  IO_URING_OPCODES,
  IORING_OP_LAST,
  SQE_ADDR3,
  SQE_SIZE,
} from "../../src/abi/io-uring.ts";

describe("IO_URING_OPCODES", () => {
  it("numbers every opcode once, without a gap", () => {
    const numbers = Object.values(IO_URING_OPCODES);
    assert.deepEqual(numbers, [...Array(IORING_OP_LAST).keys()]);
  });

  it("has a kernel version for every opcode, in rising order", () => {
    assert.equal(IO_URING_OPCODE_KERNELS.length, IORING_OP_LAST);
    const order = IO_URING_OPCODE_KERNELS.map((version) => {
      const [major = 0, minor = 0] = version.split(".").map(Number);
      return major * 1000 + minor;
    });
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
  });
});

describe("SQE layout", () => {
  it("leaves 16 bytes for the last union", () => {
    assert.equal(SQE_ADDR3 + 16, SQE_SIZE);
  });
});

describe("errno", () => {
  const skip = process.platform === "linux" ? {} : { skip: "These are the numbers of Linux" };

  it("has the numbers of this system", skip, () => {
    const theirs: Readonly<Record<string, number>> = osConstants.errno;
    for (const [name, value] of Object.entries(errno)) {
      if (theirs[name] !== undefined) assert.equal(value, theirs[name], name);
    }
  });
});
