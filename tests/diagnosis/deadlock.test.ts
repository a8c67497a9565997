/** Deadlocks among real threads and processes: who gets an error, who goes on, what is told, and what is none. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Barrier,
  Condition,
  DeadlockError,
  detectDeadlocks,
  Event,
  Lock,
  onDeadlock,
  Queue,
  RLock,
  RWLock,
  Semaphore,
  sleep,
  snapshot,
  ThreadPool,
  TimeoutError,
  WorkerDiedError,
} from "allcores";
import {
  AFTER_MS,
  errorsAmong,
  everything,
  isNeverIdle,
  outcome,
  outcomes,
  Scene,
  until,
  watchOver,
  WHOLE,
} from "../fixtures/deadlock-scene.js";
import * as tasks from "../fixtures/deadlock-tasks.js";
import { nestedTask } from "../fixtures/nested-pool-task.js";
import { waitersOf } from "../fixtures/waiters.js";
import { timeLimit } from "../time-limit.js";

watchOver();

for (const across of ["threads", "processes"] as const) {
  describe(`a deadlock across ${across}`, { concurrency: 5 }, () => {
    test(
      "two that take two RLocks crosswise: one gets an error that names both, the other goes on",
      WHOLE,
      async () => {
        const scene = new Scene();
        const meeting = new Barrier(2, { across });
        const [a, b] = [new RLock({ across, label: "a" }), new RLock({ across, label: "b" })];
        const workers = [
          scene.start(across, tasks.nest, a, b, meeting),
          scene.start(across, tasks.nest, b, a, meeting),
        ];
        const [error, ...others] = errorsAmong(await outcomes(...workers), "both");
        assert.deepEqual(others, []);
        const report = error!.report!;
        assert.equal(report.kind, "cycle");
        assert.equal(report.proven, true);
        assert.deepEqual(
          report.members.map(({ worker }) => worker.name).sort(),
          workers.map(({ name }) => name).sort(),
        );
        for (const { waitsFor, holds, how, since, stack } of report.members) {
          assert.deepEqual([waitsFor.label, ...holds.map(({ label }) => label)].sort(), ["a", "b"]);
          assert.equal(waitsFor.kind, "RLock");
          assert.equal(how, "blocking");
          assert.ok(Date.now() - since! >= AFTER_MS && Date.now() - since! < timeLimit(30_000));
          assert.match(String(stack), /deadlock-tasks/);
        }
        for (const { name } of workers) assert.ok(error!.message.includes(name));
        assert.match(error!.message, /RLock "a"[\s\S]*RLock "b"/);
        assert.ok(report.members.some(({ worker }) => worker.tid === report.victim?.tid));
        await until(() => scene.told().length > 0);
        assert.deepEqual(scene.told(), [report]);
      },
    );

    test("three in a ring", WHOLE, async () => {
      const scene = new Scene();
      const meeting = new Barrier(3, { across });
      const locks = ["a", "b", "c"].map((label) => new RLock({ across, label }));
      const workers = [0, 1, 2].map((n) => scene.start(across, tasks.nest, locks[n]!, locks[(n + 1) % 3]!, meeting));
      const [error, ...others] = errorsAmong(await outcomes(...workers), "both");
      assert.deepEqual(others, []);
      assert.equal(error!.report!.members.length, 3);
    });

    test("a reader that wants to write waits for itself", WHOLE, async () => {
      const scene = new Scene();
      const lock = new RWLock({ across, label: "doc" });
      const [error] = errorsAmong(await outcomes(scene.start(across, tasks.upgrade, lock)), "none");
      const [member, ...others] = error!.report!.members;
      assert.deepEqual(others, []);
      assert.equal(member!.waitsFor.purpose, "writing");
      assert.equal(member!.holds[0]!.label, "doc");
      lock.tryWrite()![Symbol.dispose]();
    });

    test("two that write two RWLocks crosswise", WHOLE, async () => {
      const scene = new Scene();
      const meeting = new Barrier(2, { across });
      const [a, b] = [new RWLock({ across }), new RWLock({ across })];
      const found = await outcomes(
        scene.start(across, tasks.nestWriting, a, b, meeting),
        scene.start(across, tasks.nestWriting, b, a, meeting),
      );
      assert.equal(errorsAmong(found, "both").length, 1);
    });

    test("a reader that reads again behind a writer, which waits for its first reading", WHOLE, async () => {
      const scene = new Scene();
      const lock = new RWLock({ across });
      const [reading, writerWaits] = [new Event({ across }), new Event({ across })];
      const workers = [
        scene.start(across, tasks.readTwice, lock, reading, writerWaits),
        scene.start(across, tasks.write, lock, reading),
      ];
      await until(() => waitersOf(lock, 5) === 1);
      writerWaits.set();
      const found = await outcomes(...workers);
      const errors = found.filter((each) => each instanceof DeadlockError);
      assert.equal(errors.length, 1);
      assert.equal(errors[0]!.report!.members.length, 2);
    });

    test("two that take two Locks crosswise are told of, and wait on: a third may release", WHOLE, async () => {
      const scene = new Scene();
      const meeting = new Barrier(2, { across });
      const [a, b] = [new Lock({ across, label: "a" }), new Lock({ across, label: "b" })];
      const workers = [scene.start(across, tasks.nest, a, b, meeting), scene.start(across, tasks.nest, b, a, meeting)];
      await until(() => scene.told().length > 0);
      assert.equal(scene.told()[0]!.proven, false);
      assert.equal(scene.told()[0]!.victim, undefined);
      assert.equal(scene.told()[0]!.members.length, 2);
      assert.equal(waitersOf(a) + waitersOf(b), 2);
      a.release();
      assert.deepEqual(await outcomes(...workers), ["both", "both"]);
      assert.equal(scene.told().length, 1, "told once");
    });

    test("and so are Semaphores that serve as locks", WHOLE, async () => {
      const scene = new Scene();
      const meeting = new Barrier(2, { across });
      const [a, b] = [new Semaphore(1, { across }), new Semaphore(1, { across })];
      const workers = [scene.start(across, tasks.nest, a, b, meeting), scene.start(across, tasks.nest, b, a, meeting)];
      await until(() => scene.told().length > 0);
      assert.equal(scene.told()[0]!.proven, false);
      a.release();
      assert.deepEqual(await outcomes(...workers), ["both", "both"]);
    });

    test("an Event that nobody else has any more is waited for in vain", WHOLE, async () => {
      const scene = new Scene();
      const event = new Event({ across, label: "go" });
      const worker = scene.start(across, tasks.waitFor, event);
      await until(() => waitersOf(event) === 1);
      // As long as somebody has it, it may still be set.
      await sleep(2 * AFTER_MS);
      assert.deepEqual(scene.told(), []);
      event.free();
      const [error] = errorsAmong(await outcomes(worker), "none");
      assert.equal(error!.report!.kind, "abandoned");
      assert.equal(error!.report!.members[0]!.waitsFor.label, "go");
    });

    test("two Locks that only those two have: nobody is left to release them", WHOLE, async () => {
      const scene = new Scene();
      const meeting = new Barrier(2, { across });
      const [a, b] = [new Lock({ across }), new Lock({ across })];
      const workers = [scene.start(across, tasks.nest, a, b, meeting), scene.start(across, tasks.nest, b, a, meeting)];
      await until(() => waitersOf(a) + waitersOf(b) === 2);
      a.free();
      b.free();
      assert.equal(errorsAmong(await outcomes(...workers), "both").length, 1);
    });

    test("a wait with a timeout is no deadlock", WHOLE, async () => {
      const scene = new Scene();
      const meeting = new Barrier(2, { across });
      const [a, b] = [new RLock({ across }), new RLock({ across })];
      const workers = [
        scene.start(across, tasks.nest, a, b, meeting, 4 * AFTER_MS),
        scene.start(across, tasks.nest, b, a, meeting),
      ];
      const [first, second] = await outcomes(...workers);
      assert.ok(first instanceof TimeoutError);
      assert.equal(second, "both");
      assert.deepEqual(scene.told(), []);
    });

    test("awaiting workers whose loops have nothing else to do are told of", {
      ...WHOLE,
      skip: isNeverIdle(across),
    }, async () => {
      const scene = new Scene();
      const meeting = new Barrier(2, { across });
      const [a, b] = [new RLock({ across, label: "a" }), new RLock({ across, label: "b" })];
      const workers = [
        scene.start(across, tasks.nestAwaiting, a, b, meeting),
        scene.start(across, tasks.nestAwaiting, b, a, meeting),
      ];
      await until(() => scene.told().length > 0);
      assert.equal(scene.told()[0]!.kind, "cycle");
      assert.equal(scene.told()[0]!.proven, false);
      assert.deepEqual(
        scene.told()[0]!.members.map(({ how }) => how),
        ["awaiting", "awaiting"],
      );
      workers[0]!.kill();
      assert.equal((await outcomes(...workers))[1], "both");
    });

    test("a chain that ends at one who is busy is none", WHOLE, async () => {
      const scene = new Scene();
      const [a, b] = [new RLock({ across }), new RLock({ across })];
      const [held, goOn] = [new Event({ across }), new Event({ across })];
      const holder = scene.start(across, tasks.hold, a, held, goOn);
      await held.wait();
      const meeting = new Barrier(1, { across });
      const second = scene.start(across, tasks.nest, b, a, meeting);
      await until(() => waitersOf(a) === 1);
      const third = scene.start(across, tasks.take, b);
      await until(() => waitersOf(b) === 1);
      await sleep(4 * AFTER_MS);
      goOn.set();
      assert.deepEqual(await outcomes(holder, second, third), ["held", "both", "taken"]);
      assert.deepEqual(scene.told(), []);
    });
  });
}

for (const across of ["threads", "processes"] as const) {
  describe(`options, across ${across}`, () => {
    test('with { action: "report" } nobody gets an error', WHOLE, async () => {
      const scene = new Scene();
      detectDeadlocks({ action: "report" });
      const meeting = new Barrier(2, { across });
      const [a, b] = [new RLock({ across }), new RLock({ across })];
      const workers = [scene.start(across, tasks.nest, a, b, meeting), scene.start(across, tasks.nest, b, a, meeting)];
      await until(() => scene.told().length > 0);
      assert.equal(scene.told()[0]!.proven, true);
      assert.equal(scene.told()[0]!.victim, undefined);
      assert.equal(waitersOf(a) + waitersOf(b), 2);
      workers[0]!.kill();
      const [dead, heir] = await outcomes(...workers);
      assert.ok(dead instanceof WorkerDiedError);
      assert.equal(heir, "owner died", "who is left gets the lock of the dead");
      assert.equal(scene.told().length, 1);
    });

    test('with { action: "off" } nobody looks', WHOLE, async () => {
      const scene = new Scene();
      detectDeadlocks({ action: "off" });
      const meeting = new Barrier(2, { across });
      const [a, b] = [new RLock({ across }), new RLock({ across })];
      const workers = [scene.start(across, tasks.nest, a, b, meeting), scene.start(across, tasks.nest, b, a, meeting)];
      await until(() => waitersOf(a) + waitersOf(b) === 2);
      await sleep(4 * AFTER_MS);
      assert.equal(waitersOf(a) + waitersOf(b), 2);
      assert.deepEqual(scene.told(), []);
      for (const worker of workers) worker.kill();
      await outcomes(...workers);
    });
  });
}

describe("a deadlock", { concurrency: 5 }, () => {
  test("through both heaps", WHOLE, async () => {
    const scene = new Scene();
    const meeting = new Barrier(2);
    const [near, far] = [new RLock({ label: "near" }), new RLock({ across: "processes", label: "far" })];
    const workers = [
      scene.start("threads", tasks.nest, near, far, meeting),
      scene.start("threads", tasks.nest, far, near, meeting),
    ];
    const [error, ...others] = errorsAmong(await outcomes(...workers), "both");
    assert.deepEqual(others, []);
    assert.deepEqual(error!.report!.members.map(({ waitsFor }) => waitsFor.across).sort(), ["processes", "threads"]);
  });

  test("of a thread that waits for the end of another, which waits for what it holds", WHOLE, async () => {
    const scene = new Scene();
    assert.equal(await scene.start("threads", tasks.joinNested, new RLock()).join(), "ERR_ALLCORES_DEADLOCK");
  });

  test("never takes the lock of a Condition from one who was notified: the other gets the error", WHOLE, async () => {
    const scene = new Scene();
    const condition = new Condition();
    const [other, waits] = [new RLock(), new Event()];
    const workers = [
      scene.start("threads", tasks.notified, condition, other, waits),
      scene.start("threads", tasks.notifying, condition, other, waits),
    ];
    const [first, second] = await outcomes(...workers);
    assert.equal(first, "notified");
    assert.ok(second instanceof DeadlockError);
  });

  test("at a Barrier that nobody else has breaks it", WHOLE, async () => {
    const scene = new Scene();
    assert.equal(await scene.start("threads", tasks.alone).join(), "ERR_ALLCORES_DEADLOCK true");
  });

  test("of a consumer whose last producer was killed", WHOLE, async () => {
    const scene = new Scene();
    const queue = new Queue<number>({ across: "processes", label: "jobs" });
    const ready = new Event({ across: "processes" });
    const producer = scene.start("processes", tasks.keep, queue, ready);
    await ready.wait();
    const consumer = scene.start("processes", tasks.get, queue);
    await until(() => waitersOf(queue, 2) === 1);
    queue.free();
    await sleep(2 * AFTER_MS);
    assert.deepEqual(scene.told(), []);
    producer.kill();
    await outcome(producer);
    const error = await outcome(consumer);
    assert.ok(error instanceof DeadlockError);
    assert.equal(error.report!.kind, "abandoned");
    assert.match(error.message, /Queue "jobs" \(an item\)/);
  });

  test("is not found while a message in flight still has the object", WHOLE, async () => {
    const scene = new Scene();
    const carrier = new Queue<Event>();
    const event = new Event();
    const worker = scene.start("threads", tasks.waitFor, event);
    await until(() => waitersOf(event) === 1);
    carrier.putSync(event);
    event.free();
    await sleep(3 * AFTER_MS);
    assert.deepEqual(scene.told(), []);
    (await carrier.get()).set();
    await worker.join();
  });

  test("of a pool's tasks that wait for the pool is told of too", WHOLE, async () => {
    await using pool = new ThreadPool({ workers: 1 });
    const error = await pool.submit(nestedTask, pool.handle()).catch((error: unknown) => error);
    assert.ok(error instanceof DeadlockError);
    assert.equal(error.report!.kind, "pool");
    assert.equal(error.report!.members.length, 1);
    const ofPools = () => everything.filter(({ kind }) => kind === "pool");
    await until(() => ofPools().length > 0);
    assert.deepEqual(ofPools(), [error.report]);
  });
});

describe("more options", () => {
  test("remembers where things were created, and where awaiting code waits, when asked to", WHOLE, async () => {
    const scene = new Scene();
    detectDeadlocks({ stacks: true });
    const event = new Event({ label: "go" });
    const worker = scene.start("threads", tasks.waitAwaiting, event);
    const created = scene.start("threads", tasks.alone);
    await created.join();
    await until(() => scene.told().length > 0);
    assert.match(String(scene.told()[0]!.members[0]!.created), /deadlock-tasks/);
    await until(() => snapshot().objects.some(({ label, waiters }) => label === "go" && waiters.length === 1));
    await until(() =>
      snapshot().workers.some(({ waits }) =>
        waits.some(({ label, stack }) => label === "go" && stack?.includes("deadlock-tasks")),
      ),
    );
    event.set();
    await worker.join();
  });

  test("is not seen where there is contention only", WHOLE, async () => {
    const scene = new Scene();
    detectDeadlocks({ after: 1 });
    const [a, b] = [new RLock(), new Lock()];
    const workers = Array.from({ length: 10 }, () => scene.start("threads", tasks.inOrder, a, b, 6));
    assert.deepEqual(await outcomes(...workers), new Array(10).fill(6));
    assert.deepEqual(scene.told(), []);
  });
});

describe("detectDeadlocks", () => {
  for (const [options, error] of [
    [undefined, "ERR_ALLCORES_ARGUMENT_TYPE"],
    [null, "ERR_ALLCORES_ARGUMENT_TYPE"],
    [{ after: "1" }, "ERR_ALLCORES_ARGUMENT_TYPE"],
    [{ after: 0 }, "ERR_ALLCORES_ARGUMENT_RANGE"],
    [{ after: Number.NaN }, "ERR_ALLCORES_ARGUMENT_RANGE"],
    [{ after: Number.POSITIVE_INFINITY }, "ERR_ALLCORES_ARGUMENT_RANGE"],
    [{ action: "explode" }, "ERR_ALLCORES_ARGUMENT_TYPE"],
    [{ print: 1 }, "ERR_ALLCORES_ARGUMENT_TYPE"],
    [{ stacks: "yes" }, "ERR_ALLCORES_ARGUMENT_TYPE"],
  ] as const) {
    test(`refuses ${JSON.stringify(options) ?? "nothing"}`, () =>
      assert.throws(() => detectDeadlocks(options as never), { code: error }));
  }

  test("onDeadlock wants a function", () =>
    assert.throws(() => onDeadlock(1 as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" }));
});
