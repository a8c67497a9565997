/**
 * What a value costs from here to there: encode, copy into shared memory, decode; beside JSON and V8's serializer doing
 * the same.
 */
import { deserialize, serialize } from "node:v8";
import { decode, encode } from "../src/codec/index.js";
import { compared, perRound, report } from "./measure.js";

const shared = new Uint8Array(new SharedArrayBuffer(4 << 20));
const processes = { to: "processes" } as const;

function viaCodec(value: unknown): unknown {
  const message = encode(value, processes);
  message.writeTo(shared, 0);
  return decode(shared, 0, message.length);
}

function viaJson(value: unknown): unknown {
  const bytes = Buffer.from(JSON.stringify(value));
  shared.set(bytes, 0);
  return JSON.parse(Buffer.from(shared.buffer, 0, bytes.length).toString());
}

function viaV8(value: unknown): unknown {
  const bytes = serialize(value);
  shared.set(bytes, 0);
  return deserialize(Buffer.from(shared.buffer, 0, bytes.length));
}

const values: [string, unknown, rounds: number][] = [
  ["small int", 42, 1_000_000],
  ["double", 0.1, 1_000_000],
  ["short string", "hello world", 500_000],
  ['{ id: 1, name: "abc", ok: true }', { id: 1, name: "abc", ok: true }, 200_000],
  ["array of 100 numbers", Array.from({ length: 100 }, (_, index) => index * 3.5), 30_000],
  ["100 small objects", Array.from({ length: 100 }, (_, id) => ({ id, name: `name ${id}`, ok: true })), 3_000],
  ["string of 10 000 characters", "x".repeat(10_000), 20_000],
  ["Buffer of 1 MB", Buffer.alloc(1 << 20, 7), 200],
];

// All shapes before any measurement, so that each is measured as in a program that sends them all.
for (const [, value] of values) for (let round = 0; round < 50; round++) viaCodec(value);

const RUNS = 5;

const sampled = (trip: (value: unknown) => unknown, value: unknown, rounds: number): number[] =>
  perRound(RUNS, rounds, (count) => {
    for (let round = 0; round < count; round++) trip(value);
  });

report(
  values.flatMap(([name, value, rounds]) => {
    const ours = sampled(viaCodec, value, rounds);
    return [
      compared(name, "ns", { ours, theirs: sampled(viaJson, value, Math.ceil(rounds / 20)) }, "JSON"),
      compared(name, "ns", { ours, theirs: sampled(viaV8, value, Math.ceil(rounds / 5)) }, "v8.serialize"),
    ];
  }),
);
