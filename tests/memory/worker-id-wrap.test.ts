/**
 * Ids that come again: after 262,143 workers in one slot. What a dead worker held, and nobody asked for meanwhile, must
 * still be known as a dead one's.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Barrier,
  createPipe,
  Lock,
  Process,
  Queue,
  RLock,
  RWLock,
  Semaphore,
  SharedList,
  SharedMap,
  SharedMemory,
  sleep,
  Thread,
} from "../../src/index.js";
import { HEADER, type Heap, RECORD, threadHeap } from "../../src/memory/index.js";
import { KIND } from "../kinds.js";
import { namesKnown } from "../../src/objects/index.js";
import { GENERATION_MASK, GHOST, SLOT_BITS, SLOT_MASK, STATE_BITS } from "../../src/memory/layout.js";
import { ThreadHeap } from "../../src/memory/thread-heap.js";
import * as tasks from "../fixtures/wrap-tasks.js";
import { timeLimit } from "../time-limit.js";

const insides = (object: object): { heap: Heap; at: number } => object as { heap: Heap; at: number };

/** The slot's next worker is called `id`, as after all other workers that a slot can have. */
function wrap(heap: Heap, id: number): void {
  const before = (((id >>> SLOT_BITS) - 1) & GENERATION_MASK) << SLOT_BITS;
  heap.words[heap.registry.recordOf(id) + RECORD.state] = (before | (id & SLOT_MASK)) << STATE_BITS;
}

for (const across of ["threads", "processes"] as const) {
  test(`what a dead worker held is not the newcomer's, across ${across}`, { timeout: timeLimit(60_000) }, async () => {
    const Worker = across === "threads" ? Thread : Process;
    const [lock, rlock, read, written, semaphore] = [
      new Lock({ across }),
      new RLock({ across }),
      new RWLock({ across }),
      new RWLock({ across }),
      new Semaphore(1, { across }),
    ];
    const first = new Worker(tasks.dieHolding, { args: [lock, rlock, read, written, semaphore] }).start();
    await first.join().catch(() => {});
    const { heap, at } = insides(lock);
    const id = heap.words[at]! >>> 3;
    assert.equal(id, first.worker);
    wrap(heap, id);
    const newcomers = [1, 2].map(() => new Worker(tasks.idle, { args: [lock], daemon: true }).start());
    while (newcomers.some((each) => each.worker === undefined)) await sleep(1);
    for (const [take, marked] of [
      [() => lock.acquire({ timeout: timeLimit(5000) }), true],
      [() => rlock.acquire({ timeout: timeLimit(5000) }), true],
      [() => read.write({ timeout: timeLimit(5000) }), false],
      [() => written.write({ timeout: timeLimit(5000) }), true],
      [() => semaphore.acquire({ timeout: timeLimit(5000) }), true],
    ] as const)
      assert.equal((await take()).ownerDied, marked);
    for (const each of newcomers) each.kill();
  });
}

describe("a slot whose generations are used up", () => {
  /** Another worker of the same heap, which is this very thread: dead is what is declared dead. */
  const another = (): ThreadHeap => new ThreadHeap(threadHeap().buffers);

  /** A worker that has died, whose slot's next worker would have its id. */
  function worn(hold: (worker: ThreadHeap) => void): number {
    const heap = threadHeap();
    const worker = another();
    const id = worker.self;
    hold(worker);
    heap.registry.declareDead(id);
    wrap(heap, id);
    return id;
  }

  test("is nobody's until no word names its workers, and then as good as new", () => {
    const lock = new Lock();
    const { heap, at } = insides(lock);
    const id = worn(({ self }) => {
      heap.words[at] = self << 3;
    });
    const record = heap.registry.recordOf(id);
    const newcomer = another();
    assert.notEqual(newcomer.self & SLOT_MASK, id & SLOT_MASK);
    assert.equal(heap.words[at]! >>> 3, GHOST);
    assert.equal(heap.words[record + RECORD.id], 0);
    const next = another();
    assert.equal(next.self, id);
    assert.equal(lock.tryAcquire()?.ownerDied, true);
    for (const each of [newcomer, next]) heap.registry.declareDead(each.self);
  });

  test("is passed over while something that may name its workers is busy", () => {
    const semaphore = new Semaphore(1);
    const { heap, at } = insides(semaphore);
    const inside = another().self;
    const id = worn(({ self }) => {
      semaphore.tryAcquire()!.handOff(self);
    });
    heap.words[at] = inside;
    const newcomer = another();
    assert.notEqual(newcomer.self, id);
    assert.equal(heap.words[heap.registry.recordOf(id) + RECORD.id], id);
    heap.words[at] = 0;
    heap.registry.reap(true);
    assert.equal(heap.words[heap.registry.recordOf(id) + RECORD.id], 0);
    assert.equal(semaphore.tryAcquire()?.ownerDied, true);
    for (const each of [inside, newcomer.self]) heap.registry.declareDead(each);
  });

  test("a worker that died inside a mutex still has died there", () => {
    const objects = [new Queue(), new SharedMap(), new SharedList(), new Semaphore(1), new RWLock(), new Barrier(2)];
    const heap = threadHeap();
    worn(({ self }) => {
      for (const object of objects) heap.words[insides(object).at] = self;
      heap.words[HEADER.namesGuard] = self;
    });
    const newcomer = another();
    void newcomer.self;
    for (const object of objects) assert.equal(heap.words[insides(object).at], GHOST);
    assert.equal(heap.words[HEADER.namesGuard], GHOST);
    const [queue, map, list] = objects as [Queue<number>, SharedMap<number>, SharedList<number>];
    queue.putSync(1);
    map.set("a", 1);
    list.push(1);
    assert.deepEqual([queue.getSync(), map.get("a"), list.length], [1, 1, 1]);
    SharedMemory.create("a name after one died in the guard", 8).free();
    heap.registry.declareDead(newcomer.self);
  });

  test("the end of a pipe that a dead worker had is gone", async () => {
    const [here, there] = createPipe<number>();
    const { heap } = insides(here);
    const pipe = heap.words[insides(there).at]!;
    const side = heap.words[insides(there).at + 1]!;
    const id = worn(({ self }) => {
      heap.words[pipe + side] = self;
    });
    const others = [another(), another()];
    assert.ok(others.some(({ self }) => self !== id));
    assert.equal(heap.words[pipe + side], GHOST);
    await assert.rejects(here.recv(), { name: "ConnectionClosedError" });
    for (const { self } of others) heap.registry.declareDead(self);
  });
});

test("no two kinds have one number", () => {
  assert.equal(new Set(Object.values(KIND)).size, Object.keys(KIND).length);
});

test("every kind of object says which of its words name workers, or that none does", () => {
  /** Whose words are values, counts, places and flags only. */
  const nobody = "plain extent condition event countDownLatch value sharedArray struct sharedMemory connection".split(
    " ",
  );
  const unknown = Object.entries(KIND).filter(([name, kind]) => namesKnown(kind) === nobody.includes(name));
  assert.deepEqual(unknown, [], "register its words by onNames, next to its destroyer, or list it here");
});
