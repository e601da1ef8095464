import assert from "node:assert/strict";
import { describe } from "node:test";
import * as uring from "../../src/abi/io-uring.ts";
import * as linux from "../../src/abi/linux.ts";
import { addonOrThrow, nativeIt, ringIt } from "../native/native-addon.ts";

/** The numbers that a module exports, by name. */
function numbersOf(module: object): Map<string, number> {
  const entries = Object.entries(module);
  return new Map(
    entries.filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

/** A bit mask as the kernel answers it, from constants whose names begin with `prefix`. */
function maskOf(prefix: string): number {
  return [...numbersOf(uring)]
    .filter(([name]) => name.startsWith(prefix))
    .reduce((mask, [, bit]) => mask | bit, 0);
}

/** IORING_REGISTER_QUERY about opcodes and flags; undefined where the kernel is older than it. */
function query(): DataView | undefined {
  const addon = addonOrThrow();
  const header = new DataView(new ArrayBuffer(uring.QUERY_HDR_SIZE));
  const answer = new DataView(new ArrayBuffer(uring.QUERY_OPCODE_SIZE));
  header.setBigUint64(uring.QUERY_HDR_QUERY_DATA, BigInt(addon.addressOf(answer)), true);
  header.setUint32(uring.QUERY_HDR_QUERY_OP, uring.IO_URING_QUERY_OPCODES, true);
  header.setUint32(uring.QUERY_HDR_BYTES, uring.QUERY_OPCODE_SIZE, true);
  const res = addon.uringRegister(-1, uring.IORING_REGISTER_QUERY, addon.addressOf(header), 0);
  return res === 0 && header.getInt32(uring.QUERY_HDR_RESULT, true) === 0 ? answer : undefined;
}

describe("src/abi", () => {
  nativeIt("has every name and number of the C side, and no other", () => {
    const ours = new Map([...numbersOf(uring), ...numbersOf(linux)]);
    const theirs = new Map(Object.entries(addonOrThrow().uringAbi()));
    assert.deepEqual([...ours.keys()].filter((name) => !theirs.has(name)).sort(), []);
    assert.deepEqual([...theirs.keys()].filter((name) => !ours.has(name)).sort(), []);
    for (const [name, value] of theirs) assert.equal(ours.get(name), value, name);
  });

  nativeIt("knows every opcode, feature and flag that this kernel says it has", (t) => {
    const answer = query();
    if (answer === undefined) {
      t.skip("IORING_REGISTER_QUERY is newer than this kernel");
      return;
    }
    const opcodes = answer.getUint32(uring.QUERY_OPCODE_NR_REQUEST_OPCODES, true);
    const registers = answer.getUint32(uring.QUERY_OPCODE_NR_REGISTER_OPCODES, true);
    if (opcodes > uring.IORING_OP_LAST) {
      t.skip(`this kernel has ${opcodes} opcodes: it is newer than src/abi`);
      return;
    }
    const masks: [offset: number, known: number][] = [
      [uring.QUERY_OPCODE_FEATURE_FLAGS, maskOf("IORING_FEAT_")],
      [uring.QUERY_OPCODE_RING_SETUP_FLAGS, maskOf("IORING_SETUP_")],
      [uring.QUERY_OPCODE_ENTER_FLAGS, maskOf("IORING_ENTER_")],
      [uring.QUERY_OPCODE_SQE_FLAGS, maskOf("IOSQE_")],
    ];
    for (const [offset, known] of masks) {
      assert.equal(answer.getUint32(offset, true) & ~known, 0, `flags at offset ${offset}`);
      assert.equal(answer.getUint32(offset + 4, true), 0);
    }
    if (registers > uring.IORING_REGISTER_ZCRX_CTRL + 1) {
      t.skip(`this kernel has ${registers} registrations: it is newer than src/abi`);
    }
  });

  ringIt("numbers opcodes as the probe of this kernel does", () => {
    const addon = addonOrThrow();
    const fd = addon.uringSetup(1, new Uint8Array(uring.PARAMS_SIZE));
    const probe = new DataView(new ArrayBuffer(uring.PROBE_SIZE + 256 * uring.PROBE_OP_SIZE));
    const register = uring.IORING_REGISTER_PROBE;
    assert.equal(addon.uringRegister(fd, register, addon.addressOf(probe), 256), 0);
    addon.closeFd(fd);
    const last = probe.getUint8(uring.PROBE_LAST_OP);
    for (let opcode = 0; opcode <= last; opcode++) {
      const at = uring.PROBE_OPS + opcode * uring.PROBE_OP_SIZE;
      assert.equal(probe.getUint8(at + uring.PROBE_OP_OP), opcode);
    }
  });
});
