/**
 * Nothing left behind: shared objects in what was given to a worker that never took it, and in what is freed unread.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import {
  Barrier,
  Condition,
  type Connection,
  createPipe,
  Event,
  LifoQueue,
  Lock,
  PriorityQueue,
  Process,
  ProcessPool,
  Queue,
  RLock,
  RWLock,
  Semaphore,
  SharedArray,
  SharedList,
  SharedMap,
  SharedMemory,
  Struct,
  type Task,
  taskModule,
  Thread,
  ThreadPool,
  Value,
} from "allcores";
import { processHeap, threadHeap } from "../../src/memory/index.js";
import "../../src/parking/index.js";
import { KIND } from "../kinds.js";
import { until } from "../fixtures/pool-processes.js";
import { keepsBusy, taking } from "../fixtures/taking-task.js";
import { timeLimit } from "../time-limit.js";

const folder = mkdtempSync(join(tmpdir(), "allcores-untaken-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Freed {
  free(): void;
}

/** One of each kind of shared object, some twice and within each other. */
function objects(across: "threads" | "processes"): (Freed & object)[] {
  const reach = { across };
  const lock = new RLock(reach);
  const memory = new SharedMemory(4 * 2 ** 20, reach);
  const queue = new Queue<unknown>(reach);
  // Within an object that is itself given away.
  queue.putSync([memory, { memory }]);
  return [
    memory,
    queue,
    lock,
    new Lock(reach),
    new Condition(lock, reach),
    new Semaphore(1, reach),
    new Event(reach),
    new Barrier(2, reach),
    new RWLock(reach),
    new Value("int32", 0, reach),
    new SharedArray("int32", 100, reach),
    new Struct({ a: "int32" }, undefined, reach),
    new SharedMap(reach),
    new SharedList(reach),
    new LifoQueue(reach),
    new PriorityQueue(reach),
  ];
}

function free(given: readonly Freed[]): void {
  for (const each of given) each.free();
}

const missing = taskModule<{ use(...given: unknown[]): void }>(
  new URL("./there-is-no-such-module.js", import.meta.url),
).use;
const slow = taskModule<{ use(...given: unknown[]): void }>(new URL("../fixtures/slow-module.js", import.meta.url)).use;

