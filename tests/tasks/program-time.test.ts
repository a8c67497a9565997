/** What awaits goes by the program's timers and clocks, a test's fake ones too; what blocks goes by real time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { timeLimit } from "../time-limit.js";
import {
  after,
  asCompleted,
  AsyncPool,
  Barrier,
  BoundedSemaphore,
  Condition,
  CountDownLatch,
  createPipe,
  Event,
  Lock,
  Process,
  ProcessPool,
  Queue,
  RLock,
  RWLock,
  select,
  selectSync,
  Semaphore,
  SharedMap,
  sleep,
  sleepSync,
  Thread,
  ThreadPool,
  timeout,
  timeoutAt,
  TimeoutError,
  trySelect,
  wait,
  waitFor,
} from "allcores";
import { fakes, loopTurned } from "../fixtures/fake-time.js";
import { advance, fakeAll } from "../fixtures/faking-tasks.js";
import { block } from "../fixtures/pool-tasks.js";

const MS = 1000;
const never = () => new Promise<never>(() => {});

/** What ends when MS have gone by, and how. */
type Ending = "fails" | "gives";
const awaiting: [name: string, ending: Ending, begin: () => PromiseLike<unknown>][] = [
  ["sleep", "gives", () => sleep(MS)],
  ["lock.acquire", "fails", () => held(new Lock()).acquire({ timeout: MS })],
  ["rlock.acquire", "fails", () => held(new RLock()).acquire({ timeout: MS })],
  ["rwlock.read", "fails", () => written(new RWLock()).read({ timeout: MS })],
  ["rwlock.write", "fails", () => written(new RWLock()).write({ timeout: MS })],
  ["semaphore.acquire", "fails", () => new Semaphore(0).acquire({ timeout: MS })],
  ["bounded semaphore.acquire", "fails", () => new BoundedSemaphore(0).acquire({ timeout: MS })],
  ["event.wait", "fails", () => new Event().wait({ timeout: MS })],
  ["count down latch.wait", "fails", () => new CountDownLatch(1).wait({ timeout: MS })],
  ["barrier.wait", "fails", () => new Barrier(2).wait({ timeout: MS })],
  ["barrier.wait, by the barrier's own timeout", "fails", () => new Barrier(2, { timeout: MS }).wait()],
  ["condition.wait", "fails", () => held(new Condition(new Lock())).wait({ timeout: MS })],
  ["condition.waitFor", "fails", () => held(new Condition(new Lock())).waitFor(() => false, { timeout: MS })],
  ["queue.get", "fails", () => new Queue().get({ timeout: MS })],
  ["queue.put", "fails", () => full().put(2, { timeout: MS })],
  ["queue.join", "fails", () => full().join({ timeout: MS })],
  ["connection.recv", "fails", () => createPipe()[0].recv({ timeout: MS })],
  ["connection.poll", "gives", () => createPipe()[0].poll({ timeout: MS })],
  ["select", "fails", () => select({ item: new Queue() }, { timeout: MS })],
  ["select of after", "gives", () => select({ item: new Queue(), late: after(MS) })],
  ["select of nothing but after", "gives", () => select({ late: after(MS) })],
  ["wait", "gives", () => wait([never()], { timeout: MS })],
  ["asCompleted", "fails", () => asCompleted([never()], { timeout: MS }).next()],
  ["waitFor", "fails", () => waitFor(never(), { timeout: MS })],
  ["timeout", "fails", () => timeout(MS, never)],
  ["timeoutAt", "fails", () => timeoutAt(performance.now() + MS, never)],
  ["scope.reschedule", "fails", () => timeout(10 * MS, (scope) => neverAfter(scope.reschedule(MS)))],
  [
    "scope.rescheduleAt(scope.when)",
    "fails",
    () => timeout(10 * MS, (scope) => neverAfter(scope.rescheduleAt(scope.when - 9 * MS))),
  ],
];

const neverAfter = (_done: unknown) => never();

function held<L extends { tryAcquire(): unknown }>(lock: L): L {
  lock.tryAcquire();
  return lock;
}
function written(lock: RWLock): RWLock {
  lock.tryWrite();
  return lock;
}
function full(): Queue<number> {
  const queue = new Queue<number>({ maxSize: 1 });
  queue.tryPut(1);
  return queue;
}

