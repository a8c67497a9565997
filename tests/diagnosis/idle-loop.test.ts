/**
 * When an event loop counts as one that waits: never once what it awaited has come, in whatever way it heard of that.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { detectDeadlocks, Event } from "allcores";
import { everything, watchOver, WHOLE } from "../fixtures/deadlock-scene.js";
import * as tasks from "../fixtures/idle-loop-tasks.js";
import { runIn } from "../fixtures/run-in.js";
import { timeLimit } from "../time-limit.js";
import { runProgram } from "../workers/programs.js";

watchOver();

for (const across of ["threads", "processes"] as const) {
  describe(`an event loop, across ${across}`, { concurrency: 3 }, () => {
    test("whose last wait ended by its own look says no more that it waits", WHOLE, async () => {
      detectDeadlocks({ after: 1 });
      assert.equal(await runIn(across, tasks.hearByLooking, new Event({ across })), false);
    });

    test("that has just heard of one thing is not idle, however long it awaits another", WHOLE, async () => {
      detectDeadlocks({ after: 1 });
      assert.equal(await runIn(across, tasks.hearOneByLooking, new Event({ across }), new Event({ across })), false);
    });

    test("asleep in a timer, about to set an event: workers that wait for it are not reported as a possible deadlock", {
      timeout: timeLimit(90_000),
    }, async () => {
      detectDeadlocks({ after: 1 });
      const looks = await runIn(across, tasks.setFromTimer, new Event({ across }), across, 3);
      assert.equal(looks.length, 2);
      assert.deepEqual(
        everything.filter(({ members }) => members.some(({ waitsFor }) => waitsFor.label === "about to be set")),
        [],
      );
    });
  });
}

test("a loop that serves an object, and the helper of runSync, wait for whoever calls: neither is told of", {
  timeout: timeLimit(60_000),
}, async () => {
  const { code, output, errors } = await runProgram("serving");
  assert.deepEqual({ code, output, errors }, { code: 0, output: '["never"]\n', errors: "" });
});
