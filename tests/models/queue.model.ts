import assert from "node:assert/strict";
import {
  type AnyQueue,
  LifoQueue,
  PriorityQueue,
  type PutPriority,
  Queue,
  type QueueOptions,
  QueueShutDownError,
  SharedArray,
  task,
  TimeoutError,
  type WaitOptions,
} from "../../src/index.js";
import { threadHeap } from "../../src/memory/index.js";
import type { Model } from "./model.js";

const classes = { Queue, LifoQueue, PriorityQueue };
export type Kind = keyof typeof classes;

/**
 * Items are numbers, 10 * producer + place in its order, 30 and 31 those of `setup`; the large ones are strings that
 * begin with such a number. It is their priority too, so that a PriorityQueue gives them out in the order of each
 * producer.
 */
interface Shared {
  kind: Kind;
  queue: AnyQueue<number | string, PutPriority>;
  /** How often each item was taken. */
  taken: SharedArray<number>;
  /** Words in use before anybody began. */
  used: number;
}

const MOST_ITEMS = 32;

function shared(kind: Kind, options: QueueOptions, ...items: number[]): Shared {
  const queue: Shared["queue"] = new classes[kind]<number | string>(options);
  const taken = new SharedArray("int32", MOST_ITEMS);
  for (const item of items) queue.putSync(item);
  return { kind, queue, taken, used: threadHeap().allocator.usedWords() };
}

export const empty = task(import.meta, "empty", (kind: Kind) => shared(kind, {}));
export const narrow = task(import.meta, "narrow", (kind: Kind) => shared(kind, { maxSize: 1 }));
/** Room for one integer, by its bytes. */
export const tight = task(import.meta, "tight", (kind: Kind) => shared(kind, { capacity: 4 }));
export const full = task(import.meta, "full", (kind: Kind) => shared(kind, { maxSize: 1 }, 30));
/** Two items, room for two, and the oldest makes way. */
const latest = task(
  import.meta,
  "latest",
  (): Shared => shared("Queue", { maxSize: 2, whenFull: "dropOldest" }, 30, 31),
);
/** Room for one integer. */
const latestBytes = task(
  import.meta,
  "latestBytes",
  (): Shared => shared("Queue", { capacity: 4, whenFull: "dropOldest" }, 30),
);
const strict = task(import.meta, "strict", (): Shared => shared("Queue", { maxSize: 1, whenFull: "dropNewest" }, 30));
export const filled = task(import.meta, "filled", (kind: Kind) => shared(kind, {}, 30, 31));
/** As many as a PriorityQueue has slots at first. */
export const brimful = task(import.meta, "brimful", (kind: Kind) => shared(kind, {}, 13, 14, 15, 16, 17, 18, 19));

export const put = task(import.meta, "put", (count: number, { queue }: Shared, index: number) => {
  for (let item = 1; item <= count; item++) queue.putSync(index * 10 + item);
});
export const putAwaiting = task(import.meta, "putAwaiting", async (count: number, { queue }: Shared, index: number) => {
  for (let item = 1; item <= count; item++) await queue.put(index * 10 + item);
});

/** Counts an item, which must come after what the same producer put before. */
function count({ kind, taken }: Shared, item: number | string, last: Map<number, number>): void {
  const number = Number.parseInt(String(item), 10);
  const producer = Math.floor(number / 10);
  assert.ok(kind === "LifoQueue" || (last.get(producer) ?? -1) < number, `${number} came after ${last.get(producer)}`);
  last.set(producer, number);
  taken.add(number, 1);
}

export const get = task(import.meta, "get", (times: number, shared: Shared) => {
  const last = new Map<number, number>();
  for (let time = 0; time < times; time++) count(shared, shared.queue.getSync(), last);
});
export const getAwaiting = task(import.meta, "getAwaiting", async (times: number, shared: Shared) => {
  const last = new Map<number, number>();
  for (let time = 0; time < times; time++) count(shared, await shared.queue.get(), last);
});
/** Takes what comes in time, for somebody else. */
async function getUntil(options: () => WaitOptions, { queue }: Shared): Promise<void> {
  try {
    queue.putSync(await queue.get(options()));
  } catch (error) {
    if (!isGivingUp(error)) throw error;
  }
}
/** Puts an item that is in the queue exactly if it says so; counts it as taken otherwise. */
async function putUntil(options: () => WaitOptions, { queue, taken }: Shared, item: number): Promise<void> {
  try {
    await queue.put(item, options());
  } catch (error) {
    if (!isGivingUp(error)) throw error;
    taken.add(item, 1);
  }
}
const inTime = (): WaitOptions => ({ timeout: 10 });
const unlessAborted = (): WaitOptions => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  return { signal: controller.signal };
};
const isGivingUp = (error: unknown): boolean =>
  error instanceof TimeoutError || (error instanceof DOMException && error.name === "AbortError");

