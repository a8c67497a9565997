/**
 * One wrong word in memory that workers share, and what becomes of those who wait for a worker's end. Real threads and
 * processes; nothing is caught that nobody could hear.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Event, Lock, Process, Queue, Thread, ThreadPool, ProcessPool, type Task } from "allcores";
import { ARENA, HEADER, RECORD } from "../../src/memory/layout.js";
import { KIND } from "../kinds.js";
import type { Heap } from "../../src/memory/index.js";
import "../../src/parking/index.js";
import * as tasks from "../fixtures/spoilt-tasks.js";
import { timeLimit } from "../time-limit.js";

const uncaught: unknown[] = [];
const warnings: Error[] = [];
process.on("uncaughtException", (error) => uncaught.push(error));
process.on("unhandledRejection", (error) => uncaught.push(error));
process.on("warning", (warning) => warnings.push(warning));
after(() => assert.deepEqual(uncaught, []));

const heapAcross = (across: "threads" | "processes") => (new Queue({ across }) as unknown as { heap: Heap }).heap;

/** Where the completion of the one worker stands that runs. */
function completionOf(heap: Heap): number {
  const found = heap.allocator.objects().filter(({ kind, at }) => kind === KIND.completion && heap.words[at] === 0);
  assert.equal(found.length, 1);
  return found[0]!.at;
}

for (const [Worker, across] of [
  [Thread, "threads"],
  [Process, "processes"],
] as const) {
  describe(`one wrong word, ${across}`, () => {
    const begun = async () => {
      const heap = heapAcross(across);
      const [here, there] = [new Event({ across }), new Event({ across })];
      const lock = new Lock({ across });
      const worker = (Worker.start as typeof Thread.start)(tasks.holdAndWait, lock, here, there);
      await here.wait({ timeout: timeLimit(20_000) });
      const record = heap.registry.recordOf(worker.worker!);
      return { heap, worker, record, lock, there, completion: completionOf(heap) };
    };
    const died = { code: "ERR_ALLCORES_WORKER_DIED" };

    for (const [what, offset] of [
      ["the ledger of what it holds", RECORD.references],
      ["its further places in the line", RECORD.moreNodes],
    ] as const) {
      for (const value of across === "threads" ? [-1, 0x7fffffff, 70_001] : [70_001]) {
        test(`a worker whose link to ${what} is wrong (${value}): its end is told, its lock passes on, and no exception is uncaught`, async () => {
          const { heap, worker, record, lock } = await begun();
          heap.words[record + offset] = value;
          worker.kill();
          await assert.rejects(worker.join({ timeout: timeLimit(20_000) }), died);
          const held = await lock.acquire({ timeout: timeLimit(20_000) });
          assert.ok(held.ownerDied);
          held[Symbol.dispose]();
          // Others go on, in the same slot too.
          assert.equal(await (Worker.start as typeof Thread.start)(tasks.add, 1, 2).join(), 3);
        });
      }
    }

    test("an error out of a sweep is told once", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      const told = warnings
        .filter(({ name }) => name === "AllcoresWarning")
        .map(({ message }) => message.split(" failed")[0]);
      assert.equal(new Set(told).size, told.length);
      assert.ok(told.length >= 1);
    });

    test("a completion that names this very worker: it is not taken for dead, and join settles", async () => {
      const { heap, worker, completion } = await begun();
      heap.words[completion + 1] = heap.self;
      worker.kill();
      await assert.rejects(worker.join({ timeout: timeLimit(20_000) }), died);
      assert.ok(heap.registry.isAlive(heap.self));
    });

    test("the same with joinSync, whose loop stands still", async () => {
      const { heap, worker, completion } = await begun();
      heap.words[completion + 1] = heap.self;
      worker.kill();
      assert.throws(() => worker.joinSync({ timeout: timeLimit(20_000) }), died);
    });

    test("a completion whose state is none: join settles with an error of ours", async () => {
      const { heap, worker, completion } = await begun();
      heap.words[completion] = 77;
      await assert.rejects(worker.join({ timeout: timeLimit(20_000) }), { code: "ERR_ALLCORES_CORRUPT" });
      worker.kill();
    });

    test("a result that is no block: join settles with an error of ours, or with the value that came beside it", async () => {
      const { heap, worker, completion, there } = await begun();
      const joined = worker.join({ timeout: timeLimit(20_000) });
      there.set();
      if (across === "threads") {
        assert.equal(await joined, "done");
        return;
      }
      while (heap.words[completion] === 0) await new Promise((resolve) => setImmediate(resolve));
      heap.words[completion + 3] = 70_001;
      const end = await joined.then(
        (value) => value,
        (error: { code: string }) => error.code,
      );
      // Whoever joins may have been faster.
      assert.ok(end === "ERR_ALLCORES_CORRUPT" || end === "done", String(end));
    });
  });
}

test("an address in shared memory is asked of the kernel before it is followed", async () => {
  const heap = heapAcross("threads");
  heapAcross("processes");
  const arena = heap.words[HEADER.arenas]!;
  for (const [word, value] of [
    [ARENA.addressLow, 0x1000],
    [ARENA.addressHigh, 0],
    [ARENA.descriptor, 1],
    [ARENA.descriptor, 99_999],
    [ARENA.heapId, 5],
    [ARENA.next, 70_001],
  ] as const) {
    const before = heap.words[arena + word]!;
    heap.words[arena + word] = value;
    const end = await Thread.start(tasks.lockAcrossProcesses)
      .join({ timeout: timeLimit(20_000) })
      .catch((error: { code: string }) => error.code);
    heap.words[arena + word] = before;
    assert.ok(end === "value" || end === "ERR_ALLCORES_CORRUPT", `${word}: ${end}`);
  }
  assert.equal(await Thread.start(tasks.lockAcrossProcesses).join(), "value");
});

for (const [Pool, across] of [
  [ThreadPool, "threads"],
  [ProcessPool, "processes"],
] as const) {
  describe(`a wrong word of a pool's lane, ${across}`, () => {
    /**
     * Each word of the lane's head in turn, while a task runs that waits: the pool then comes to an end of each task,
     * by a value or an error.
     */
    for (const value of across === "threads" ? [0, -1] : [4097]) {
      test(`set to ${value}: every task ends`, { timeout: timeLimit(120_000) }, async () => {
        const heap = heapAcross(across);
        for (const word of [0, 1, 2, 8, 9, 16, 17, 18, 19, 20, 21, 32]) {
          const pool = new Pool({ workers: 1 });
          const [here, there] = [new Event({ across }), new Event({ across })];
          const first = pool.submit(tasks.waitFor as Task<typeof tasks.waitFor>, here, there);
          await here.wait({ timeout: timeLimit(20_000) });
          const lane = heap.allocator.objects().findLast(({ kind }) => kind === KIND.lane)!.at;
          heap.words[lane + word] = value;
          there.set();
          for (const future of [first, pool.submit(tasks.add, 1, 2)]) {
            const end = await future.then(String, (error: { code?: string }) => error.code ?? String(error));
            assert.match(end, /^(done|3|ERR_ALLCORES_\w+)$/, `word ${word}`);
          }
          pool.terminate();
          await pool.join();
        }
      });
    }
  });
}
