import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { advise, describeAdvice, Lock, Queue, task, Value, type WorkerDiedError } from "allcores";
import { counted, countedWait, crash, findLock, neverReturns, waitFor } from "../fixtures/advised-tasks.js";
import { timeLimit } from "../time-limit.js";

const many = <T>(count: number, input: T): T[] => Array.from({ length: count }, () => input);

describe("advise", { timeout: timeLimit(120_000) }, () => {
  test("the advice is plain data, and names what was measured", async () => {
    const advice = await advise(counted, many(6, 200_000), { budget: 400 });
    assert.deepEqual(JSON.parse(JSON.stringify(advice)), advice);
    assert.equal(advice.task, "counted");
    assert.equal(advice.items, 6);
    assert.ok(advice.sample !== undefined && advice.sample.wall > 0 && advice.sample.runs >= 1);
    assert.ok(
      advice.candidates.some(({ model }) => model === "thread") &&
        advice.candidates.some(({ model }) => model === "async"),
    );
    assert.ok(advice.reasons.length > 0);
    const text = describeAdvice(advice);
    for (const reason of advice.reasons) assert.ok(text.includes(reason));
  });

  test("a task that waits is for this loop", async () => {
    const advice = await advise(waitFor, many(4, 40), { total: 1000, budget: 1000 });
    assert.equal(advice.model, "async");
    assert.ok(advice.workers > 1);
    assert.ok(advice.sample!.waiting > 0.5, String(advice.sample!.waiting));
    assert.match(describeAdvice(advice), /waits for/);
  });

  test("a task that computes for long is not", async () => {
    const advice = await advise(counted, many(4, 2_000_000), { total: 100_000, budget: 800 });
    assert.notEqual(advice.model, "async");
    assert.ok(advice.sample!.waiting < 0.5);
  });

  test("with once each sampled input is run a single time; who is asked first hears it", async () => {
    const runs = new Value("int32", 0, { across: "processes" });
    const plans: unknown[] = [];
    const inputs = many(5, runs);
    await advise(countedWait, inputs, { once: true, budget: 60_000, announce: (plan) => void plans.push(plan) });
    assert.equal(runs.value, 5);
    assert.deepEqual(plans, [{ inputs: [0, 2, 4, 1, 3], runs: 1 }]);
  });

  test("runs no input more often than it said", async () => {
    const runs = new Value("int32", 0, { across: "processes" });
    let most = 0;
    await advise(countedWait, [runs], { budget: 1500, announce: ({ runs }) => void (most = runs) });
    assert.ok(runs.value >= 1 && runs.value <= most, `${runs.value} of ${most}`);
  });

  test("a worker that never gives its task back is killed at the end of the budget", async () => {
    const advice = await advise(neverReturns, [1, 2], { budget: 200 });
    assert.equal(advice.sample, undefined);
    assert.equal(advice.model, "thread");
    assert.equal(advice.certainty, "cannot tell");
    assert.match(advice.reasons[0]!, /Not even one item ended within the budget of 200 ms/);
    assert.match(describeAdvice(advice), /larger budget.*--budget/);
  });

  test("inputs that cannot cross to a process exclude processes, and are run in a thread", async () => {
    const advice = await advise(findLock, many(3, new Lock()), { budget: 500 });
    assert.deepEqual(
      advice.excluded.map(({ model }) => model),
      ["process"],
    );
    assert.match(advice.excluded[0]!.reason, /Lock/);
    assert.ok(advice.candidates.every(({ model }) => model !== "process"));
    assert.match(describeAdvice(advice), /process +excluded/);
  });

  test("inputs that can cross nowhere are refused before anything runs", async () => {
    await assert.rejects(advise(findLock as never, [() => 1]), { code: "ERR_ALLCORES_UNSENDABLE" });
  });

  test("a task that ends its worker fails the advice", async () => {
    await assert.rejects(advise(crash, [7], { budget: 500 }), (error: WorkerDiedError) => {
      assert.equal(error.code, "ERR_ALLCORES_WORKER_DIED");
      assert.match(error.message, /while it ran the task "crash"; the advice has ended with it/);
      assert.deepEqual([error.exitCode, error.deaths.length], [7, 1]);
      return true;
    });
  });

  test("inputs for which it throws are counted", async () => {
    const advice = await advise(findLock as never, [new Queue(), new Queue()], { budget: 300, once: true });
    assert.equal(advice.sample?.failures, 2);
    assert.deepEqual(
      advice.failed.map(({ input }) => input),
      [0, 1],
    );
    assert.match(advice.failed[0]!.error, /this is no Lock/);
    assert.match(describeAdvice(advice), /It threw for 2 of these inputs: .*this is no Lock/);
  });

  test("what makes no sense is refused before anything runs", async () => {
    await assert.rejects(advise((() => 1) as never, [1]), { code: "ERR_ALLCORES_NOT_A_TASK" });
    await assert.rejects(advise(waitFor, []), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /no inputs/ });
    await assert.rejects(advise(waitFor, 5 as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    await assert.rejects(advise(waitFor, [1], null as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    for (const options of [{ once: 1 }, { announce: 1 }, { budget: "1" }, { total: "1" }])
      await assert.rejects(advise(waitFor, [1], options as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    for (const options of [{ total: 0 }, { sample: 0 }, { workers: 0 }, { budget: -1 }])
      await assert.rejects(advise(waitFor, [1], options), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    await assert.rejects(
      advise(
        task(new URL("../fixtures/advised-tasks.js", import.meta.url), "absent", (_: number) => 1),
        [1],
      ),
      {
        code: "ERR_ALLCORES_TASK_NOT_FOUND",
      },
    );
  });
});
