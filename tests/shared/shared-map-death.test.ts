/** Workers killed by SIGKILL wherever they are, while they change a map or a list. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Process, SharedList, SharedMap, Value } from "allcores";
import { inForm } from "../form.js";
import { type Checked, changeForEver, changeListForEver, checkedValue, tornIn } from "../fixtures/map-tasks.js";
import { timeLimit } from "../time-limit.js";

const across = "processes";
const ROUNDS = inForm({ short: 2, whole: 6 });
const DIED = { code: "ERR_ALLCORES_WORKER_DIED" };
/** Within which the others must go on. */
const USABLE_WITHIN_MS = timeLimit(1000);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe("killed by SIGKILL at any instant", () => {
  test("while they change a map: every other key is whole, and the map goes on", {
    timeout: timeLimit(90_000),
  }, async () => {
    const map = new SharedMap<Checked | number>({ across });
    const running = new Value("int32", 0, { across });
    const kept = Array.from({ length: 1000 }, (_, index) => `kept ${index}`);
    for (const [index, key] of kept.entries()) map.set(key, checkedValue(index));
    let counted = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const workers = ["a", "b"].map((name) => Process.start(changeForEver, map, `${name}${round}`, running));
      const ends = workers.map((worker) => assert.rejects(worker.join(), DIED));
      await until(
        () =>
          running.value === 2 * (round + 1) &&
          ((map.get("count") as number | undefined) ?? 0) > counted + 50 + 17 * round,
      );
      for (const { pid } of workers) process.kill(pid as number, "SIGKILL");
      const killed = performance.now();
      // At once: nobody may have noticed the deaths.
      map.set("afterwards", round);
      assert.equal(map.get("afterwards"), round);
      counted = map.update("count", (count) => (count as number) + 1) as number;
      assert.ok(performance.now() - killed < USABLE_WITHIN_MS, `${performance.now() - killed} ms`);
      for (const [index, key] of kept.entries()) {
        const value = map.get(key) as Checked;
        assert.equal(value.version, index);
        assert.equal(tornIn(value), undefined);
      }
      await Promise.all(ends);
      const entries = [...map];
      assert.equal(map.size, entries.length);
      for (const [key, value] of entries) {
        if (typeof value !== "number") assert.equal(tornIn(value), undefined, key);
        assert.ok(map.has(key));
      }
      for (const [key] of entries) if (/^[ab]\d/.test(key)) assert.ok(map.delete(key));
    }
    for (const key of [...map.keys()]) assert.ok(map.delete(key));
    assert.deepEqual([map.size, map.stats().bytes], [0, 0]);
    map.free();
  });

  test("while they fill a map up to its limit: it is not exceeded", { timeout: timeLimit(90_000) }, async () => {
    const maxBytes = 60_000;
    const map = new SharedMap<Checked | number>({ across, maxBytes });
    const running = new Value("int32", 0, { across });
    for (let round = 0; round < ROUNDS; round++) {
      const workers = ["a", "b"].map((name) => Process.start(changeForEver, map, name, running));
      const ends = workers.map((worker) => assert.rejects(worker.join(), DIED));
      const before = map.stats().evictions;
      await until(() => running.value === 2 * (round + 1) && map.stats().evictions > before + 500);
      for (const { pid } of workers) process.kill(pid as number, "SIGKILL");
      for (let index = 0; index < 200; index++) {
        map.set(`mine ${index}`, index);
        assert.ok(map.stats().bytes <= maxBytes, `${map.stats().bytes} bytes`);
      }
      assert.equal(map.size, [...map].length);
      await Promise.all(ends);
    }
    map.free();
  });

  test("while they change a list: every item is whole, and the list goes on", {
    timeout: timeLimit(90_000),
  }, async () => {
    const list = new SharedList<Checked>({ across });
    const running = new Value("int32", 0, { across });
    list.push(...Array.from({ length: 30 }, (_, index) => checkedValue(index)));
    for (let round = 0; round < ROUNDS; round++) {
      const workers = [0, 1].map(() => Process.start(changeListForEver, list, running));
      const ends = workers.map((worker) => assert.rejects(worker.join(), DIED));
      await until(() => running.value === 2 * (round + 1));
      for (let looks = 0; looks < 50 + 20 * round; looks++) {
        const item = list.get(looks % 20)!;
        assert.equal(tornIn(item), undefined);
      }
      for (const { pid } of workers) process.kill(pid as number, "SIGKILL");
      const killed = performance.now();
      const length = list.push(checkedValue(5));
      assert.equal(list.get(-1)!.version, 5);
      assert.ok(performance.now() - killed < USABLE_WITHIN_MS, `${performance.now() - killed} ms`);
      await Promise.all(ends);
      assert.equal(list.length, length);
      for (const item of list) assert.equal(tornIn(item), undefined);
    }
    list.free();
  });
});
