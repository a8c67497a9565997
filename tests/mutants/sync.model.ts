/**
 * Small models for what mutants break in an event, a condition, a semaphore, a barrier, a read-write lock, or a queue
 * whose callers all block.
 */
import assert from "node:assert/strict";
import {
  Barrier,
  BrokenBarrierError,
  Condition,
  Event,
  Lock,
  Queue,
  RWLock,
  Semaphore,
  task,
  TimeoutError,
  Value,
} from "../../src/index.js";
import type { Model } from "../models/model.js";

function unlessOutOfTime(wait: () => void): boolean {
  try {
    wait();
    return true;
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    return false;
  }
}

interface Signalled {
  event: Event;
}
const event = task(import.meta, "event", (): Signalled => ({ event: new Event() }));
const waitForEvent = task(import.meta, "waitForEvent", ({ event }: Signalled) => event.waitSync());
const awaitEvent = task(import.meta, "awaitEvent", ({ event }: Signalled) => event.wait());
const set = task(import.meta, "set", ({ event }: Signalled) => event.set());

interface Tokens {
  condition: Condition;
  tokens: Value<number>;
}
const tokens = task(
  import.meta,
  "tokens",
  (): Tokens => ({ condition: new Condition(new Lock()), tokens: new Value("int32") }),
);
const take = task(import.meta, "take", ({ condition, tokens }: Tokens) => {
  condition.runSync(() => {
    condition.waitForSync(() => tokens.value > 0);
    tokens.value -= 1;
  });
});
const takeAwaiting = task(import.meta, "takeAwaiting", async ({ condition, tokens }: Tokens) => {
  await condition.run(async () => {
    await condition.waitFor(() => tokens.value > 0);
    tokens.value -= 1;
  });
});
/** Takes none, even if it is the one who is notified. */
const lookImpatiently = task(import.meta, "lookImpatiently", ({ condition, tokens }: Tokens) => {
  condition.runSync(() => {
    if (tokens.value > 0) return;
    if (unlessOutOfTime(() => condition.waitSync({ timeout: 10 }))) condition.notify();
  });
});
const give = task(import.meta, "give", (count: number, { condition, tokens }: Tokens) => {
  condition.runSync(() => {
    tokens.value += count;
    condition.notify(count);
  });
});
const noTokens = task(import.meta, "noTokens", ({ tokens }: Tokens) => assert.equal(tokens.value, 0));

interface Guarded {
  semaphore: Semaphore;
  inside: Value<number>;
}
const guarded = (permits: number): Guarded => ({ semaphore: new Semaphore(permits), inside: new Value("int32") });
const onePermit = task(import.meta, "onePermit", () => guarded(1));
const noPermit = task(import.meta, "noPermit", () => guarded(0));
const pass = task(import.meta, "pass", ({ semaphore, inside }: Guarded) => {
  semaphore.runSync(() => {
    assert.equal(inside.add(1), 1);
    inside.sub(1);
  });
});
const passImpatiently = task(import.meta, "passImpatiently", ({ semaphore }: Guarded) => {
  unlessOutOfTime(() => semaphore.runSync(() => undefined, { timeout: 10 }));
});
const acquire = task(import.meta, "acquire", ({ semaphore }: Guarded) => {
  semaphore.acquireSync();
});
const release = task(import.meta, "release", (count: number, { semaphore }: Guarded) => semaphore.release(count));
const permitsLeft = task(import.meta, "permitsLeft", (count: number, { semaphore }: Guarded) => {
  for (let permit = 0; permit < count; permit++) assert.notEqual(semaphore.tryAcquire(), undefined);
  assert.equal(semaphore.tryAcquire(), undefined);
});

interface Met {
  barrier: Barrier;
  /** How many have come. */
  come: Value<number>;
}
const meeting = task(
  import.meta,
  "meeting",
  (parties: number): Met => ({ barrier: new Barrier(parties), come: new Value("int32") }),
);
const meet = task(
  import.meta,
  "meet",
  ({ parties, rounds }: { parties: number; rounds: number }, { barrier, come }: Met) => {
    for (let round = 1; round <= rounds; round++) {
      come.add(1);
      barrier.waitSync();
      assert.ok(come.value >= parties * round, "somebody was let through before all had come");
    }
  },
);
const meetAwaiting = task(import.meta, "meetAwaiting", async (parties: number, { barrier, come }: Met) => {
  come.add(1);
  await barrier.wait();
  assert.ok(come.value >= parties, "somebody was let through before all had come");
});
const GAVE_UP = 100;
const meetImpatiently = task(import.meta, "meetImpatiently", ({ barrier, come }: Met) => {
  try {
    if (!unlessOutOfTime(() => barrier.waitSync({ timeout: 10 }))) come.add(GAVE_UP);
  } catch (error) {
    if (!(error instanceof BrokenBarrierError)) throw error;
  }
});
const meetUnlessBroken = task(import.meta, "meetUnlessBroken", ({ barrier, come }: Met) => {
  try {
    barrier.waitSync();
    come.add(1);
  } catch (error) {
    if (!(error instanceof BrokenBarrierError)) throw error;
  }
});
const metOrNot = task(import.meta, "metOrNot", ({ come }: Met) =>
  assert.notEqual(come.value, GAVE_UP + 1, "one gave up, the other met it"),
);