// What waits beside each other in one worker shares a node, and is a producer or consumer each.
export const getTwice = task(import.meta, "getTwice", async (shared: Shared) => {
  await Promise.all([getAwaiting(1, shared), getAwaiting(1, shared)]);
});
const putTwice = task(import.meta, "putTwice", async ({ queue }: Shared, index: number) => {
  await Promise.all([queue.put(index * 10 + 1), queue.put(index * 10 + 21)]);
});
const getBesideImpatient = task(import.meta, "getBesideImpatient", async (shared: Shared) => {
  await Promise.all([getUntil(inTime, shared), getAwaiting(1, shared)]);
});
const getBesideAborted = task(import.meta, "getBesideAborted", async (shared: Shared) => {
  await Promise.all([getUntil(unlessAborted, shared), getAwaiting(1, shared)]);
});
const putBesideImpatient = task(import.meta, "putBesideImpatient", async (shared: Shared, index: number) => {
  await Promise.all([putUntil(inTime, shared, index * 10), putAwaiting(1, shared, index)]);
});
const putBesideAborted = task(import.meta, "putBesideAborted", async (shared: Shared, index: number) => {
  await Promise.all([putUntil(unlessAborted, shared, index * 10), putAwaiting(1, shared, index)]);
});
export const getBesidePut = task(
  import.meta,
  "getBesidePut",
  async ({ gets, puts }: { gets: number; puts: number }, shared: Shared, index: number) => {
    await Promise.all([getAwaiting(gets, shared), putAwaiting(puts, shared, index)]);
  },
);
/** Takes what there is, until nothing comes any more. */
export const getWhatComes = task(import.meta, "getWhatComes", (shared: Shared) => {
  const last = new Map<number, number>();
  try {
    for (;;) count(shared, shared.queue.getSync({ timeout: 1000 }), last);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});

export const shutDown = task(import.meta, "shutDown", ({ queue }: Shared) => queue.shutdown());
export const putAndShutDown = task(import.meta, "putAndShutDown", ({ queue }: Shared, index: number) => {
  queue.putSync(index * 10);
  queue.shutdown();
});
export const drain = task(import.meta, "drain", (shared: Shared) => {
  const last = new Map<number, number>();
  for (const item of shared.queue) count(shared, item, last);
  assert.ok(shared.queue.isEmpty, "the loop ended with items in the queue");
});
export const drainAwaiting = task(import.meta, "drainAwaiting", async (shared: Shared) => {
  const last = new Map<number, number>();
  for await (const item of shared.queue) count(shared, item, last);
  assert.ok(shared.queue.isEmpty, "the loop ended with items in the queue");
});
export const putUnlessShutDown = task(import.meta, "putUnlessShutDown", ({ queue, taken }: Shared, index: number) => {
  try {
    queue.putSync(index * 10);
  } catch (error) {
    if (!(error instanceof QueueShutDownError)) throw error;
    taken.add(index * 10, 1);
  }
});

export const putAndJoin = task(import.meta, "putAndJoin", ({ queue, taken }: Shared, index: number) => {
  queue.putSync(index * 10);
  queue.joinSync();
  assert.equal(taken.get(index * 10), 1, "join returned before the item was dealt with");
});
const putAndJoinAwaiting = task(import.meta, "putAndJoinAwaiting", async ({ queue, taken }: Shared, index: number) => {
  await queue.put(index * 10);
  await queue.join();
  assert.equal(taken.get(index * 10), 1, "join returned before the item was dealt with");
});
const putTwoAndJoin = task(import.meta, "putTwoAndJoin", ({ queue, taken }: Shared, index: number) => {
  for (const item of [1, 2]) queue.putSync(index * 10 + item);
  queue.joinSync();
  for (const item of [1, 2])
    assert.equal(taken.get(index * 10 + item), 1, "join returned before an item was dealt with");
});
export const deal = task(import.meta, "deal", (times: number, shared: Shared) => {
  for (let time = 0; time < times; time++) {
    count(shared, shared.queue.getSync(), new Map());
    shared.queue.taskDone();
  }
});

/** Puts, in order, what never has to wait. */
const putNow = task(import.meta, "putNow", (count: number, { queue }: Shared, index: number) => {
  for (let item = 1; item <= count; item++) assert.equal(queue.putSync(index * 10 + item), true);
});
/** Counts as taken what did not go in. */
const putOrDrop = task(import.meta, "putOrDrop", ({ queue, taken }: Shared, index: number) => {
  if (!queue.putSync(index * 10 + 1)) taken.add(index * 10 + 1, 1);
});
/** What it sees is a whole item, there before or put meanwhile. */
const looking = task(import.meta, "looking", (items: readonly number[], { queue }: Shared) => {
  const seen = queue.peek();
  if (seen !== undefined) assert.ok(items.includes(seen.value as number), `${seen.value} was never there`);
});
const getMore = task(import.meta, "getMore", (shared: Shared) => {
  const last = new Map<number, number>();
  try {
    const values = shared.queue.getUpToSync(3, { timeout: 1000 });
    assert.ok(values.length >= 1 && values.length <= 3);
    for (const item of values) count(shared, item, last);
  } catch (error) {
    // Another has taken all there was.
    if (!(error instanceof TimeoutError)) throw error;
  }
});

/** Larger than a record of the queue itself. */
export const putLarge = task(import.meta, "putLarge", ({ queue }: Shared, index: number) => {
  queue.putSync(`${index * 10}`.padEnd(1500), { priority: index * 10 });
});
/** Two of these do not fit into a queue's first chunk. */
export const putLong = task(import.meta, "putLong", ({ queue }: Shared, index: number) => {
  for (let item = 1; item <= 2; item++)
    queue.putSync(`${index * 10 + item}`.padEnd(150), { priority: index * 10 + item });
});

export const putAndGetAll = task(import.meta, "putAndGetAll", (shared: Shared, index: number) => {
  shared.queue.putSync(index * 10);
  for (let item = shared.queue.tryGet(); item !== undefined; item = shared.queue.tryGet())
    count(shared, item.value, new Map());
});

/** How often each item was taken or is still there. What is there comes in the order of the queue. */
function ledger({ kind, queue, taken }: Shared): number[] {
  const counts = Array.from({ length: MOST_ITEMS }, (_, item) => taken.get(item));
  const last = new Map<number, number>();
  for (let left = queue.size; left > 0; left--) {
    const item = queue.tryGet();
    assert.ok(item !== undefined);
    const number = Number.parseInt(String(item.value), 10);
    const line = kind === "PriorityQueue" ? 0 : Math.floor(number / 10);
    const before = last.get(line);
    if (before !== undefined)
      assert.ok(kind === "LifoQueue" ? number < before : number > before, `${number} came after ${before}`);
    last.set(line, number);
    counts[number]!++;
  }
  assert.ok(queue.isEmpty);
  return counts;
}

export const once = task(import.meta, "once", (items: readonly number[], shared: Shared) => {
  const expected = new Array(MOST_ITEMS).fill(0);
  for (const item of items) expected[item]++;
  assert.deepEqual(ledger(shared), expected);
});
export const atMostOnce = task(import.meta, "atMostOnce", (most: readonly number[], shared: Shared) => {
  for (const [item, times] of ledger(shared).entries())
    assert.ok(times <= (most.includes(item) ? 1 : 0), `item ${item} was there ${times} times`);
});
/** These exactly once, whoever died; those at most once. */
export const onceOrAtMostOnce = task(
  import.meta,
  "onceOrAtMostOnce",
  ({ sure, most }: { sure: readonly number[]; most: readonly number[] }, shared: Shared) => {
    for (const [item, times] of ledger(shared).entries()) {
      if (sure.includes(item)) assert.equal(times, 1, `item ${item} was there ${times} times`);
      else assert.ok(times <= (most.includes(item) ? 1 : 0), `item ${item} was there ${times} times`);
    }
  },
);
/** Everybody has ended: what is in use is what was in use before, and the workers' part of the queue. */
export const onceAndForgotten = task(import.meta, "onceAndForgotten", (items: readonly number[], shared: Shared) => {
  once(items, shared);
  const { registry, allocator, self } = threadHeap();
  for (const worker of registry.workers()) if (worker !== self) registry.declareDead(worker);
  assert.equal(allocator.usedWords(), shared.used);
});

/**
 * Two items are left, or fewer: of each producer its last ones. What was taken was taken once. As many are unfinished
 * as are left.
 */
const latestOnes = task(import.meta, "latestOnes", (most: number, shared: Shared) => {
  const { queue } = shared;
  assert.ok(queue.size <= most, `${queue.size} items`);
  for (const times of Array.from({ length: MOST_ITEMS }, (_, item) => shared.taken.get(item))) assert.ok(times <= 1);
  const { size } = queue;
  for (const times of ledger(shared)) assert.ok(times <= 1);
  for (let done = 0; done < size; done++) queue.taskDone();
  for (let item = 0; item < MOST_ITEMS; item++) if (shared.taken.get(item) === 1) queue.taskDone();
  queue.joinSync({ timeout: 0 });
  queue.putSync(5);
  assert.equal(queue.getSync(), 5);
});

export const models: Model[] = [
  {
    name: "two producers that drop the oldest: what is left is their last, and join counts it right",
    program: { setup: latest, workers: [putNow.partial(2), putNow.partial(1)], check: latestOnes.partial(2) },
  },
  {
    name: "a consumer beside a producer that drops the oldest: nothing comes twice",
    program: { setup: latest, workers: [putNow.partial(2), get.partial(2)], check: latestOnes.partial(2) },
  },
  {
    name: "a producer that dies while it drops the oldest leaves the queue whole",
    program: { setup: latest, workers: [putNow.partial(2), putNow.partial(1)], check: latestOnes.partial(2) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a producer that dies while it drops for bytes leaves the queue whole",
    program: { setup: latestBytes, workers: [putNow.partial(1), getWhatComes], check: latestOnes.partial(1) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "who drops the newest says so, and a free place is used",
    program: { setup: strict, workers: [putOrDrop, putOrDrop, get.partial(1)], check: once.partial([30, 1, 11]) },
  },
  {
    name: "a look beside a consumer and a producer sees whole items",
    program: {
      setup: full.partial("Queue"),
      workers: [looking.partial([30, 11]), put.partial(1), get.partial(2)],
      check: once.partial([30, 11]),
    },
  },
  {
    name: "several items in one call, each once",
    program: {
      setup: empty.partial("Queue"),
      workers: [put.partial(2), getMore, getWhatComes],
      check: once.partial([1, 2]),
    },
  },
  {
    name: "a producer and a consumer: every item once, in order",
    program: { setup: empty.partial("Queue"), workers: [put.partial(2), get.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "an awaiting producer and consumer",
    program: {
      setup: empty.partial("Queue"),
      workers: [putAwaiting.partial(2), getAwaiting.partial(2)],
      check: once.partial([1, 2]),
    },
  },
  {
    name: "two consumers in one worker, each item to one of them",
    program: { setup: empty.partial("Queue"), workers: [put.partial(2), getTwice], check: once.partial([1, 2]) },
  },
  {
    name: "two getters that sleep, each item wakes one or is passed on by it",
    program: {
      setup: empty.partial("Queue"),
      workers: [put.partial(2), get.partial(1), get.partial(1)],
      check: once.partial([1, 2]),
    },
  },
  {
    name: "two producers that sleep, room wakes one or is passed on by it",
    program: {
      setup: full.partial("Queue"),
      workers: [get.partial(3), put.partial(1), put.partial(1)],
      check: once.partial([11, 21, 30]),
    },
  },
  {
    name: "a producer waits for room",
    program: { setup: narrow.partial("Queue"), workers: [put.partial(2), get.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "an awaiting producer waits for room",
    program: {
      setup: narrow.partial("Queue"),
      workers: [putAwaiting.partial(2), getAwaiting.partial(2)],
      check: once.partial([1, 2]),
    },
  },
  {
    name: "two producers in one worker wait for room",
    program: { setup: full.partial("Queue"), workers: [putTwice, get.partial(3)], check: once.partial([30, 1, 21]) },
  },
  {
    name: "a get whose time runs out takes nothing and loses nobody's item",
    program: {
      setup: empty.partial("Queue"),
      workers: [getBesideImpatient, put.partial(1)],
      check: once.partial([11]),
    },
  },
  {
    name: "a get that is aborted takes nothing and loses nobody's item",
    program: { setup: empty.partial("Queue"), workers: [getBesideAborted, put.partial(1)], check: once.partial([11]) },
  },
  {
    name: "a put whose time runs out puts nothing and loses nobody's room",
    program: {
      setup: full.partial("Queue"),
      workers: [putBesideImpatient, get.partial(2)],
      check: once.partial([30, 0, 1]),
    },
  },
  {
    name: "a put that is aborted puts nothing and loses nobody's room",
    program: {
      setup: full.partial("Queue"),
      workers: [putBesideAborted, get.partial(2)],
      check: once.partial([30, 0, 1]),
    },
  },
  {
    name: "shutdown ends a blocking caller's wait for an item",
    program: { setup: filled.partial("Queue"), workers: [drain, shutDown], check: once.partial([30, 31]) },
  },
  {
    name: "shutdown ends an awaiting caller's wait for an item",
    program: { setup: filled.partial("Queue"), workers: [drainAwaiting, shutDown], check: once.partial([30, 31]) },
  },
  {
    name: "what was put before the shutdown comes out",
    program: { setup: empty.partial("Queue"), workers: [drain, putAndShutDown], check: once.partial([10]) },
  },
  {
    name: "shutdown ends a wait for room",
    program: { setup: full.partial("Queue"), workers: [putUnlessShutDown, shutDown], check: once.partial([30, 0]) },
  },
  {
    name: "join waits until every item was dealt with",
    program: { setup: empty.partial("Queue"), workers: [putAndJoin, deal.partial(1)], check: once.partial([0]) },
  },
  {
    name: "an awaiting join",
    program: {
      setup: empty.partial("Queue"),
      workers: [putAndJoinAwaiting, deal.partial(1)],
      check: once.partial([0]),
    },
  },
  {
    name: "a large item arrives whole and leaves nothing behind",
    program: {
      setup: empty.partial("Queue"),
      workers: [putLarge, get.partial(1)],
      check: onceAndForgotten.partial([0]),
    },
  },
  {
    name: "items go on in a new chunk, the old one is given back",
    program: { setup: empty.partial("Queue"), workers: [putLong, get.partial(2)], check: once.partial([1, 2]) },
  },
  {
    name: "a producer waits for bytes",
    program: {
      setup: tight.partial("Queue"),
      workers: [put.partial(2), getAwaiting.partial(2)],
      check: once.partial([1, 2]),
    },
  },
  {
    name: "two finish at once, and join ends",
    program: {
      setup: empty.partial("Queue"),
      workers: [putTwoAndJoin, deal.partial(1), deal.partial(1)],
      check: once.partial([1, 2]),
    },
    preemptions: 2,
  },
  {
    name: "what a dead producer put is whole or absent",
    program: { setup: empty.partial("Queue"), workers: [put.partial(1), getWhatComes], check: atMostOnce.partial([1]) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a large item of a dead producer is whole or absent",
    program: { setup: empty.partial("Queue"), workers: [putLarge, getWhatComes], check: atMostOnce.partial([0]) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "what a dead consumer took is never taken again, and the rest arrives",
    program: {
      setup: filled.partial("Queue"),
      workers: [get.partial(1), get.partial(1)],
      check: atMostOnce.partial([30, 31]),
    },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a waiting consumer dies, an item that was meant for it does not",
    program: {
      setup: empty.partial("Queue"),
      workers: [get.partial(1), getBesidePut.partial({ gets: 1, puts: 2 })],
      check: atMostOnce.partial([11, 12]),
    },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a waiting producer dies, room that was meant for it does not",
    program: {
      setup: full.partial("Queue"),
      workers: [put.partial(1), getBesidePut.partial({ gets: 2, puts: 1 })],
      check: atMostOnce.partial([30, 1, 11]),
    },
    options: { deaths: 1, mortal: [0] },
  },
];
