/**
 * transfer(): moved to threads at any depth, by Thread as by pools, copied to processes; and its mark never stays for
 * the next message.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Process, Thread, ThreadPool, transfer } from "allcores";
import { echo, giveMoved, sizeOf } from "../fixtures/pool-tasks.js";
import { timeLimit } from "../time-limit.js";

const isMoved = ({ buffer }: Uint8Array) => buffer.byteLength === 0;

test("transfer() is obeyed by Thread, for arguments and results", { timeout: timeLimit(60_000) }, async () => {
  const bytes = new Uint8Array(5000);
  await using thread = Thread.start(sizeOf, transfer(bytes));
  assert.ok(isMoved(bytes));
  assert.equal(await thread.join(), 5000);
  await using giver = Thread.start(giveMoved, 7);
  assert.deepEqual(await giver.join(), new Uint8Array(7).fill(5));
});

test("transfer() to a Process copies, and its mark does not stay for the next pool", {
  timeout: timeLimit(60_000),
}, async () => {
  const bytes = new Uint8Array(5000);
  await using child = Process.start(sizeOf, transfer(bytes));
  assert.equal(bytes.length, 5000);
  await using pool = new ThreadPool({ workers: 1 });
  assert.equal(await pool.submit(sizeOf, bytes), 5000);
  assert.equal(bytes.length, 5000);
  assert.equal(await child.join(), 5000);
});

test("nested transfer() moves", { timeout: timeLimit(60_000) }, async () => {
  await using pool = new ThreadPool({ workers: 1 });
  const [inner, buffer, kept] = [new Uint8Array(5000), new ArrayBuffer(8), new Uint8Array(9)];
  const sent = { deep: [{ inner: transfer(inner) }], list: new Map([["b", transfer(buffer)]]), kept };
  const arrived = (await pool.submit(echo, sent)) as typeof sent;
  assert.ok(isMoved(inner) && buffer.byteLength === 0 && !isMoved(kept));
  assert.equal(arrived.deep[0]!.inner.length, 5000);
  assert.equal(arrived.list.get("b")!.byteLength, 8);
  // Items of a map as well, and an argument that moves what another one shows.
  const items = [new Uint8Array(3), new Uint8Array(4)];
  await pool.map(
    echo,
    items.map((each) => ({ each: transfer(each) })),
  );
  assert.ok(items.every(isMoved));
  const whole = new ArrayBuffer(16);
  const [view] = (await pool.submit(echo, [new Uint8Array(whole, 4, 2), transfer(whole)])) as [Uint8Array];
  assert.deepEqual([view.byteOffset, view.length, whole.byteLength], [4, 2, 0]);
});

test("a refused value keeps its marks, and a part of a larger piece of memory is copied", {
  timeout: timeLimit(60_000),
}, async () => {
  await using pool = new ThreadPool({ workers: 1 });
  const bytes = new Uint8Array(5000);
  assert.throws(() => pool.submit(echo, [transfer(bytes), () => 1]), { code: "ERR_ALLCORES_UNSENDABLE" });
  assert.equal(bytes.length, 5000);
  await pool.submit(echo, [bytes]);
  assert.ok(isMoved(bytes));
  const small = Buffer.from("in the pool of small Buffers");
  await pool.submit(echo, transfer(small));
  assert.equal(String(small), "in the pool of small Buffers");
});
