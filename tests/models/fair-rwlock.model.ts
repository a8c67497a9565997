/**
 * A read-write lock whose line is kept in order: who waits is not overtaken, readers come in groups, and nobody is
 * forgotten.
 */
import assert from "node:assert/strict";
import {
  Event,
  NotOwnerError,
  OwnerDiedError,
  RWLock,
  SharedArray,
  task,
  TimeoutError,
  Value,
} from "../../src/index.js";
import { atomics, threadHeap } from "../../src/memory/index.js";
import { placeOf } from "../../src/objects/index.js";
import { RWLOCK } from "../../src/sync/rwlock-words.js";
import type { Model } from "./model.js";

/** What a writer adds to `inside`; a reader adds 1. */
const WRITER = 100;

interface Shared {
  lock: RWLock;
  inside: Value<number>;
  /** How often each worker was in. */
  turns: SharedArray<number>;
}

const setup = task(
  import.meta,
  "setup",
  (): Shared => ({ lock: new RWLock({ fair: true }), inside: new Value("int32"), turns: new SharedArray("int32", 4) }),
);
const setupStrict = task(
  import.meta,
  "setupStrict",
  (): Shared => ({ ...setup(), lock: new RWLock({ fair: true, onOwnerDeath: "error" }) }),
);

/** Whether a writer stands in line that has looked in vain: who comes now comes later. */
function writerWaits({ lock }: Shared): boolean {
  const { words, waitQueue } = threadHeap();
  const key = placeOf(lock) + RWLOCK.writersWait;
  return atomics.load(words, key) !== 0 && waitQueue.countWaiters(key, 1) > 0;
}
function readerWaits({ lock }: Shared): boolean {
  const { words, waitQueue } = threadHeap();
  const key = placeOf(lock) + RWLOCK.readersWait;
  return atomics.load(words, key) !== 0 && waitQueue.countWaiters(key, 1) > 0;
}
function reads({ inside, turns }: Shared, index: number): void {
  assert.ok(inside.add(1) < WRITER, "a reader is inside beside a writer");
  turns.add(index, 1);
  inside.sub(1);
}
function writes({ inside, turns }: Shared, index: number): void {
  assert.equal(inside.add(WRITER), WRITER, "a writer is not alone inside");
  turns.add(index, 1);
  inside.sub(WRITER);
}
/** The one who waits, if anybody does, is worker 1. */
function checkOrder({ turns }: Shared, waited: boolean): void {
  if (waited) assert.equal(turns.get(1), 1, "a newcomer overtook one that waited");
}

