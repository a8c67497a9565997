import assert from "node:assert/strict";
import {
  after,
  Event,
  Lock,
  Queue,
  select,
  selectSync,
  Semaphore,
  SharedArray,
  sleep,
  task,
  TimeoutError,
  Value,
  type WaitOptions,
} from "../../src/index.js";
import type { Model } from "./model.js";

/** Items are numbers: 1 and up in `left`, 11 and up in `right`. */
interface Shared {
  left: Queue<number>;
  right: Queue<number>;
  /** How often each item was taken. */
  taken: SharedArray<number>;
}

const MOST_ITEMS = 32;
const queues = task(
  import.meta,
  "queues",
  (): Shared => ({ left: new Queue(), right: new Queue(), taken: new SharedArray("int32", MOST_ITEMS) }),
);

const put = task(
  import.meta,
  "put",
  ({ lefts, rights }: { lefts: number; rights: number }, { left, right }: Shared) => {
    for (let item = 1; item <= lefts; item++) left.putSync(item);
    for (let item = 1; item <= rights; item++) right.putSync(10 + item);
  },
);
const take = task(import.meta, "take", ({ left, right, taken }: Shared) => {
  taken.add(selectSync({ left, right }).value, 1);
});
const takeAwaiting = task(import.meta, "takeAwaiting", async ({ left, right, taken }: Shared) => {
  taken.add((await select({ left, right })).value, 1);
});
const takeBoth = task(import.meta, "takeBoth", async (shared: Shared) => {
  await Promise.all([takeAwaiting(shared), takeAwaiting(shared)]);
});
/** The same queue under two names. */
const takeOne = task(import.meta, "takeOne", ({ left, taken }: Shared) => {
  taken.add(selectSync({ one: left, other: left }).value, 1);
});
const takeOneAwaiting = task(import.meta, "takeOneAwaiting", async ({ left, taken }: Shared) => {
  taken.add((await select({ one: left, other: left })).value, 1);
});
const getRightAwaiting = task(import.meta, "getRightAwaiting", async ({ right, taken }: Shared) => {
  taken.add(await right.get(), 1);
});
/** Puts items while another task of its loop waits for one of them. */
const putBesideGet = task(
  import.meta,
  "putBesideGet",
  async (items: { lefts: number; rights: number }, shared: Shared) => {
    const got = getRightAwaiting(shared);
    put(items, shared);
    await got;
  },
);
const putBesideSelect = task(
  import.meta,
  "putBesideSelect",
  async (items: { lefts: number; rights: number }, shared: Shared) => {
    const taken = takeAwaiting(shared);
    put(items, shared);
    await taken;
  },
);
const putBesideGetLeft = task(
  import.meta,
  "putBesideGetLeft",
  async (items: { lefts: number; rights: number }, shared: Shared) => {
    const { left, taken } = shared;
    const got = left.get();
    put(items, shared);
    taken.add(await got, 1);
  },
);
/** In the moment in which others give up. */
const putLateBesideGet = task(import.meta, "putLateBesideGet", async (shared: Shared) => {
  await sleep(5);
  const got = getRightAwaiting(shared);
  await sleep(5);
  shared.right.putSync(11);
  await got;
});
/** A select and a get of one loop, in one node. */
const takeBesideGet = task(import.meta, "takeBesideGet", async (shared: Shared) => {
  await Promise.all([takeAwaiting(shared), getRightAwaiting(shared)]);
});
/** Takes what comes in time, for somebody else. */
const takeImpatiently = task(import.meta, "takeImpatiently", ({ left, right }: Shared) => {
  try {
    right.putSync(selectSync({ left, right }, { timeout: 10 }).value);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const takeUnlessTold = task(
  import.meta,
  "takeUnlessTold",
  async (options: () => WaitOptions, { left, right }: Shared) => {
    const chosen = await select({ left, right }, options()).catch((error: unknown) => {
      if (!(error instanceof TimeoutError || (error instanceof DOMException && error.name === "AbortError")))
        throw error;
    });
    if (chosen !== undefined) right.putSync(chosen.value);
  },
);
const takeAwaitingImpatiently = task(import.meta, "takeAwaitingImpatiently", (shared: Shared) =>
  takeUnlessTold(() => ({ timeout: 10 }), shared),
);
const takeUnlessAborted = task(import.meta, "takeUnlessAborted", (shared: Shared) =>
  takeUnlessTold(() => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    return { signal: controller.signal };
  }, shared),
);
const takeUntilTick = task(import.meta, "takeUntilTick", ({ left, right }: Shared) => {
  const chosen = selectSync({ left, right, tick: after(10) });
  if (chosen.key !== "tick") right.putSync(chosen.value);
});
function count({ left, right, taken }: Shared): number[] {
  for (const queue of [left, right])
    for (let got = queue.tryGet(); got !== undefined; got = queue.tryGet()) taken.add(got.value, 1);
  return [...taken];
}
const once = task(import.meta, "once", ({ lefts, rights }: { lefts: number; rights: number }, shared: Shared) => {
  const expected = Array.from({ length: MOST_ITEMS }, (_, item) =>
    (item >= 1 && item <= lefts) || (item >= 11 && item <= 10 + rights) ? 1 : 0,
  );
  assert.deepEqual(count(shared), expected);
});
interface Guarded {
  lock: Lock;
  semaphore: Semaphore;
  event: Event;
  inside: Value<number>;
}
const guarded = task(
  import.meta,
  "guarded",
  (): Guarded => ({
    lock: new Lock(),
    semaphore: new Semaphore(0),
    event: new Event(),
    inside: new Value("int32"),
  }),
);
function within({ inside }: Guarded): void {
  assert.equal(inside.add(1), 1, "two are inside");
  inside.sub(1);
}
const enter = task(import.meta, "enter", (shared: Guarded) => {
  const { value } = selectSync({ lock: shared.lock, permit: shared.semaphore });
  using _ = value;
  within(shared);
});
const enterAwaiting = task(import.meta, "enterAwaiting", async (shared: Guarded) => {
  const { value } = await select({ lock: shared.lock, permit: shared.semaphore });
  using _ = value;
  within(shared);
});
/** A permit or the news, whichever comes. */
const hear = task(import.meta, "hear", ({ semaphore, event, inside }: Guarded) => {
  const chosen = selectSync({ permit: semaphore, news: event });
  if (chosen.key === "permit") chosen.value[Symbol.dispose]();
  else inside.add(10);
});
const hearAwaiting = task(import.meta, "hearAwaiting", async ({ semaphore, event, inside }: Guarded) => {
  const chosen = await select({ permit: semaphore, news: event });
  if (chosen.key === "permit") chosen.value[Symbol.dispose]();
  else inside.add(10);
});
const tell = task(import.meta, "tell", ({ semaphore, event }: Guarded) => {
  semaphore.release();
  event.set();
});
const tellBesideAcquire = task(import.meta, "tellBesideAcquire", async (shared: Guarded) => {
  const acquired = shared.semaphore.acquire();
  tell(shared);
  await acquired;
});
/** Who acquired keeps the permit; the dead one's comes back. */
const tellTwiceBesideAcquire = task(import.meta, "tellTwiceBesideAcquire", async (shared: Guarded) => {
  const acquired = shared.semaphore.acquire();
  shared.semaphore.release(2);
  shared.event.set();
  await acquired;
});
const tellNews = task(import.meta, "tellNews", ({ event }: Guarded) => event.set());
const lockIsFree = task(import.meta, "lockIsFree", ({ lock, semaphore }: Guarded) => {
  assert.notEqual(lock.tryAcquire(), undefined, "the lock is free in the end");
  assert.equal(semaphore.tryAcquire(), undefined);
});
const left = task(import.meta, "left", (permits: number, { semaphore }: Guarded) => {
  for (let permit = 0; permit < permits; permit++) assert.notEqual(semaphore.tryAcquire(), undefined);
  assert.equal(semaphore.tryAcquire(), undefined);
});
const onePermit = left.partial(1);
const noPermit = left.partial(0);

const one = { lefts: 1, rights: 1 };
const two = { lefts: 1, rights: 2 };

const rightOnly = { lefts: 0, rights: 1 };
const leftOnly = { lefts: 2, rights: 0 };

export const models: Model[] = [
  {
    name: "a blocking select takes what comes",
    program: { setup: queues, workers: [take, put.partial(rightOnly)], check: once.partial(rightOnly) },
  },
  {
    name: "an awaiting select takes what comes",
    program: { setup: queues, workers: [takeAwaiting, put.partial(one)], check: once.partial(one) },
  },
  {
    name: "two selects, two queues, two items: each once",
    program: { setup: queues, workers: [take, putBesideSelect.partial(one)], check: once.partial(one) },
  },
  {
    name: "two selects of one loop",
    program: { setup: queues, workers: [takeBoth, put.partial(one)], check: once.partial(one) },
  },
  {
    name: "a blocking select passes on what came to it from the other queue",
    program: { setup: queues, workers: [take, putBesideGet.partial(two)], check: once.partial(two) },
  },
  {
    name: "an awaiting select passes on what came to it from the other queue",
    program: { setup: queues, workers: [takeAwaiting, putBesideGet.partial(two)], check: once.partial(two) },
  },
  {
    name: "a select beside a get of the same loop",
    program: { setup: queues, workers: [takeBesideGet, put.partial(two)], check: once.partial(two) },
  },
  {
    name: "a queue under two names is taken from once",
    program: { setup: queues, workers: [takeOne, putBesideGetLeft.partial(leftOnly)], check: once.partial(leftOnly) },
  },
  {
    name: "a queue under two names is taken from once, awaiting",
    program: {
      setup: queues,
      workers: [takeOneAwaiting, putBesideGetLeft.partial(leftOnly)],
      check: once.partial(leftOnly),
    },
  },
  {
    name: "a blocking select whose time runs out loses nothing",
    program: { setup: queues, workers: [takeImpatiently, putLateBesideGet], check: once.partial(rightOnly) },
  },
  {
    name: "an awaiting select whose time runs out loses nothing",
    program: { setup: queues, workers: [takeAwaitingImpatiently, putLateBesideGet], check: once.partial(rightOnly) },
  },
  {
    name: "a select whose signal aborts loses nothing",
    program: { setup: queues, workers: [takeUnlessAborted, putLateBesideGet], check: once.partial(rightOnly) },
  },
  {
    name: "a select that ends by the clock loses nothing",
    program: { setup: queues, workers: [takeUntilTick, putLateBesideGet], check: once.partial(rightOnly) },
  },
  {
    name: "a lock that is chosen excludes others",
    program: { setup: guarded, workers: [enter, enter], check: lockIsFree },
  },
  {
    name: "a lock that is chosen by an awaiting select excludes others",
    program: { setup: guarded, workers: [enterAwaiting, enter], check: lockIsFree },
  },
  { name: "a permit or news: neither is lost", program: { setup: guarded, workers: [hear, tell], check: onePermit } },
  {
    name: "a blocking select that chose the news leaves the permit to who waits for it",
    program: { setup: guarded, workers: [hear, tellBesideAcquire], check: noPermit },
  },
  {
    name: "an awaiting select that chose the news leaves the permit to who waits for it",
    program: { setup: guarded, workers: [hearAwaiting, tellBesideAcquire], check: noPermit },
  },
  {
    name: "news reach every select",
    program: { setup: guarded, workers: [hear, hearAwaiting, tellNews], check: noPermit },
  },
  {
    name: "a blocking select that dies leaves the rest to others",
    program: { setup: guarded, workers: [hear, tellTwiceBesideAcquire], check: onePermit },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "an awaiting select that dies leaves the rest to others",
    program: { setup: guarded, workers: [hearAwaiting, tellTwiceBesideAcquire], check: onePermit },
    options: { deaths: 1, mortal: [0] },
  },
];
