import assert from "node:assert/strict";
import { Queue, task, Value } from "../../src/index.js";
import { placeOf } from "../../src/objects/index.js";
import { BLOCK, BLOCK_HEADER_WORDS, threadHeap } from "../../src/memory/index.js";
import { KIND } from "../../src/sync/kinds.js";
import type { Model } from "./model.js";

interface HeldBlock {
  /** A block that two hold. */
  at: number;
  /** Words in use without it. */
  used: number;
}
const held = task(import.meta, "held", (): HeldBlock => {
  const { allocator } = threadHeap();
  const used = allocator.usedWords();
  const at = allocator.allocate(4, KIND.plain);
  allocator.retain(at);
  return { at, used };
});
const letGo = task(import.meta, "letGo", ({ at }: HeldBlock) => threadHeap().references.letGo(at));
const retainAndLetGo = task(import.meta, "retainAndLetGo", ({ at }: HeldBlock) => {
  const { allocator, references } = threadHeap();
  allocator.retain(at);
  references.letGo(at);
  references.letGo(at);
});
const freed = task(import.meta, "freed", ({ used }: HeldBlock) =>
  assert.equal(threadHeap().allocator.usedWords(), used),
);

interface Used {
  value: Value<number>;
  /** Words in use without the value. */
  used: number;
}
const used = task(import.meta, "used", (): Used => {
  const { allocator } = threadHeap();
  const before = allocator.usedWords();
  const value = new Value("int32");
  const own = threadHeap().allocator.sizeOfBlock(placeOf(value as never));
  // The ledger of `setup` stays.
  return { value, used: Math.max(before, allocator.usedWords() - own) };
});
const useAndFree = task(import.meta, "useAndFree", ({ value }: Used) => {
  value.add(1);
  value.free();
});
const use = task(import.meta, "use", ({ value }: Used) => {
  value.add(1);
});

function everybodyEnds(): void {
  const { registry, self } = threadHeap();
  for (const worker of registry.workers()) if (worker !== self) registry.declareDead(worker);
  registry.reap(true);
}
/** `setup` holds it to the end; then nobody does. */
const freedByTheLast = task(import.meta, "freedByTheLast", ({ value, used }: Used) => {
  everybodyEnds();
  const at = placeOf(value as never);
  assert.equal(threadHeap().words[at - BLOCK_HEADER_WORDS + BLOCK.references], 1);
  value.free();
  assert.equal(threadHeap().allocator.usedWords(), used);
});
/** A worker that dies between two steps may leave a hold too many, never one too few. */
const neverFreedInUse = task(import.meta, "neverFreedInUse", ({ value }: Used) => {
  everybodyEnds();
  const at = placeOf(value as never);
  assert.ok(threadHeap().words[at - BLOCK_HEADER_WORDS + BLOCK.references]! >= 1);
  value.add(1);
});

interface Sent {
  queue: Queue<Value<number>>;
}
const channel = task(import.meta, "channel", (): Sent => ({ queue: new Queue() }));
const send = task(import.meta, "send", ({ queue }: Sent) => {
  const value = new Value("int32", 7);
  queue.putSync(value);
  value.free();
});
const receive = task(import.meta, "receive", ({ queue }: Sent) => {
  const value = queue.getSync();
  assert.equal(value.value, 7);
  value.free();
});
const receiveIfAny = task(import.meta, "receiveIfAny", ({ queue }: Sent) => {
  const item = queue.tryGet();
  if (item !== undefined) assert.equal(item.value.value, 7);
});

interface Lent {
  /** A block that one worker holds, and what tells it from a newcomer in its place. */
  at: number;
  generation: number;
  used: number;
}
const lent = task(import.meta, "lent", (): Lent => {
  const { allocator } = threadHeap();
  const used = allocator.usedWords();
  const at = allocator.allocate(4, KIND.lock);
  return { at, generation: allocator.generationOf(at), used };
});
const letGoOfLent = task(import.meta, "letGoOfLent", ({ at }: Lent) => threadHeap().references.letGo(at));
const retainLent = task(import.meta, "retainLent", ({ at, generation }: Lent) => {
  const { allocator, references } = threadHeap();
  if (!allocator.retainLive(at, KIND.lock, generation)) return;
  assert.ok(allocator.isLive(at, KIND.lock, generation));
  references.letGo(at);
});
const takeItsPlace = task(import.meta, "takeItsPlace", () => {
  const { allocator } = threadHeap();
  const at = allocator.allocate(4, KIND.lock);
  assert.equal(threadHeap().words[at - BLOCK_HEADER_WORDS + BLOCK.references], 1);
  threadHeap().references.letGo(at);
});

export const models: Model[] = [
  {
    name: "the last one to let go frees it",
    preemptions: 3,
    program: { setup: held, workers: [letGo, letGo], check: freed },
  },
  {
    name: "somebody takes a further hold meanwhile",
    preemptions: 3,
    program: { setup: held, workers: [letGo, retainAndLetGo], check: freed },
  },
  {
    name: "a lent handle arrives while the last holder lets go",
    program: { setup: lent, workers: [letGoOfLent, retainLent, retainLent], check: freed },
  },
  {
    name: "a lent handle arrives as a newcomer takes the place",
    program: { setup: lent, workers: [letGoOfLent, retainLent, takeItsPlace], check: freed },
  },
  {
    name: "two workers free their wrappers",
    program: { setup: used, workers: [useAndFree, useAndFree], check: freedByTheLast },
  },
  {
    name: "a worker's death lets go of what it held",
    program: { setup: used, workers: [use, useAndFree], check: freedByTheLast },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a worker dies while it lets go",
    program: { setup: used, workers: [useAndFree, use], check: neverFreedInUse },
    options: { deaths: 1, mortal: [0] },
  },
  { name: "a message in flight holds what it carries", program: { setup: channel, workers: [send, receive] } },
  {
    name: "a sender dies with an object in flight",
    program: { setup: channel, workers: [send, receiveIfAny] },
    options: { deaths: 1, mortal: [0] },
  },
];
