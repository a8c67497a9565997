/** The test of the lock must be able to fail: without it, the same program loses updates. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Event, Lock, Process, Thread } from "allcores";
import { count } from "../fixtures/counting-tasks.js";
import { readCell } from "../fixtures/plain-cells.js";
import { timeLimit } from "../time-limit.js";

const WORKERS = 10;
const TIMES = 100_000;
const MOST_ATTEMPTS = 20;

for (const across of ["threads", "processes"] as const) {
  const run = async (lock?: Lock): Promise<number> => {
    const [gate, home] = [new Event({ across }), new Event({ across })];
    const Worker = (across === "threads" ? Thread : Process) as typeof Process;
    const workers = Array.from({ length: WORKERS }, () => Worker.start(count, gate, home, TIMES, lock));
    gate.set();
    for (const worker of workers) await worker.join();
    return readCell(home, 0);
  };

  describe(`ten ${across} add one a hundred thousand times each`, { timeout: timeLimit(100_000) }, () => {
    test("under a lock nothing is lost", async () => assert.equal(await run(new Lock({ across })), WORKERS * TIMES));

    test("without it something is", async () => {
      let total = WORKERS * TIMES;
      for (let attempt = 0; attempt < MOST_ATTEMPTS && total === WORKERS * TIMES; attempt++) total = await run();
      assert.ok(
        total < WORKERS * TIMES,
        "plain additions of ten workers lost nothing: this machine runs them one after the other",
      );
    });
  });
}
