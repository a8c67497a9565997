/**
 * A semaphore's permits come back when their holder dies, and not when it ends normally: whoever asks, and however
 * late.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import {
  BoundedSemaphore,
  Event,
  type Held,
  Process,
  ProcessPool,
  Semaphore,
  SharedList,
  sleep,
  Thread,
  ThreadPool,
} from "allcores";
import { type Heap, RECORD, threadHeap } from "../../src/memory/index.js";
import { STATE_MASK, VACANT } from "../../src/memory/layout.js";
import { ThreadHeap } from "../../src/memory/thread-heap.js";
import "../../src/parking/index.js";
import * as tasks from "../fixtures/permit-tasks.js";
import { timeLimit } from "../time-limit.js";

/** The heap and the place of an object: what tests look at is not for users. */
const insides = (semaphore: Semaphore): { heap: Heap; at: number; words: Int32Array } =>
  semaphore as unknown as { heap: Heap; at: number; words: Int32Array };

async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + timeLimit(10_000); !condition(); await sleep(1))
    assert.ok(performance.now() < end, `never came true: ${condition}`);
}

/** Nobody names the worker any more: its record was swept. */
async function swept(semaphore: Semaphore, worker: number): Promise<void> {
  const { heap } = insides(semaphore);
  await until(() => {
    heap.registry.reap(true);
    const state = heap.words[heap.registry.recordOf(worker) + RECORD.state]!;
    return state >>> 3 !== worker || (state & STATE_MASK) === VACANT;
  });
}

/** All permits that can be had, given back. */
function permitsOf(semaphore: Semaphore): { count: number; ownerDied: boolean } {
  const held: Held[] = [];
  for (let permit = semaphore.tryAcquire(); permit !== undefined; permit = semaphore.tryAcquire()) held.push(permit);
  const ownerDied = held.some((permit) => permit.ownerDied);
  if (ownerDied) semaphore.consistent();
  for (const permit of held) permit[Symbol.dispose]();
  return { count: held.length, ownerDied };
}

const USED_UP = { count: 0, ownerDied: false };
const CAME_BACK = { count: 1, ownerDied: true };