const reader = task(import.meta, "reader", (shared: Shared, index: number) =>
  shared.lock.runReadSync(() => reads(shared, index)),
);
const writer = task(import.meta, "writer", (shared: Shared, index: number) =>
  shared.lock.runWriteSync(() => writes(shared, index)),
);
const awaitingReader = task(import.meta, "awaitingReader", (shared: Shared, index: number) =>
  shared.lock.runRead(() => reads(shared, index)),
);
const awaitingWriter = task(import.meta, "awaitingWriter", (shared: Shared, index: number) =>
  shared.lock.runWrite(() => writes(shared, index)),
);
const laterReader = task(import.meta, "laterReader", (shared: Shared, index: number) => {
  const waited = writerWaits(shared);
  shared.lock.runReadSync(() => {
    checkOrder(shared, waited);
    reads(shared, index);
  });
});
const laterAwaitingReader = task(import.meta, "laterAwaitingReader", async (shared: Shared, index: number) => {
  const waited = writerWaits(shared);
  await shared.lock.runRead(() => {
    checkOrder(shared, waited);
    reads(shared, index);
  });
});
const laterTrying = task(import.meta, "laterTrying", (shared: Shared, index: number) => {
  const waited = writerWaits(shared);
  using held = shared.lock.tryRead();
  if (held === undefined) return;
  checkOrder(shared, waited);
  reads(shared, index);
});
const laterWriter = task(import.meta, "laterWriter", (shared: Shared, index: number) => {
  const waited = writerWaits(shared) || readerWaits(shared);
  shared.lock.runWriteSync(() => {
    // A reader that was let in may not have said so yet.
    if (!waited || shared.turns.get(1) === 1) writes(shared, index);
    else assert.fail("a newcomer overtook one that waited");
  });
});
const urgentReader = task(import.meta, "urgentReader", (shared: Shared, index: number) =>
  shared.lock.runReadSync(() => reads(shared, index), { priority: 1 }),
);
const readerShortly = task(import.meta, "readerShortly", (shared: Shared, index: number) => {
  try {
    shared.lock.runReadSync(() => reads(shared, index), { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const writerShortly = task(import.meta, "writerShortly", (shared: Shared, index: number) => {
  try {
    shared.lock.runWriteSync(() => writes(shared, index), { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
/** They may die inside, and are not counted there. */
const mortalWriter = task(import.meta, "mortalWriter", ({ lock }: Shared) => lock.runWriteSync(() => undefined));
const mortalReader = task(import.meta, "mortalReader", ({ lock }: Shared) => lock.runReadSync(() => undefined));
const mortalAwaitingWriter = task(import.meta, "mortalAwaitingWriter", ({ lock }: Shared) =>
  lock.runWrite(() => undefined),
);
const readingHeir = task(import.meta, "readingHeir", ({ lock }: Shared) => lock.runReadSync(() => undefined));
const writingHeir = task(import.meta, "writingHeir", ({ lock }: Shared) => lock.runWriteSync(() => undefined));
/** Whoever finds that it is closed opens it, for all. */
const reopening = task(import.meta, "reopening", ({ lock }: Shared) => {
  try {
    lock.runReadSync(() => undefined);
  } catch (error) {
    if (!(error instanceof OwnerDiedError)) throw error;
    try {
      lock.consistent();
    } catch (error) {
      // Another one has opened it, and writes.
      if (!(error instanceof NotOwnerError)) throw error;
    }
    lock.runWriteSync(() => undefined);
  }
});
const free = task(import.meta, "free", ({ lock }: Shared) => {
  const held = lock.tryWrite();
  assert.notEqual(held, undefined, "the lock is free in the end");
  held![Symbol.dispose]();
  assert.equal(lock.readers, 0);
});
const openOrClosed = task(import.meta, "openOrClosed", ({ lock }: Shared) => {
  try {
    assert.notEqual(lock.tryWrite(), undefined);
  } catch (error) {
    if (!(error instanceof OwnerDiedError)) throw error;
    lock.consistent();
    assert.notEqual(lock.tryWrite(), undefined);
  }
});

/** Both readers are inside at once, or neither goes on: of a priority, so that the writer does not come between. */
interface Meeting {
  lock: RWLock;
  first: Event;
  second: Event;
}
const setupMeeting = task(
  import.meta,
  "setupMeeting",
  (): Meeting => ({ lock: new RWLock({ fair: true }), first: new Event(), second: new Event() }),
);
const meetingFirst = task(import.meta, "meetingFirst", ({ lock, first, second }: Meeting) => {
  using _ = lock.readSync({ priority: 1 });
  first.set();
  second.waitSync();
});
const meetingSecond = task(import.meta, "meetingSecond", ({ lock, first, second }: Meeting) => {
  using _ = lock.readSync({ priority: 1 });
  second.set();
  first.waitSync();
});
const secondBehind = task(import.meta, "secondBehind", ({ lock, first, second }: Meeting) => {
  using _ = lock.readSync();
  second.set();
  first.waitSync();
});
const passingShortly = task(import.meta, "passingShortly", ({ lock }: Meeting) => {
  try {
    lock.runWriteSync(() => undefined, { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const passing = task(import.meta, "passing", ({ lock }: Meeting) => lock.runWriteSync(() => undefined));

export const models: Model[] = [
  {
    name: "a reader does not overtake a writer that blocks",
    program: { setup, workers: [reader, writer, laterReader], check: free },
  },
  {
    name: "a reader does not overtake a writer that awaits",
    program: { setup, workers: [writer, awaitingWriter, laterReader], check: free },
  },
  {
    name: "an awaiting reader does not overtake",
    program: { setup, workers: [writer, writer, laterAwaitingReader], check: free },
  },
  { name: "who only tries does not overtake", program: { setup, workers: [reader, writer, laterTrying], check: free } },
  {
    name: "a writer does not overtake a writer",
    program: { setup, workers: [writer, writer, laterWriter], check: free },
  },
  {
    name: "two readers that wait are in together",
    program: { setup: setupMeeting, workers: [passing, meetingFirst, meetingSecond] },
  },
  {
    name: "a writer that gives up lets the reader in that it kept from another",
    program: { setup: setupMeeting, workers: [meetingFirst, passingShortly, secondBehind] },
  },
  {
    name: "a reader and a writer wait for a writer",
    program: { setup, workers: [writer, reader, awaitingWriter], check: free },
  },
  {
    name: "an awaiting reader and a writer wait for a reader",
    program: { setup, workers: [reader, writer, awaitingReader], check: free },
  },
  { name: "an urgent reader comes between", program: { setup, workers: [writer, writer, urgentReader], check: free } },
  {
    name: "a writer that gives up lets the readers in",
    program: { setup, workers: [reader, writerShortly, reader], check: free },
  },
  {
    name: "a reader that gives up makes room for the writer",
    program: { setup, workers: [writer, readerShortly, writer], check: free },
  },
  {
    name: "a writer that dies at any step is skipped",
    program: { setup, workers: [mortalWriter, readingHeir, writingHeir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "an awaiting writer that dies at any step is skipped",
    program: { setup, workers: [mortalAwaitingWriter, readingHeir, readingHeir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a reader that dies at any step is skipped",
    program: { setup, workers: [mortalReader, writingHeir, readingHeir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "after the death of a writer that is an error, who repairs lets in the others",
    program: { setup: setupStrict, workers: [mortalWriter, reopening, reopening], check: openOrClosed },
    options: { deaths: 1, mortal: [0] },
  },
];
