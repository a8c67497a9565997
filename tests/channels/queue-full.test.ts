/** What a put does that finds no room, where it is not to wait; and what peek does with what can only be taken. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createPipe, LifoQueue, PriorityQueue, Process, Queue, Thread } from "allcores";
import { putTexts } from "../fixtures/queue-tasks.js";
import { timeLimit } from "../time-limit.js";

const SOON = { timeout: timeLimit(20_000) };

for (const across of ["threads", "processes"] as const) {
  describe(`A full queue across ${across}`, () => {
    const latest = (options: object) => new Queue<unknown>({ across, whenFull: "dropOldest", ...options });

    test("drops the oldest, and keeps the rest in order", async () => {
      const queue = latest({ maxSize: 3 });
      for (let item = 1; item <= 100; item++)
        assert.equal(item % 2 === 0 ? queue.putSync(item) : await queue.put(item), true);
      assert.equal(queue.size, 3);
      assert.deepEqual(queue.tryGetUpTo(9), [98, 99, 100]);
      queue.free();
    });

    test("drops as many as the bytes of the new one take, over the borders of chunks", () => {
      const queue = latest({ capacity: 3_000 });
      for (let item = 0; item < 50; item++) queue.putSync(`${item}`.padEnd(400));
      queue.putSync("large".padEnd(2_900));
      assert.deepEqual(
        (queue.tryGetUpTo(9) as string[]).map((text) => text.trim()),
        ["large"],
      );
      assert.throws(() => queue.putSync("x".repeat(4_000)), { code: "ERR_ALLCORES_TOO_LARGE" });
      queue.free();
    });

    test("what was dropped counts as done for join", async () => {
      const queue = latest({ maxSize: 2 });
      for (let item = 1; item <= 9; item++) queue.putSync(item);
      const joined = queue.join(SOON);
      for (const item of [8, 9]) {
        assert.equal(queue.getSync(), item);
        queue.taskDone();
      }
      await joined;
      assert.throws(() => queue.taskDone(), { code: "ERR_ALLCORES_RELEASED_TOO_OFTEN" });
      queue.free();
    });

    test("an end of a pipe in a dropped item is gone", async () => {
      const queue = latest({ maxSize: 1 });
      const [here, there] = createPipe<string>({ across });
      queue.putSync({ there });
      const told = assert.rejects(here.recv(SOON), { code: "ERR_ALLCORES_CONNECTION_CLOSED" });
      queue.putSync(1);
      await told;
      queue.free();
    });

    test("an end of a pipe cannot be looked at, and is there to be taken", () => {
      for (const Class of [Queue, LifoQueue, PriorityQueue]) {
        const queue = new Class<unknown>({ across }) as Queue<unknown>;
        const [here, there] = createPipe<string>({ across });
        for (const bytes of [0, 5_000]) {
          queue.putSync({ end: there, rest: Buffer.alloc(bytes) }, { priority: 0 } as never);
          assert.throws(() => queue.peek(), {
            code: "ERR_ALLCORES_UNSENDABLE",
            message: /Connection is in one message only.*take the value/,
          });
          const { end } = queue.getSync() as { end: typeof there };
          assert.equal(end, there);
        }
        here.close();
        there.close();
        queue.free();
      }
    });

    test("two producers that drop, killed or not: what comes out is whole and in order", SOON, async () => {
      for (let round = 0; round < 3; round++) {
        const queue = latest({ maxSize: 5 }) as Queue<string>;
        const start = (producer: number) =>
          across === "threads" ? Thread.start(putTexts, queue, producer) : Process.start(putTexts, queue, producer);
        const workers = [start(0), start(1)];
        const last = [-1, -1];
        for (let taken = 0; taken < 200; taken++) {
          const [producer, number, rest] = (await queue.get(SOON)).split(" ");
          assert.equal(rest, "x".repeat(Number(number) % 300));
          assert.ok(last[Number(producer)]! < Number(number));
          last[Number(producer)] = Number(number);
          if (taken === 100) workers[0]!.kill();
        }
        workers[1]!.kill();
        await Promise.allSettled(workers.map(async (worker) => worker.join()));
        queue.putSync("the end");
        const left = queue.tryGetUpTo(9)!;
        assert.ok(left.length <= 5 && left.at(-1) === "the end");
        queue.free();
      }
    });
  });
}

test("what makes no sense is refused by name", () => {
  const code = "ERR_ALLCORES_ARGUMENT_TYPE";
  assert.throws(() => new Queue({ maxSize: 1, whenFull: "drop" as never }), {
    code,
    message: /whenFull must be "wait", "dropNewest" or "dropOldest", got drop/,
  });
  assert.throws(() => new Queue({ whenFull: "dropOldest" }), { code, message: /never full: give one of them/ });
  for (const Class of [LifoQueue, PriorityQueue])
    assert.throws(() => new Class({ maxSize: 1, whenFull: "dropOldest" }), {
      code,
      message: /only a Queue gives out its oldest item first/,
    });
  new Queue({ whenFull: "wait" }).free();
  const queue = new Queue<number>();
  queue.putSync(1);
  for (const n of [0, -1, 1.5, Number.NaN])
    assert.throws(() => queue.getUpToSync(n), {
      code: "ERR_ALLCORES_ARGUMENT_RANGE",
      message: /n must be a whole number from 1/,
    });
  assert.throws(() => queue.tryGetUpTo("2" as never), { code });
  assert.equal(queue.size, 1);
  queue.free();
});