for (const across of ["threads", "processes"] as const) {
  const heap = () => (across === "threads" ? threadHeap() : processHeap());
  const Worker = across === "threads" ? Thread : Process;
  const Pool = across === "threads" ? ThreadPool : ProcessPool;
  /** How many objects of each kind stand in the heap, but for those that a pool and its workers need. */
  const inUse = () => {
    const counts = new Map<number, number>();
    for (const { kind } of heap().allocator.objects())
      if (kind !== KIND.completion && kind !== KIND.lane) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return [...counts].sort(([a], [b]) => a - b);
  };

  describe(`shared objects across ${across} that nobody took are let go of`, { timeout: timeLimit(60_000) }, () => {
    const nothingIsLeft = async () => {
      for (
        const end = performance.now() + timeLimit(20_000);
        performance.now() < end;
        await new Promise((resolve) => setTimeout(resolve, 5))
      )
        if (inUse().length === 0) return;
      assert.deepEqual(inUse(), []);
    };

    for (const order of ["before", "after"] as const) {
      test(`arguments, bound ones too, of a worker that is killed at its start, freed ${order} its end`, async () => {
        for (let round = 0; round < 3; round++) {
          const given = objects(across);
          const worker = Worker.start(taking.partial(given[0]) as Task<typeof taking>, ...given.slice(1));
          if (order === "before") free(given);
          worker.kill();
          await worker.join().catch(() => {});
          if (order === "after") free(given);
          await nothingIsLeft();
        }
      });

      test(`arguments of a task that cannot be loaded, freed ${order} its end`, async () => {
        const given = objects(across);
        const worker = Worker.start(missing, ...given);
        if (order === "before") free(given);
        await assert.rejects(worker.join(), { code: "ERR_ALLCORES_TASK_LOAD" });
        if (order === "after") free(given);
        await nothingIsLeft();
      });

      test(`arguments of a pool's task that cannot be loaded, freed ${order} its end`, async () => {
        await using pool = new Pool({ workers: 1 });
        await pool.submit(taking);
        const given = objects(across);
        const end = pool.submit(missing, ...given);
        if (order === "before") free(given);
        await assert.rejects(end, { code: "ERR_ALLCORES_TASK_LOAD" });
        if (order === "after") free(given);
        await nothingIsLeft();
      });
    }

    test("arguments that were taken are the worker's, and go with it", async () => {
      const given = objects(across);
      assert.equal(await Worker.start(taking, ...given).join(), "taken");
      free(given);
      await nothingIsLeft();
    });

    test("jobs of a pool that wait and are called off, or wait when it is terminated", async () => {
      const pool = new Pool({ workers: 1, killGrace: 0 });
      const begun = new Event({ across });
      const busy = pool.submit(keepsBusy, begun);
      await begun.wait();
      const given = objects(across);
      const calls = [1, 2, 3, 4].map(() => pool.submit(taking, ...given));
      free(given);
      calls[3]!.cancel();
      pool.terminate();
      await Promise.allSettled([busy, ...calls]);
      await pool.join();
      begun.free();
      await nothingIsLeft();
    });

    test("what lies in a queue or a pipe that is freed unread", async () => {
      const given = objects(across);
      for (const queue of [new Queue({ across }), new LifoQueue({ across }), new PriorityQueue({ across })]) {
        queue.putSync([1, given]);
        queue.putSync([2, given, "x".repeat(10_000)]);
        queue.free();
      }
      const [reader, writer] = createPipe<unknown>({ across }) as [Connection, Connection];
      writer.sendSync(given);
      writer.sendSync([given, "x".repeat(10_000)]);
      for (const end of [writer, reader]) {
        end.close();
        end.free();
      }
      const shut = new Queue({ across });
      shut.putSync(given);
      shut.shutdown({ immediate: true });
      shut.free();
      free(given);
      await nothingIsLeft();
    });

    test("what was not put, since its time ran out", async () => {
      const given = objects(across);
      const full = new Queue({ across, maxSize: 1 });
      full.putSync(1);
      const put = full.put(given, { timeout: 1 });
      free(given);
      await assert.rejects(put, { code: "ERR_ALLCORES_TIMEOUT" });
      full.free();
      await nothingIsLeft();
    });
  });
}

describe("shared objects given to a pool's process that is killed", { timeout: timeLimit(60_000) }, () => {
  const file = join(folder, "loading");
  const isLoading = () => existsSync(file) && statSync(file).size > 0;
  afterEach(() => rmSync(file, { force: true }));
  process.env.ALLCORES_SLOW_MODULE = file;
  const memories = () =>
    processHeap()
      .allocator.objects()
      .filter(({ kind }) => kind === KIND.sharedMemory).length;

  for (const what of ["small", "stored beside its record"])
    test(`while it loads its task's module (a job that is ${what}) are let go of`, async () => {
      const pool = new ProcessPool({ workers: 1 });
      const before = memories();
      const memory = new SharedMemory(4 * 2 ** 20, { across: "processes" });
      const end = pool.submit(slow, memory, what === "small" ? "" : "x".repeat(100_000));
      memory.free();
      await until(isLoading);
      process.kill(pool.stats().perWorker[0]!.pid!, "SIGKILL");
      await assert.rejects(end, { code: "ERR_ALLCORES_WORKER_DIED" });
      pool.terminate();
      await pool.join();
      await until(() => memories() === before);
    });

  test("while it loads its initializer's module are let go of", async () => {
    const before = memories();
    const memory = new SharedMemory(4 * 2 ** 20, { across: "processes" });
    const pool = new ProcessPool({ workers: 1, initializer: slow, initArgs: [memory] });
    pool.submit(taking).catch(() => {});
    await until(isLoading);
    process.kill(pool.stats().perWorker[0]!.pid!, "SIGKILL");
    await until(() => pool.stats().perWorker[0]?.pid === undefined || pool.stats().died > 0);
    pool.terminate();
    await pool.join();
    memory.free();
    await until(() => memories() === before);
  });
});
