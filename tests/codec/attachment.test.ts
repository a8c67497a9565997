/** What rides beside the bytes, through a real port to a real structured clone. */
import assert from "node:assert/strict";
import { createSecretKey, webcrypto, X509Certificate } from "node:crypto";
import { open } from "node:fs/promises";
import { BlockList, SocketAddress } from "node:net";
import { createHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { after, test } from "node:test";
import { MessageChannel, MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { decode, encode } from "../../src/codec/index.js";

const { port1, port2 } = new MessageChannel();
after(() => port1.close());

function trip<T>(value: T, transfer: readonly object[] = []): T {
  const message = encode(value, { to: "threads", attach: true, transfer });
  port1.postMessage([message.toBytes(), message.attachments], [...message.transfer] as never);
  const [bytes, attachments] = (receiveMessageOnPort(port2) as { message: [Uint8Array, unknown[]] }).message;
  return decode(bytes, 0, bytes.length, attachments) as T;
}

test("shared memory stays shared", () => {
  const memory = new SharedArrayBuffer(16);
  const arrived = trip({
    memory,
    ints: new Int32Array(memory, 4, 2),
    bytes: new Uint8Array(memory),
    buffer: Buffer.from(memory, 8, 4),
  });
  assert.ok(arrived.memory instanceof SharedArrayBuffer);
  assert.equal(arrived.ints.buffer, arrived.memory);
  arrived.ints[0] = 0x01020304;
  assert.equal(new Int32Array(memory)[1], 0x01020304);
  assert.ok(Buffer.isBuffer(arrived.buffer));
  arrived.buffer[0] = 77;
  assert.equal(new Uint8Array(memory)[8], 77);
});

test("views of growable shared memory go on tracking it", () => {
  const memory = new SharedArrayBuffer(8, { maxByteLength: 64 });
  const arrived = trip({ tracking: new Uint8Array(memory), fixed: new Uint8Array(memory, 0, 4), memory });
  memory.grow(32);
  assert.equal(arrived.tracking.length, 32);
  assert.equal(arrived.fixed.length, 4);
  assert.equal(arrived.memory.byteLength, 32);
});

test("what is listed in transfer is moved, the rest copied", () => {
  const moved = new Uint8Array([1, 2, 3, 4]);
  const copied = new Uint8Array([5, 6]);
  const arrived = trip({ moved, also: moved.buffer, copied, buffer: Buffer.from(moved.buffer, 1, 2) }, [moved.buffer]);
  assert.equal(moved.byteLength, 0);
  assert.equal(copied.byteLength, 2);
  assert.deepEqual([...arrived.moved], [1, 2, 3, 4]);
  assert.equal(arrived.moved.buffer, arrived.also);
  assert.equal(arrived.buffer.buffer, arrived.also);
  assert.deepEqual([...arrived.buffer], [2, 3]);
  assert.deepEqual([...arrived.copied], [5, 6]);
});

test("without attach nothing is moved", () => {
  const bytes = new Uint8Array([1, 2]);
  const message = encode(bytes, { to: "threads", transfer: [bytes.buffer] });
  assert.deepEqual([message.attachments, message.transfer], [[], []]);
  assert.equal(bytes.length, 2);
});

test("a port travels, listed or not", async () => {
  const ends = new MessageChannel();
  const more = new MessageChannel();
  const arrived = trip({ a: ends.port1, again: ends.port1, b: more.port1 }, [more.port1]);
  assert.ok(arrived.a instanceof MessagePort);
  assert.equal(arrived.a, arrived.again);
  arrived.a.postMessage("hi");
  assert.equal(receiveMessageOnPort(ends.port2)?.message, "hi");
  for (const port of [arrived.a, arrived.b, ends.port2, more.port2]) port.close();
});

test("other objects of the platform ride along", async () => {
  const key = await webcrypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]);
  const list = new BlockList();
  list.addAddress("10.0.0.1");
  const histogram = createHistogram();
  histogram.record(5);
  const module = new (
    globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } }
  ).WebAssembly.Module(Buffer.from("0061736d01000000", "hex"));
  const value = {
    key,
    secret: createSecretKey(Buffer.from("0123456789abcdef")),
    list,
    address: new SocketAddress({ port: 5 }),
    histogram,
    delay: monitorEventLoopDelay(),
    blob: new Blob(["abc"]),
    module,
  };
  const arrived = trip(value);
  assert.equal(arrived.key.algorithm.name, "AES-GCM");
  assert.equal(arrived.secret.export().toString(), "0123456789abcdef");
  assert.equal(arrived.list.check("10.0.0.1"), true);
  assert.equal(arrived.address.port, 5);
  assert.equal(arrived.histogram.max, 5);
  assert.equal(await arrived.blob.text(), "abc");
  assert.equal(arrived.module.constructor.name, "Module");
});

test("streams and file handles are moved", async () => {
  const handle = await open(import.meta.filename ?? new URL(import.meta.url).pathname);
  const arrived = trip({ stream: new ReadableStream({ start: (controller) => controller.close() }), handle });
  assert.equal(handle.fd, -1);
  assert.ok(arrived.handle.fd > 2);
  await arrived.handle.close();
  assert.ok(arrived.stream instanceof ReadableStream);
});

test("an error keeps what can only ride beside it, and lets go of it when the field cannot be sent", () => {
  const kept = new SharedArrayBuffer(4);
  const error = Object.assign(new Error("x"), { kept, dropped: [new SharedArrayBuffer(8), () => 1] });
  const message = encode(error, { to: "threads", attach: true });
  assert.deepEqual(message.attachments, [kept]);
  assert.equal((trip(error) as { kept: SharedArrayBuffer }).kept.byteLength, 4);
});

test("a class with the name of a platform class is still the user's", () => {
  class Mine {}
  Object.defineProperty(Mine, "name", { value: "Blob" });
  assert.throws(() => encode(new Mine(), { to: "threads", attach: true }), {
    message: /instance of class Blob .*sendable/,
  });
  assert.throws(() => encode([new globalThis.Blob([])], { to: "threads" }), { path: "value[0]", message: /Blob/ });
  assert.ok(X509Certificate);
});
