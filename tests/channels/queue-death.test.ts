/** Producers and consumers killed by SIGKILL wherever they are. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Event, LifoQueue, PriorityQueue, Process, Queue } from "allcores";
import { inForm } from "../form.js";
import { type PatternItem, putForEver, putUntil, takeForEver, tornIn } from "../fixtures/queue-tasks.js";
import { timeLimit } from "../time-limit.js";

const ROUNDS = inForm({ short: 2, whole: 4 });
const across = "processes";
const DIED = { code: "ERR_ALLCORES_WORKER_DIED" };

for (const Class of [Queue, LifoQueue, PriorityQueue])
  describe(`a ${Class.name} whose workers are killed by SIGKILL`, () => {
    test("killed while putting: only whole items, in order, without a gap; the other producer goes on", {
      timeout: timeLimit(60_000),
    }, async () => {
      const queue = new Class<PatternItem>({ across, maxSize: 20 });
      const stop = new Event({ across });
      const living = Process.start(putUntil, queue, "living", stop);
      const next = new Map<string, number>();
      const sums = new Map<string, number>();
      const take = async () => {
        const item = await queue.get();
        const expected = next.get(item.producer) ?? 0;
        if (Class !== LifoQueue) assert.equal(item.index, expected, `${item.producer} goes on`);
        assert.equal(tornIn(item), undefined);
        next.set(item.producer, expected + 1);
        sums.set(item.producer, (sums.get(item.producer) ?? 0) + item.index);
      };
      for (let round = 0; round < ROUNDS; round++) {
        const name = `dead ${round}`;
        const dead = Process.start(putForEver, queue, name);
        // Another number of items each time, so that it dies at another instant.
        while ((next.get(name) ?? 0) < 20 + 37 * round) await take();
        process.kill(dead.pid as number, "SIGKILL");
        let over = false;
        const ended = assert.rejects(dead.join(), DIED).then(() => (over = true));
        while (!over) await take();
        await ended;
        // What it had put before it died is there to the last, and the living one is not held up.
        const before = next.get("living") ?? 0;
        while ((next.get("living") ?? 0) < before + 60) await take();
      }
      stop.set();
      let count: number | undefined;
      const joined = living.join().then((sum) => (count = sum));
      while (count === undefined)
        if (queue.isEmpty) await Promise.race([joined, new Promise((resolve) => setTimeout(resolve, 1))]);
        else await take();
      while (!queue.isEmpty) await take();
      assert.equal(next.get("living"), count);
      assert.equal(next.size, ROUNDS + 1);
      // Whatever the order, it was 0, 1, 2 and so on.
      for (const [producer, taken] of next)
        assert.equal(sums.get(producer), (taken * (taken - 1)) / 2, `items of ${producer} are missing`);
    });

    test("killed while taking: nothing comes twice, what is lost is at most what was in its hands", {
      timeout: timeLimit(60_000),
    }, async () => {
      const queue = new Class<number>({ across });
      const taken = new Queue<number>({ across });
      let put = 0;
      const seen: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const dead = Process.start(takeForEver, queue, taken);
        const target = seen.length + 40 + 23 * round;
        while (seen.length < target) {
          for (let index = 0; index < 10; index++) queue.putSync(put++);
          seen.push(await taken.get());
        }
        process.kill(dead.pid as number, "SIGKILL");
        await assert.rejects(dead.join(), DIED);
        for (let item = taken.tryGet(); item !== undefined; item = taken.tryGet()) seen.push(item.value);
      }
      for (let item = queue.tryGet(); item !== undefined; item = queue.tryGet()) seen.push(item.value);
      if (Class !== LifoQueue)
        assert.deepEqual(
          seen,
          [...seen].sort((a, b) => a - b),
        );
      assert.equal(new Set(seen).size, seen.length);
      assert.ok(put - seen.length <= ROUNDS, `${put - seen.length} items lost by ${ROUNDS} deaths`);
    });

    test("killed while blocked in getSync: others go on and get every item", {
      timeout: timeLimit(60_000),
    }, async () => {
      const queue = new Class<number>({ across });
      const taken = new Queue<number>({ across });
      const dead = [1, 2, 3].map(() => Process.start(takeForEver, queue, taken));
      const died = Promise.all(dead.map((worker) => assert.rejects(worker.join(), DIED)));
      for (let index = 0; index < 30; index++) queue.putSync(index);
      const first = await Promise.all(Array.from({ length: 30 }, () => taken.get()));
      for (const { pid } of dead) process.kill(pid as number, "SIGKILL");
      // Put while nobody may have noticed the deaths.
      for (let index = 30; index < 60; index++) queue.putSync(index);
      const living = Process.start(takeForEver, queue, taken);
      const second = await Promise.all(Array.from({ length: 30 }, () => taken.get()));
      await died;
      living.kill();
      await assert.rejects(living.join());
      assert.deepEqual(
        [...first, ...second].sort((a, b) => a - b),
        Array.from({ length: 60 }, (_, index) => index),
      );
    });
  });
