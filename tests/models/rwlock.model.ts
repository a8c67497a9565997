import assert from "node:assert/strict";
import {
  Event,
  NotHeldError,
  OwnerDiedError,
  RWLock,
  select,
  selectSync,
  task,
  TimeoutError,
  Value,
} from "../../src/index.js";
import type { Model } from "./model.js";

/** What a writer adds to `inside`; a reader adds 1. */
const WRITER = 100;

interface Shared {
  lock: RWLock;
  /** Written by writers, read by readers: ordered by the lock alone. */
  data: Value<number>;
  /** Who is inside. */
  inside: Value<number>;
}

const setup = task(
  import.meta,
  "setup",
  (): Shared => ({ lock: new RWLock(), data: new Value("int32"), inside: new Value("int32") }),
);

function read({ inside }: Shared): void {
  assert.ok(inside.add(1) < WRITER, "a reader is inside beside a writer");
  inside.sub(1);
}
function write({ inside }: Shared): void {
  assert.equal(inside.add(WRITER), WRITER, "a writer is not alone inside");
  inside.sub(WRITER);
}

const plainReader = task(import.meta, "plainReader", ({ lock, data }: Shared) => {
  using _ = lock.readSync();
  const before = data.value;
  assert.equal(data.value, before);
});
const plainAwaitingReader = task(import.meta, "plainAwaitingReader", async ({ lock, data }: Shared) => {
  using _ = await lock.read();
  const before = data.value;
  assert.equal(data.value, before);
});
const plainWriter = task(import.meta, "plainWriter", ({ lock, data }: Shared) => {
  using _ = lock.writeSync();
  data.value += 1;
});
const plainAwaitingWriter = task(import.meta, "plainAwaitingWriter", async ({ lock, data }: Shared) => {
  using _ = await lock.write();
  data.value += 1;
});
const reader = task(import.meta, "reader", (shared: Shared) => {
  using _ = shared.lock.readSync();
  read(shared);
});
const writer = task(import.meta, "writer", (shared: Shared) => {
  using _ = shared.lock.writeSync();
  write(shared);
});
const awaitingReader = task(import.meta, "awaitingReader", async (shared: Shared) => {
  using _ = await shared.lock.read();
  read(shared);
});
const awaitingWriter = task(import.meta, "awaitingWriter", async (shared: Shared) => {
  using _ = await shared.lock.write();
  write(shared);
});
const tryingReader = task(import.meta, "tryingReader", (shared: Shared) => {
  using held = shared.lock.tryRead();
  if (held !== undefined) read(shared);
});
const tryingWriter = task(import.meta, "tryingWriter", (shared: Shared) => {
  using held = shared.lock.tryWrite();
  if (held !== undefined) write(shared);
});
const impatientReader = task(import.meta, "impatientReader", ({ lock }: Shared) => {
  try {
    using _ = lock.readSync({ timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const impatientWriter = task(import.meta, "impatientWriter", ({ lock }: Shared) => {
  try {
    using _ = lock.writeSync({ timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const abortedReader = task(import.meta, "abortedReader", async ({ lock }: Shared) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    using _ = await lock.read({ signal: controller.signal });
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  }
});
const abortedWriter = task(import.meta, "abortedWriter", async ({ lock }: Shared) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    using _ = await lock.write({ signal: controller.signal });
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  }
});
/** A select on one side of the lock that may run out. */
const selectingReader = task(import.meta, "selectingReader", async ({ lock }: Shared) => {
  try {
    using _ = (await select({ turn: lock.reading }, { timeout: 10 })).value;
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const selectingWriter = task(import.meta, "selectingWriter", async ({ lock }: Shared) => {
  try {
    using _ = (await select({ turn: lock.writing }, { timeout: 10 })).value;
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const blockingSelectingWriter = task(import.meta, "blockingSelectingWriter", (shared: Shared) => {
  using _ = selectSync({ turn: shared.lock.writing }).value;
  write(shared);
});
const selectingBoth = task(import.meta, "selectingBoth", async (shared: Shared) => {
  const { key, value } = await select({ reading: shared.lock.reading, writing: shared.lock.writing });
  using _ = value;
  if (key === "reading") read(shared);
  else write(shared);
});
/** Several tasks of one loop. */
const selectingReaderAndWriter = task(import.meta, "selectingReaderAndWriter", async (shared: Shared) => {
  await Promise.all([selectingReader(shared), awaitingWriter(shared)]);
});
const selectingWriterAndReader = task(import.meta, "selectingWriterAndReader", async (shared: Shared) => {
  await Promise.all([selectingWriter(shared), awaitingReader(shared)]);
});
const readerAndWriter = task(import.meta, "readerAndWriter", async (shared: Shared) => {
  await Promise.all([awaitingReader(shared), awaitingWriter(shared)]);
});
const writerAndReader = task(import.meta, "writerAndReader", async (shared: Shared) => {
  await Promise.all([awaitingWriter(shared), awaitingReader(shared)]);
});
const twoReaders = task(import.meta, "twoReaders", async (shared: Shared) => {
  await Promise.all([awaitingReader(shared), awaitingReader(shared)]);
});
const abortedReaderAndWriter = task(import.meta, "abortedReaderAndWriter", async (shared: Shared) => {
  await Promise.all([abortedReader(shared), awaitingWriter(shared)]);
});
const abortedWriterAndReader = task(import.meta, "abortedWriterAndReader", async (shared: Shared) => {
  await Promise.all([abortedWriter(shared), awaitingReader(shared)]);
});
const passingReader = task(import.meta, "passingReader", ({ lock }: Shared) => {
  using _ = lock.readSync();
});
const readingTwice = task(import.meta, "readingTwice", ({ lock }: Shared) => {
  for (let time = 0; time < 2; time++) {
    using _ = lock.readSync();
  }
});
const passingWriter = task(import.meta, "passingWriter", ({ lock }: Shared) => {
  using _ = lock.writeSync();
});
/** Both readers are inside at once, or neither goes on. */
interface Meeting {
  lock: RWLock;
  first: Event;
  second: Event;
}
const setupMeeting = task(
  import.meta,
  "setupMeeting",
  (): Meeting => ({ lock: new RWLock(), first: new Event(), second: new Event() }),
);
const meetingFirst = task(import.meta, "meetingFirst", ({ lock, first, second }: Meeting) => {
  using _ = lock.readSync();
  first.set();
  second.waitSync();
});
const meetingSecond = task(import.meta, "meetingSecond", async ({ lock, first, second }: Meeting) => {
  using _ = await lock.read();
  second.set();
  await first.wait();
});
/** Half done once 1, done once 2: who comes after a writer that died in between is told. */
const mortalWriter = task(import.meta, "mortalWriter", ({ lock, inside }: Shared) => {
  using _ = lock.writeSync();
  inside.add(1);
  inside.add(1);
});
const writingHeir = task(import.meta, "writingHeir", ({ lock, inside }: Shared) => {
  using held = lock.writeSync();
  if (inside.value === 1) assert.ok(held.ownerDied, "the writer died inside");
});
const readingHeir = task(import.meta, "readingHeir", async ({ lock, inside }: Shared) => {
  using held = await lock.read();
  if (inside.value === 1) assert.ok(held.ownerDied, "the writer died inside");
});
/** `data`: it has repaired. */
const repairingHeir = task(import.meta, "repairingHeir", ({ lock, data, inside }: Shared) => {
  using held = lock.writeSync();
  if (!held.ownerDied) return;
  inside.value = 2;
  lock.consistent();
  data.value = 1;
});
const told = task(import.meta, "told", ({ lock, data, inside }: Shared) => {
  using held = lock.tryWrite();
  assert.ok(held !== undefined, "the lock is free in the end");
  if (inside.value === 1) assert.ok(held.ownerDied, "the writer died inside");
  if (data.value === 1) assert.equal(held.ownerDied, false, "it was repaired");
});
const setupStrict = task(
  import.meta,
  "setupStrict",
  (): Shared => ({ ...setup(), lock: new RWLock({ onOwnerDeath: "error" }) }),
);
/** Nobody gets the lock before it has repaired. */
const reopening = task(import.meta, "reopening", async ({ lock, inside }: Shared) => {
  try {
    using _ = await lock.read();
    assert.notEqual(inside.value, 1, "let in to what is half done");
  } catch (error) {
    if (!(error instanceof OwnerDiedError)) throw error;
    inside.value = 2;
    lock.consistent();
    using _ = lock.writeSync();
  }
});
const closedOrWhole = task(import.meta, "closedOrWhole", ({ lock, inside }: Shared) => {
  try {
    using held = lock.tryRead();
    assert.equal(held?.ownerDied, false, "it is free and whole in the end");
    assert.notEqual(inside.value, 1);
  } catch (error) {
    if (!(error instanceof OwnerDiedError)) throw error;
    lock.consistent();
    assert.notEqual(lock.tryWrite(), undefined);
  }
});

const free = task(import.meta, "free", ({ lock }: Shared) => {
  const held = lock.tryWrite();
  assert.notEqual(held, undefined, "the lock is free in the end");
  held![Symbol.dispose]();
  assert.equal(lock.readers, 0);
  assert.notEqual(lock.tryRead(), undefined);
});
const two = task(import.meta, "two", (shared: Shared) => {
  assert.equal(shared.data.value, 2);
  free(shared);
});

/** Hands what it holds to the other, who gives it back. */
interface Told extends Shared {
  heir: Value<number>;
  ready: Event;
  given: Event;
}
const setupTold = task(
  import.meta,
  "setupTold",
  (): Told => ({ ...setup(), heir: new Value("int32"), ready: new Event(), given: new Event() }),
);
const writingGiver = task(import.meta, "writingGiver", ({ lock, data, heir, ready, given }: Told) => {
  ready.waitSync();
  const held = lock.writeSync();
  data.value += 1;
  held.handOff(heir.value);
  held[Symbol.dispose]();
  given.set();
  using _ = lock.readSync();
  assert.equal(data.value, 2, "the lock was free before the heir gave it back");
});
const readingGiver = task(import.meta, "readingGiver", ({ lock, data, heir, ready, given }: Told) => {
  ready.waitSync();
  lock.readSync().handOff(heir.value);
  given.set();
  using _ = lock.writeSync();
  assert.equal(data.value, 0, "a writer is inside beside the heir");
  data.value = 1;
});
const writingReceiver = task(import.meta, "writingReceiver", ({ lock, data, heir, ready, given }: Told) => {
  heir.value = lock.workerId;
  ready.set();
  given.waitSync();
  data.value += 1;
  lock.release();
  assert.throws(() => lock.release(), NotHeldError);
});
const readingReceiver = task(import.meta, "readingReceiver", ({ lock, data, heir, ready, given }: Told) => {
  heir.value = lock.workerId;
  ready.set();
  given.waitSync();
  assert.equal(data.value, 0);
  lock.release();
});

export const models: Model[] = [
  {
    name: "a writer sees what the writer before it did",
    program: { setup, workers: [plainWriter, plainAwaitingWriter], check: two },
  },
  {
    name: "a blocking reader sees all of what a writer did, or nothing",
    program: { setup, workers: [plainReader, plainAwaitingWriter], check: free },
  },
  {
    name: "an awaiting reader sees all of what a writer did, or nothing",
    program: { setup, workers: [plainAwaitingReader, plainWriter], check: free },
  },
  { name: "two readers are inside together", program: { setup: setupMeeting, workers: [meetingFirst, meetingSecond] } },
  {
    name: "a reader and a writer of one loop beside a blocking writer",
    program: { setup, workers: [readerAndWriter, writer], check: free },
  },
  {
    name: "a writer and a reader of one loop beside a blocking reader",
    program: { setup, workers: [writerAndReader, reader], check: free },
  },
  {
    name: "two readers that sleep come in after a writer, the first wakes the second",
    program: { setup, workers: [writer, reader, reader], check: free },
  },
  {
    name: "a writer on its way is passed by a reader, and comes in",
    program: { setup, workers: [passingWriter, readingTwice, passingReader], check: free },
  },
  {
    name: "two readers of one loop beside a blocking writer",
    program: { setup, workers: [twoReaders, writer], check: free },
  },
  {
    name: "a writing that was handed on is the heir's to give back",
    program: { setup: setupTold, workers: [writingGiver, writingReceiver], check: free },
  },
  {
    name: "a reading that was handed on keeps writers out until the heir gives it back",
    program: { setup: setupTold, workers: [readingGiver, readingReceiver], check: free },
  },
  { name: "who only tries keeps the rule", program: { setup, workers: [tryingReader, tryingWriter], check: free } },
  {
    name: "a reader whose time runs out holds nobody up",
    program: { setup, workers: [impatientReader, writer], check: free },
  },
  {
    name: "a writer whose time runs out holds nobody up",
    program: { setup, workers: [impatientWriter, reader], check: free },
  },
  {
    name: "a reader that gives up passes the turn to the writer",
    program: { setup, workers: [abortedReaderAndWriter, passingWriter], check: free },
  },
  {
    name: "a blocking reader that gives up passes the turn to the writer",
    program: { setup, workers: [impatientReader, passingWriter, passingWriter], check: free },
  },
  {
    name: "a writer that gives up lets the readers in that it held back",
    program: { setup, workers: [abortedWriterAndReader, passingReader], check: free },
  },
  {
    name: "a select that writes is alone inside",
    program: { setup, workers: [blockingSelectingWriter, writer], check: free },
  },
  {
    name: "a select of both sides has one of them, and leaves the other",
    program: { setup, workers: [selectingBoth, writer], check: free },
  },
  {
    name: "a select for reading that gives up passes the turn to the writer",
    program: { setup, workers: [selectingReaderAndWriter, passingWriter], check: free },
  },
  {
    name: "a select for writing that gives up lets the readers in that it held back",
    program: { setup, workers: [selectingWriterAndReader, passingReader], check: free },
  },
  {
    name: "the lock of a dead writer passes on to a writer, who is told",
    program: { setup, workers: [mortalWriter, writingHeir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "the lock of a dead writer passes on to a reader, who is told",
    program: { setup, workers: [mortalWriter, readingHeir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a dead writer's mark outlives an heir that overlooks it, or dies too",
    program: { setup, workers: [mortalWriter, writingHeir], check: told },
    options: { deaths: 2 },
  },
  {
    name: "a dead writer's mark outlives a reader",
    program: { setup, workers: [mortalWriter, readingHeir], check: told },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "nobody is told of a dead writer any more once its heir has repaired",
    program: { setup, workers: [mortalWriter, repairingHeir], check: told },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "after the death of a writer that is an error, nobody enters before the repair",
    program: { setup: setupStrict, workers: [mortalWriter, reopening], check: closedOrWhole },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a writer dies, its turn does not",
    program: { setup, workers: [passingWriter, passingWriter, passingReader], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a dead reader no longer keeps a writer out",
    program: { setup, workers: [passingReader, passingWriter], check: free },
    options: { deaths: 1, mortal: [0] },
  },
];
