/** What a value costs from here to there: encode, copy into shared memory, decode; beside JSON and V8's serializer doing the same. */
import { deserialize, serialize } from "node:v8";
import { decode, encode } from "../src/codec/index.js";

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

/** Nanoseconds per round trip: the best of five runs. */
function measure(trip: (value: unknown) => unknown, value: unknown, rounds: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) {
    const start = process.hrtime.bigint();
    for (let round = 0; round < rounds; round++) trip(value);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / rounds);
  }
  return best;
}

function shown(nanoseconds: number): string {
  return nanoseconds < 1e4 ? `${nanoseconds.toFixed(0)} ns` : `${(nanoseconds / 1e3).toFixed(0)} µs`;
}

// All shapes before any measurement, so that each is measured as in a program that sends them all.
for (const [, value] of values) for (let round = 0; round < 50; round++) viaCodec(value);

console.table(
  Object.fromEntries(
    values.map(([name, value, rounds]) => [
      name,
      {
        allcores: shown(measure(viaCodec, value, rounds)),
        JSON: shown(measure(viaJson, value, Math.ceil(rounds / 20))),
        "v8.serialize": shown(measure(viaV8, value, Math.ceil(rounds / 5))),
      },
    ]),
  ),
);
