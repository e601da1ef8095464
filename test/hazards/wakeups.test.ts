import assert from "node:assert/strict";
import fs from "node:fs";
import { it } from "node:test";
import { describeWaiting, withProactor } from "../support/conformance.ts";
import { withPipes } from "../support/pipes.ts";

/** How often the program sleeps until somebody writes. */
const TIMES = 20;

// HAZARDS Q6, E3: Linux 6.12.117 signals the first thing that becomes ready, and none after it.
describeWaiting("a program that sleeps, with one read in flight and nothing else", (engine) => {
  it("is woken each time that there is something to read", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        const buffer = new Uint8Array(1);
        for (let i = 0; i < TIMES; i++) {
          const reading = p.read(pipe.read, buffer);
          setTimeout(() => fs.writeSync(pipe.write, Uint8Array.of(i)), 1);
          assert.equal(await reading, 1);
          assert.equal(buffer[0], i);
        }
      }),
    ));
});
