import { describe, it } from "node:test";
import { twins } from "./support.ts";

describe("a function that a program puts into node:fs", () => {
  for (const name of ["open", "write", "fsync", "close"]) {
    it(`is called by fs.writeFile where it is fs.${name}`, async () => {
      await twins(`
        const fs = require("node:fs");
        const original = fs.${name};
        let calls = 0;
        fs.${name} = function (...args) {
          calls++;
          return original.apply(this, args);
        };
        fs.writeFile(__filename + ".out", "text", { flush: true }, (error) => {
          if (error) throw error;
          console.log(calls);
        });
      `);
    });
  }
});
