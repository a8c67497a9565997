/**
 * Bytes that are almost a message, or not at all, for the decoder: what comes of them is a value or an error of ours,
 * and nothing large.
 */
import fc from "fast-check";
import { createPipe, Lock, Queue, RLock, SharedArray, SharedMap, task, taskModule, Value } from "../../src/index.js";
import { decode, encode, lose } from "../../src/codec/index.js";
import { sampleValues } from "../codec/sample-values.js";
import { share } from "./corruption.js";
import type { Operation } from "./subjects.js";

interface Edit {
  readonly how: "set" | "flip" | "insert" | "remove" | "cut" | "length" | "swap" | "repeat";
  readonly share: number;
  readonly value: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  how: fc.constantFrom<Edit["how"]>("set", "set", "flip", "insert", "remove", "cut", "length", "swap", "repeat"),
  share,
  value: fc.nat(),
});

const bytes: fc.Arbitrary<{ share: number; edits: Edit[]; noise: Uint8Array | undefined }> = fc.record({
  share,
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  noise: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
    // Tags are below 0x40.
    { weight: 1, arbitrary: fc.uint8Array({ max: 0x3f, maxLength: 60 }) },
  ),
});

const own = task(import.meta, "own", () => 1);

/** Whole messages with something of everything. Their objects live as long as the case's heap. */
export function wholeMessages(): Uint8Array[] {
  const self: Record<string, unknown> = { a: 1 };
  self.self = self;
  const wholes: readonly unknown[] = [
    ...sampleValues,
    self,
    [
      new Lock(),
      new RLock(),
      new Value("int32", 1),
      new SharedArray("int32", 4),
      new Queue(),
      new SharedMap(),
      createPipe()[0],
    ],
    [own, taskModule<{ run(): void }>(new URL("../fixtures/plain-functions.js", import.meta.url)).run],
  ];
  return wholes.map((value) => encode(value, { to: "threads" }).toBytes().slice());
}

/** What is made of one message: whoever takes it, and whoever lets it go. */
export function decoding(whole: readonly Uint8Array[], seed: number): Operation[] {
  const [{ share, edits, noise }] = fc.sample(bytes, { numRuns: 1, seed }) as [
    { share: number; edits: Edit[]; noise: Uint8Array | undefined },
  ];
  const message = noise ?? edits.reduce(edited, whole[Math.floor(share * whole.length)]!);
  return [() => decode(message, 0, message.length), () => lose(message, 0, message.length)];
}

function edited(message: Uint8Array, { how, share, value }: Edit): Uint8Array {
  const at = Math.floor(share * message.length);
  const list = [...message];
  switch (how) {
    case "set":
      list[at] = value & 0xff;
      break;
    case "flip":
      list[at] = (list[at] ?? 0) ^ (1 << (value & 7));
      break;
    case "insert":
      list.splice(at, 0, value & 0xff);
      break;
    case "remove":
      list.splice(at, 1 + (value & 3));
      break;
    case "cut":
      list.length = at;
      break;
    case "length":
      // As long as lengths can be, and longer.
      list.splice(at, 1, ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff].slice(value % 7), 0x0f);
      break;
    case "swap":
      list.splice(at, 4, ...list.slice(at, at + 4).reverse());
      break;
    case "repeat":
      list.splice(at, 0, ...Array.from({ length: 1 + (value & 3) }, () => list.slice(at, at + 8)).flat());
  }
  return Uint8Array.from(list);
}
