/**
 * Values with something of everything that a message can hold but for shared objects: what bytes are made of to be
 * spoilt.
 */
import { decodeHook, encodeHook, sendable } from "../../src/codec/index.js";

class Point {
  x = 1;
}
class Hooked {
  readonly made = true;
  static [encodeHook](): unknown {
    return [1, 2];
  }
  static [decodeHook](): Hooked {
    return new Hooked();
  }
}
sendable(import.meta, Point);
sendable(import.meta, Hooked);

const resizable = new ArrayBuffer(16, { maxByteLength: 32 });
export const sampleValues: readonly unknown[] = [
  {
    id: 1,
    name: "abc",
    ok: true,
    list: [1, -5, 300, 70_000, 0.5, null, undefined],
    nested: { "a longer key": new Date(5) },
  },
  [2n ** 70n, -(2n ** 90n), 5n, "é".repeat(70), "x".repeat(100), "\ud800", Object("s"), /a+b/gi],
  new Map<unknown, unknown>([
    ["k", new Set([1, { a: 1 }])],
    [1, new Map()],
  ]),
  [
    Buffer.from("hello"),
    new Float64Array(4),
    new DataView(new ArrayBuffer(8), 2, 3),
    resizable,
    new Uint16Array(resizable, 2),
  ],
  [
    new Error("e", { cause: new RangeError("r") }),
    AbortSignal.abort().reason,
    new AggregateError([new TypeError("t")]),
  ],
  [new URL("https://example.org/?a=1"), new URLSearchParams("b=2"), Object.assign([], { 3: 1, 9000: 2 })],
  [new Point(), new Hooked(), [new Point()]],
];
