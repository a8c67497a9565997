import assert from "node:assert/strict";
import { task, Value } from "../../src/index.js";
import { encode } from "../../src/codec/index.js";
import { placeOf } from "../../src/objects/index.js";
import { threadHeap } from "../../src/memory/index.js";
import { Completion, GONE, RETURNED, RUNNING } from "../../src/workers/completion.js";
import type { Model } from "./model.js";

interface Shared {
  /** Where the completion stands, and the object that its arguments hold. */
  readonly at: number;
  readonly gift: Value<number>;
}

const setup = task(import.meta, "setup", (): Shared => {
  const completion = Completion.create(threadHeap());
  const gift = new Value("int32", 0);
  completion.args = encode(gift, { to: "threads" });
  return { at: completion.at, gift };
});

const working = task(import.meta, "working", ({ at }: Shared) => {
  const completion = new Completion(threadHeap(), at);
  completion.begin();
  try {
    (completion.takeArgs() as Value<number>).add(1);
  } catch (error) {
    // Its starter was faster.
    assert.equal((error as { code?: string }).code, "ERR_ALLCORES_STATE");
  }
  completion.finish(RETURNED);
});

/** Waits for the worker's end, however it comes, and lets go of what it did not take. */
const starting = task(import.meta, "starting", ({ at, gift }: Shared) => {
  const heap = threadHeap();
  const completion = new Completion(heap, at);
  const hasEnded = () =>
    completion.state !== RUNNING || (completion.worker !== 0 && !heap.registry.confirmAlive(completion.worker));
  // A worker that has not begun by then is given up, dead or slow.
  heap.parker.blockUntil(at, () => hasEnded() || undefined, performance.now() + 2000);
  completion.finish(GONE);
  completion.loseArgs();
  completion.loseArgs();
  // Nobody's use of it has ended too early.
  gift.add(1);
});

/** Setup, the starter and, if it lives, the worker: each is asked for its hold, and the message has none left. */
const lettingGo = task(import.meta, "lettingGo", ({ at, gift }: Shared) => {
  const heap = threadHeap();
  for (const worker of heap.registry.workers()) if (worker !== heap.self) heap.registry.declareDead(worker);
  heap.registry.reap(true);
  const holders = heap.allocator.referencesTo(placeOf(gift as never));
  const wasBeingRead = heap.words[at + ARGS_STATE] === LOST && gift.value === 1;
  assert.ok(
    holders === 1 || (wasBeingRead && holders === 2),
    `the object has ${holders} holders: its last one is to be this`,
  );
});

/** Word of a completion, and its last state. */
const ARGS_STATE = 6;
const LOST = 3;

export const models: Model[] = [
  {
    name: "arguments that were taken are the worker's alone",
    program: { setup, workers: [starting, working], check: lettingGo },
  },
  {
    name: "what arguments hold is let go of once when their worker dies before any step, and never what it has taken",
    program: { setup, workers: [starting, working], check: lettingGo },
    options: { deaths: 1, mortal: [1], races: false },
  },
];