for (const { title, hasClock, turnOn } of fakes) {
  describe(`under the fake timers of ${title}`, { timeout: timeLimit(300_000) }, () => {
    for (const [name, ending, begin] of awaiting) {
      test(`${name} ends when it is advanced by its time, and not before`, async () => {
        const time = turnOn();
        try {
          let how: unknown = "waits";
          const ended = begin().then(
            () => (how = "gives"),
            (error: unknown) => (how = error instanceof TimeoutError ? "fails" : error),
          );
          await loopTurned();
          time.tick(MS - 1);
          await loopTurned();
          assert.equal(how, "waits");
          time.tick(1);
          await ended;
          assert.equal(how, ending);
        } finally {
          time[Symbol.dispose]();
        }
      });
    }

    test("after() runs on from one select to the next, and a select that it ends is no timeout", async () => {
      const time = turnOn();
      try {
        const jobs = new Queue<number>();
        const closing = after(hasClock ? 2 * MS : MS);
        const first = select({ job: jobs, closing });
        time.tick(MS - 1);
        jobs.putSync(1);
        assert.equal((await first).key, "job");
        if (hasClock) assert.equal(trySelect({ job: jobs, closing }), undefined);
        const second = select({ job: jobs, closing });
        time.tick(hasClock ? MS + 1 : MS);
        assert.equal((await second).key, "closing");
        // That it has come stays so.
        assert.equal(trySelect({ job: jobs, closing })?.key, "closing");
      } finally {
        time[Symbol.dispose]();
      }
    });

    if (hasClock) {
      test("a timeout is for all of a waitFor, however often it was notified", async () => {
        const time = turnOn();
        try {
          const condition = new Condition(new Lock());
          condition.tryAcquire();
          let looks = 0;
          const ended = assert.rejects(
            condition.waitFor(() => ++looks > 100, { timeout: MS }),
            TimeoutError,
          );
          time.tick(MS - 1);
          {
            using _ = await condition.acquire();
            condition.notify();
          }
          while (looks < 2) await loopTurned();
          // It waits again.
          await loopTurned();
          time.tick(1);
          await ended;
        } finally {
          time[Symbol.dispose]();
        }
      });
    }

    test("nothing that blocks needs them", () => {
      const time = turnOn();
      try {
        const lock = held(new Lock());
        const condition = held(new Condition(new Lock()));
        const queue = full();
        const [connection] = createPipe();
        const blocking: [string, () => unknown][] = [
          ["rlock", () => written(new RWLock()).readSync({ timeout: 5 })],
          ["semaphore", () => new Semaphore(0).acquireSync({ timeout: 5 })],
          ["event", () => new Event().waitSync({ timeout: 5 })],
          ["count down latch", () => new CountDownLatch(1).waitSync({ timeout: 5 })],
          ["barrier", () => new Barrier(2).waitSync({ timeout: 5 })],
          ["condition", () => condition.waitSync({ timeout: 5 })],
          ["condition.waitForSync", () => condition.waitForSync(() => false, { timeout: 5 })],
          ["get", () => new Queue().getSync({ timeout: 5 })],
          ["put", () => queue.putSync(2, { timeout: 5 })],
          ["join", () => queue.joinSync({ timeout: 5 })],
          ["recv", () => connection.recvSync({ timeout: 5 })],
          ["select", () => selectSync({ item: new Queue() }, { timeout: 5 })],
          ["select before after", () => selectSync({ item: new Queue(), late: after(60_000) }, { timeout: 5 })],
        ];
        for (const [name, block] of blocking) assert.throws(block, TimeoutError, name);
        assert.equal(lock.isLocked, true);
        assert.equal(connection.pollSync({ timeout: 5 }), false);
        assert.equal(selectSync({ item: new Queue(), late: after(5) }).key, "late");
        sleepSync(5);
      } finally {
        time[Symbol.dispose]();
      }
    });

    test("joinSync of a thread, and the ttl of a SharedMap, are real time", async () => {
      const time = turnOn();
      try {
        const go = new Event();
        const thread = Thread.start(block, new Queue<number>(), go, 1);
        assert.throws(() => thread.joinSync({ timeout: 20 }), TimeoutError);
        go.set();
        await thread.join();
        const map = new SharedMap<number>();
        map.set("short", 1, { ttl: 20 });
        while (map.has("short")) await loopTurned();
      } finally {
        time[Symbol.dispose]();
      }
    });

    test("a date that is made meanwhile crosses, and arrives as a date", async () => {
      const time = turnOn();
      try {
        const queue = new Queue<Date>();
        for (const date of [new Date(5), new Date()]) {
          queue.putSync(date);
          const there = queue.getSync();
          assert.ok(there instanceof Date);
          assert.equal(there.getTime(), date.getTime());
        }
      } finally {
        time[Symbol.dispose]();
      }
    });
  });
}

test("a wait that was begun in real time ends in real time, under fake timers too, and the other way round", async () => {
  for (const { turnOn } of fakes) {
    const before = sleep(20);
    const time = turnOn();
    try {
      await before;
      const within = assert.rejects(new Queue().get({ timeout: MS }), TimeoutError);
      time.tick(MS);
      await within;
    } finally {
      time[Symbol.dispose]();
    }
    await sleep(1);
    await assert.rejects(new Queue().get({ timeout: 1 }), TimeoutError);
  }
});

test("a program that has only set the date keeps its timeouts", async () => {
  const before = Date.now;
  Date.now = () => 0;
  try {
    await assert.rejects(new Queue().get({ timeout: 5 }), TimeoutError);
    await sleep(5);
    assert.equal((await select({ late: after(5) })).key, "late");
    const pool = new AsyncPool();
    assert.equal(await pool.with({ retries: { limit: 1, delay: 5 } }).submit(async () => 1), 1);
  } finally {
    Date.now = before;
  }
});

test("a worker whose task has fake timers on goes on taking tasks, and ends", {
  timeout: timeLimit(60_000),
}, async () => {
  for (const how of ["node:test", "sinon"] as const) {
    for (const pool of [new ThreadPool({ workers: 1 }), new ProcessPool({ workers: 1 })]) {
      await using _ = pool;
      await pool.submit(fakeAll, how);
      assert.equal(await pool.submit(advance, how), true);
      assert.deepEqual(await pool.map(advance, [how, how]), [true, true]);
    }
    for (const start of [Thread.start, Process.start] as (typeof Thread.start)[]) await start(fakeAll, how).join();
  }
});