interface Documented {
  lock: RWLock;
  /** 100 for a writer inside, 1 for each reader. */
  inside: Value<number>;
}
const document = task(import.meta, "document", (): Documented => ({ lock: new RWLock(), inside: new Value("int32") }));
const read = task(import.meta, "read", ({ lock, inside }: Documented) => {
  using _ = lock.readSync();
  assert.ok(inside.add(1) < 100, "a reader beside a writer");
  inside.sub(1);
});
const write = task(import.meta, "write", ({ lock, inside }: Documented) => {
  using _ = lock.writeSync();
  assert.equal(inside.add(100), 100, "a writer beside somebody");
  inside.sub(100);
});
const writeImpatiently = task(import.meta, "writeImpatiently", ({ lock }: Documented) => {
  unlessOutOfTime(() => {
    using _ = lock.writeSync({ timeout: 10 });
  });
});
const nobodyReads = task(import.meta, "nobodyReads", ({ lock }: Documented) => {
  assert.notEqual(lock.tryWrite(), undefined, "the lock is free in the end");
});

interface Fed {
  queue: Queue<number>;
}
const feed = task(import.meta, "feed", (): Fed => ({ queue: new Queue() }));
const put = task(import.meta, "put", ({ queue }: Fed) => queue.putSync(1));
const get = task(import.meta, "get", ({ queue }: Fed) => {
  queue.getSync();
});
/** Takes what comes in time, for somebody else. */
const getImpatiently = task(import.meta, "getImpatiently", ({ queue }: Fed) => {
  unlessOutOfTime(() => queue.putSync(queue.getSync({ timeout: 10 })));
});

export const models: Model[] = [
  { name: "event: set wakes a blocking caller", program: { setup: event, workers: [waitForEvent, set] } },
  { name: "event: set wakes everybody", program: { setup: event, workers: [waitForEvent, awaitEvent, set] } },
  {
    name: "condition: a notification wakes who waits",
    program: { setup: tokens, workers: [take, give.partial(1)], check: noTokens },
  },
  {
    name: "condition: two waiters, two notifications",
    program: { setup: tokens, workers: [take, takeAwaiting, give.partial(2)], check: noTokens },
  },
  {
    name: "condition: a waiter that gives up passes its notification on",
    program: { setup: tokens, workers: [lookImpatiently, take, give.partial(1)] },
  },
  {
    name: "semaphore: one at a time",
    program: { setup: onePermit, workers: [pass, pass], check: permitsLeft.partial(1) },
  },
  {
    name: "semaphore: two permits at once for two who wait",
    program: { setup: noPermit, workers: [acquire, acquire, release.partial(2)] },
  },
  {
    name: "semaphore: a holder dies",
    program: { setup: onePermit, workers: [passImpatiently, pass], check: permitsLeft.partial(1) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "barrier: two parties, two rounds",
    program: {
      setup: meeting.partial(2),
      workers: [meet.partial({ parties: 2, rounds: 2 }), meet.partial({ parties: 2, rounds: 2 })],
    },
  },
  {
    name: "barrier: three parties",
    program: {
      setup: meeting.partial(3),
      workers: [
        meet.partial({ parties: 3, rounds: 1 }),
        meetAwaiting.partial(3),
        meet.partial({ parties: 3, rounds: 1 }),
      ],
    },
  },
  {
    name: "barrier: a party gives up",
    program: { setup: meeting.partial(2), workers: [meetImpatiently, meetUnlessBroken], check: metOrNot },
  },
  { name: "rwlock: a reader and a writer", program: { setup: document, workers: [read, write], check: nobodyReads } },
  { name: "rwlock: two writers", program: { setup: document, workers: [write, write], check: nobodyReads } },
  {
    name: "rwlock: a writer gives up",
    program: { setup: document, workers: [read, writeImpatiently, read], check: nobodyReads },
  },
  { name: "queue: a blocking get gives up", program: { setup: feed, workers: [getImpatiently, get, put] } },
];
