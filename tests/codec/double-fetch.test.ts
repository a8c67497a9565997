/**
 * A worker that writes over the bytes of a message while another decodes it: the value may be wrong, but the reader
 * goes on. In a process of its own, since what is tested for ends one.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { timeLimit } from "../time-limit.js";

const codec = JSON.stringify(new URL("../../src/codec/index.js", import.meta.url).href);
const keys = JSON.stringify(new URL("../../src/shared/packed-key.js", import.meta.url).href);

/** Decodes for `ms` what a thread writes over: the bytes from `from` on, now with one filling, now with the other. */
const program = `
  import { Worker } from "node:worker_threads";
  import { decode } from ${codec};
  import { keyAt } from ${keys};
  const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
  const length = 200_000;
  const cases = {
    utf8: { head: [0x0c, ...varint(length)], fillings: [0xa9c3a9c3, 0x61616161] },
    broken: { head: [0x0c, ...varint(length)], fillings: [0xffffffff, 0x61616161] },
    utf16: { head: [0x0d, ...varint(length)], fillings: [0x20ac20ac, 0x00610061] },
    ascii: { head: [0x0b, ...varint(length)], fillings: [0xffffffff, 0x61616161] },
    bigint: { head: [0x09, ...varint(length)], fillings: [0xffffffff, 0] },
    array: { head: [0x10, ...varint(length)], fillings: [0x80808080, 0x0c0c0c0c] },
    object: { head: [0x0f, ...varint(length / 4)], fillings: [0x80416141, 0x80427a7a] },
    tags: { head: [], fillings: [0x10104110, 0x0f0b0c81] },
  };
  let done = 0;
  let torn = 0;
  for (const [name, { head, fillings }] of Object.entries(cases)) {
    const shared = new SharedArrayBuffer(8 + length);
    const bytes = new Uint8Array(shared);
    bytes.set(head);
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const scribbler = new Worker(
      'const { shared, fillings, stop } = require("node:worker_threads").workerData; const words = new Uint32Array(shared, 8); for (let pass = 0; Atomics.load(stop, 0) === 0; pass++) words.fill(fillings[pass & 1])',
      { eval: true, execArgv: [], workerData: { shared, fillings, stop } },
    );
    await new Promise((resolve) => scribbler.once("online", resolve));
    const size = head.length === 0 ? length : Math.min(head.length + length, shared.byteLength);
    // The first goes on until the scribbler was seen to have written while a text was read.
    const isShown = () => name !== "utf8" || torn > 0;
    for (const until = Date.now() + 400; Date.now() < until || (!isShown() && Date.now() < until + ${timeLimit(20_000)}); done++) {
      try {
        const value = decode(bytes, 0, size);
        if (name === "utf8" && value.includes("a") && value.includes("é")) torn++;
      } catch (error) {
        if (error.code !== "ERR_ALLCORES_CORRUPT") throw error;
      }
      keyAt(bytes, 2, 20_000 * 2 + 1);
    }
    Atomics.store(stop, 0, 1);
    await new Promise((resolve) => scribbler.once("exit", resolve));
  }
  console.log(done > 0 && torn > 0 ? "decoded" : "nothing");
`;

test("decoding while another worker scribbles over the same bytes never crashes the reader", {
  timeout: timeLimit(60_000),
}, () => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  assert.equal(signal ?? status, 0, stderr.slice(0, 3000));
  assert.equal(stdout.trim(), "decoded");
});