for (const across of ["threads", "processes"] as const) {
  const Worker = across === "threads" ? Thread : Process;
  const Pool = across === "threads" ? ThreadPool : ProcessPool;
  const start = (task: unknown, ...args: unknown[]): Thread | Process =>
    new Worker(task as never, { args: args as never, daemon: true }).start() as never;
  const made = (Class: typeof Semaphore, value: number, options: object = {}) =>
    new Class(value, { across, ...options });

  describe(`across ${across}`, { timeout: timeLimit(100_000), concurrency: 4 }, () => {
    for (const Class of [Semaphore, BoundedSemaphore]) {
      const normally = {
        "its task returned": tasks.take,
        "its task threw": tasks.takeAndThrow,
        "process.exit": tasks.takeAndExit,
      };
      for (const [how, task] of Object.entries({
        ...normally,
        "process.exit after an error that was caught": tasks.takeAndRecover,
      })) {
        test(`${Class.name}: a worker that ends normally has used its permits up: ${how}`, async () => {
          const semaphore = made(Class, 1);
          const worker = start(task, semaphore);
          await worker.join().catch(() => {});
          assert.deepEqual(permitsOf(semaphore), USED_UP);
          await swept(semaphore, worker.worker!);
          // Its slot is another's.
          const [begun, end] = [new Event({ across }), new Event({ across })];
          const successor = start(tasks.stay, begun, end);
          await begun.wait();
          assert.deepEqual(permitsOf(semaphore), USED_UP);
          semaphore.release();
          assert.deepEqual(permitsOf(semaphore), { count: 1, ownerDied: false });
          if (semaphore instanceof BoundedSemaphore)
            assert.throws(() => semaphore.release(), { code: "ERR_ALLCORES_RELEASED_TOO_OFTEN" });
          end.set();
          await successor.join();
        });
      }

      const deaths: Record<string, (semaphore: Semaphore) => Promise<Thread | Process>> = {
        "an uncaught exception": async (semaphore) => start(tasks.takeAndCrash, semaphore),
        terminated: async (semaphore) => struck(semaphore, (worker) => worker.terminate()),
        killed: async (semaphore) => struck(semaphore, (worker) => worker.kill()),
      };
      const struck = async (semaphore: Semaphore, strike: (worker: Thread | Process) => void) => {
        const taken = new Event({ across });
        const worker = start(tasks.takeAndStay, semaphore, taken);
        await taken.wait();
        strike(worker);
        return worker;
      };
      for (const [how, die] of Object.entries(deaths)) {
        test(`${Class.name}: a worker that dies gives them back, marked ownerDied: ${how}`, async () => {
          const semaphore = made(Class, 1);
          const worker = await die(semaphore);
          await worker.join().catch(() => {});
          await swept(semaphore, worker.worker!);
          assert.deepEqual(permitsOf(semaphore), CAME_BACK);
          assert.deepEqual(permitsOf(semaphore), { count: 1, ownerDied: false });
        });
      }

      test(`${Class.name}: { onOwnerDeath: "keep" } gives nothing back`, async () => {
        const semaphore = made(Class, 1, { onOwnerDeath: "keep" });
        const worker = await deaths.killed!(semaphore);
        await worker.join().catch(() => {});
        await swept(semaphore, worker.worker!);
        assert.deepEqual(permitsOf(semaphore), USED_UP);
        semaphore.release();
        assert.deepEqual(permitsOf(semaphore), { count: 1, ownerDied: false });
      });
    }

    for (const [what, task] of [
      ["was collected", tasks.takeAndForget],
      ["was freed", tasks.takeAndFree],
    ] as const) {
      for (const dies of [false, true]) {
        test(`also for permits whose wrapper ${what}: the worker ${dies ? "is killed" : "ends normally"}`, async () => {
          const semaphore = made(Semaphore, 1);
          const [taken, ends] = [new Event({ across }), new Event({ across })];
          const worker = start(task, what === "was collected" ? [semaphore] : semaphore, taken, ends);
          await taken.wait();
          if (dies) worker.kill();
          else ends.set();
          await worker.join().catch(() => {});
          await swept(semaphore, worker.worker!);
          assert.deepEqual(permitsOf(semaphore), dies ? CAME_BACK : USED_UP);
        });
      }
    }

    for (const dies of [false, true]) {
      test(`a permit that was handed to a worker which never saw the semaphore: it ${dies ? "is killed" : "ends normally"}`, async () => {
        const semaphore = made(Semaphore, 1);
        const [begun, ends] = [new Event({ across }), new Event({ across })];
        const heir = start(tasks.stay, begun, ends);
        await begun.wait();
        semaphore.tryAcquire()!.handOff(heir.worker!);
        assert.equal(semaphore.tryAcquire(), undefined);
        if (dies) heir.kill();
        else ends.set();
        await heir.join().catch(() => {});
        await swept(semaphore, heir.worker!);
        assert.deepEqual(permitsOf(semaphore), dies ? CAME_BACK : USED_UP);
      });
    }

    describe("in a pool", () => {
      const pools: ThreadPool[] = [];
      const pool = (options: object = {}): ThreadPool => {
        const made = new Pool({ workers: 1, ...options }) as ThreadPool;
        pools.push(made);
        return made;
      };
      after(() => Promise.all(pools.map((each) => each.terminate())));
      const workerIdIn = (in_: ThreadPool, semaphore: Semaphore): Promise<number> =>
        in_.submit(tasks.workerIdOf, semaphore) as unknown as Promise<number>;

      for (const [how, task] of [
        ["a value", tasks.take],
        ["an error", tasks.takeAndThrow],
      ] as const) {
        test(`what a task took and did not give back is used up when that task settles with ${how}: a later death gives nothing of it back`, async () => {
          const semaphore = made(Semaphore, 3);
          const one = pool();
          await one.submit(task, semaphore).catch(() => {});
          assert.equal(permitsOf(semaphore).count, 2);
          const worker = await workerIdIn(one, semaphore);
          const taken = new Event({ across });
          const hand = one.submit(tasks.takeAndStay, semaphore, taken);
          hand.catch(() => {});
          await taken.wait();
          assert.equal(permitsOf(semaphore).count, 1);
          // A later death gives back only what the running task took.
          await one.terminate();
          await swept(semaphore, worker);
          const [first, second] = [semaphore.tryAcquire(), semaphore.tryAcquire()];
          assert.ok(first !== undefined && second !== undefined);
          assert.equal(semaphore.tryAcquire(), undefined);
        });
      }

      test("each item of a chunk is a task of its own", async () => {
        const semaphore = made(Semaphore, 10);
        const one = pool();
        const worker = await workerIdIn(one, semaphore);
        const results = await one.map(tasks.takeItem.partial(semaphore), [1, 2, 3, 4], { chunkSize: 4 } as never);
        assert.deepEqual([...results], [1, 2, 3, 4]);
        await one.terminate();
        await swept(semaphore, worker);
        assert.deepEqual(permitsOf(semaphore), { count: 6, ownerDied: false });
      });

      test("the initializer is one", async () => {
        const semaphore = made(Semaphore, 2);
        const one = pool({ initializer: tasks.take, initArgs: [semaphore] });
        const worker = await workerIdIn(one, semaphore);
        await one.terminate();
        await swept(semaphore, worker);
        assert.deepEqual(permitsOf(semaphore), { count: 1, ownerDied: false });
      });

      test("a worker that its pool let go has used up what it had", async () => {
        const semaphore = made(Semaphore, 2);
        const one = pool();
        const worker = await workerIdIn(one, semaphore);
        await one.submit(tasks.take, semaphore);
        await one.close();
        await swept(semaphore, worker);
        assert.deepEqual(permitsOf(semaphore), { count: 1, ownerDied: false });
      });

      test("process.exit in a task uses up what it took", async () => {
        const semaphore = made(Semaphore, 2);
        const one = pool();
        const worker = await workerIdIn(one, semaphore);
        await one.submit(tasks.takeAndExit, semaphore).catch(() => {});
        await swept(semaphore, worker);
        assert.deepEqual(permitsOf(semaphore), { count: 1, ownerDied: false });
      });

      test("what was handed to a worker of a pool is used up when its task settles", async () => {
        const semaphore = made(Semaphore, 2);
        const one = pool();
        const worker = await workerIdIn(one, semaphore);
        await new Promise<void>((resolve) => {
          semaphore.tryAcquire()!.handOff(worker);
          resolve();
        });
        const other = made(Semaphore, 1);
        await workerIdIn(one, other);
        await one.terminate();
        await swept(semaphore, worker);
        assert.deepEqual(permitsOf(semaphore), { count: 1, ownerDied: false });
      });

      test("a hold that is disposed after its task has settled gives its own permit back, and none of the next task's", async () => {
        const semaphore = made(Semaphore, 2);
        const one = pool();
        await one.submit(tasks.takeAndKeep, semaphore);
        assert.equal(permitsOf(semaphore).count, 1);
        await one.submit(tasks.disposeKept);
        assert.equal(permitsOf(semaphore).count, 2);
        await one.submit(tasks.disposeKept);
        assert.equal(permitsOf(semaphore).count, 2);
      });
    });

    test("two signals let two of three threads go on, and none is left", async () => {
      const signals = made(Semaphore, 0);
      const workers = [1, 2, 3].map(() => start(tasks.take, signals));
      signals.release(2);
      await until(() => workers.filter((each) => !each.isAlive).length === 2);
      for (const each of workers.filter((each) => !each.isAlive)) await swept(signals, each.worker!);
      assert.equal(signals.tryAcquire(), undefined);
      assert.equal(workers.filter((each) => !each.isAlive).length, 2);
      signals.release();
      await Promise.all(workers.map((each) => each.join()));
    });

    test("the textbook's bounded buffer of two holds two", async () => {
      const [room, items] = [made(Semaphore, 2), made(Semaphore, 0)];
      const buffer = new SharedList<number>({ across });
      const workers = [1, 2, 3, 4, 5].map(() => start(tasks.produce, buffer, room, items));
      await until(() => workers.filter((each) => !each.isAlive).length === 2);
      for (const each of workers.filter((each) => !each.isAlive)) await swept(room, each.worker!);
      assert.equal(room.tryAcquire(), undefined);
      assert.equal(buffer.length, 2);
      for (let consumed = 0; consumed < 5; consumed++) {
        await items.acquire();
        assert.ok(buffer.length <= 2);
        buffer.pop();
        room.release();
      }
      await Promise.all(workers.map((each) => each.join()));
    });
  });
}

test("four threads that each keep what they hold: the killed ones' permits come back, the others' do not", {
  timeout: timeLimit(60_000),
}, async () => {
  const semaphore = new Semaphore(4);
  const [begun, ends] = [new Event(), new Event()];
  const workers = [1, 2, 3, 4].map(() => Thread.start(tasks.takeAndFree, semaphore, begun, ends));
  await until(() => semaphore.value === 0);
  for (const each of workers.slice(0, 2)) {
    each.kill();
    await each.join().catch(() => {});
  }
  ends.set();
  await Promise.all(workers.slice(2).map((each) => each.join()));
  for (const each of workers) await swept(semaphore, each.worker!);
  assert.equal(permitsOf(semaphore).count, 2);
});

test("onOwnerDeath of a semaphore is report or keep", () => {
  for (const Class of [Semaphore, BoundedSemaphore])
    assert.throws(() => new Class(1, { onOwnerDeath: "error" } as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
});

describe("a normal end that was cut off", () => {
  /** Another worker of the same heap, which is this very thread: dead is what is declared dead. */
  const another = (): ThreadHeap => new ThreadHeap(threadHeap().buffers);

  /** A worker that has a permit of the semaphore and has said that it ends. */
  function ending(semaphore: Semaphore): ThreadHeap {
    const worker = another();
    semaphore.tryAcquire()!.handOff(worker.self);
    worker.words[worker.record + RECORD.ended] = 1;
    return worker;
  }

  test("before the sweep, who asks finds the permit used up", () => {
    const semaphore = new Semaphore(1);
    const { heap } = insides(semaphore);
    const worker = ending(semaphore);
    heap.registry.markDead(worker.self);
    // A sweeper that runs, and has not come to it.
    heap.words[worker.record + RECORD.sweeper] = another().self;
    assert.equal(semaphore.tryAcquire(), undefined);
    assert.notEqual(heap.words[worker.record + RECORD.state]! & STATE_MASK, VACANT);
    heap.words[worker.record + RECORD.sweeper] = 0;
    heap.registry.reap(true);
    assert.deepEqual(permitsOf(semaphore), USED_UP);
    assert.equal(insides(semaphore).words[insides(semaphore).at + 2], 0, "there are no permits any more");
  });

  test("a sweep that finds the semaphore busy leaves the record as it is, and is made again", () => {
    const semaphore = new Semaphore(1);
    const { heap, at } = insides(semaphore);
    const worker = ending(semaphore);
    const inside = another();
    heap.words[at] = inside.self;
    heap.registry.declareDead(worker.self);
    assert.equal(heap.registry.isAlive(worker.self), false);
    assert.notEqual(heap.words[worker.record + RECORD.state]! & STATE_MASK, VACANT);
    heap.words[at] = 0;
    heap.registry.reap(true);
    assert.equal(heap.words[worker.record + RECORD.state]! & STATE_MASK, VACANT);
    assert.deepEqual(permitsOf(semaphore), USED_UP);
    heap.registry.declareDead(inside.self);
  });
});

test("signals that a worker has taken, and nobody will give back, never use up the room that there is for permits", () => {
  const semaphore = new Semaphore(0);
  const { words, at, heap } = insides(semaphore);
  const taker = new ThreadHeap(threadHeap().buffers);
  // As after 2^31 - 1 signals.
  semaphore.release();
  semaphore.tryAcquire()!.handOff(taker.self);
  const most = 0x7fffffff;
  words[at + 2] = most;
  for (let word = at + 6; word < at + 18; word++) if (words[word] === taker.self) words[word + 1] = most;
  semaphore.release();
  assert.equal(semaphore.value, 1);
  assert.equal(permitsOf(semaphore).count, 1);
  heap.registry.declareDead(taker.self);
});
