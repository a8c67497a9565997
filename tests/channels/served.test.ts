/** Calls of a served object whose arguments, or whose answer, cannot be had where they arrive. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  ConnectionClosedError,
  createPipe,
  Event,
  OutOfMemoryError,
  Process,
  Queue,
  serve,
  type Served,
  sleep,
  Thread,
} from "allcores";
import { Hoard } from "../chaos/faults.js";
import * as tasks from "../fixtures/served-tasks.js";
import { timeLimit } from "../time-limit.js";

const counter: tasks.Counter = { count: (things) => things.length, fragile: () => new tasks.Fragile() };
const { callWithEnd, callWithFragile, callWithLocks, neglect } = tasks;

for (const across of ["threads", "processes"] as const) {
  // biome-ignore lint/suspicious/noExplicitAny: any task at all.
  const start = (task: any, ...args: unknown[]): Thread | Process =>
    across === "threads" ? Thread.start(task, ...args) : Process.start(task, ...args);

  describe(`an object that is served across ${across}`, { timeout: timeLimit(60_000) }, () => {
    for (const isKnown of [true, false]) {
      test(`has no memory left for what it is called with, by ${isKnown ? "a caller that it knows, who hears of that" : "a stranger, who is answered as soon as there is"}`, async () => {
        using served = serve(counter, { across });
        const [ready, go, sent] = [new Event({ across }), new Event({ across }), new Event({ across })];
        const others = new Queue<unknown>({ across });
        const caller = start(callWithLocks, served, across, isKnown, others, ready, go, sent);
        await ready.wait();
        go.set();
        // Until the last moment this thread's loop turns; once the request is there it does not before the memory is
        // full.
        sent.waitSync();
        const hoard = new Hoard(across);
        hoard.take();
        const kept: unknown[] = [];
        try {
          // What this worker can hold without more memory is used up.
          assert.throws(() => {
            for (let next = others.tryGet(); next !== undefined; next = others.tryGet()) {
              kept.push(next);
              // The queue has given memory back.
              hoard.take();
            }
          }, OutOfMemoryError);
          for (const end = performance.now() + timeLimit(20_000); isKnown && sent.isSet && performance.now() < end; )
            await sleep(5);
          // Longer than the caller waits before it looks for its answer anew, which takes memory too.
          if (!isKnown) await sleep(1200);
          assert.equal(sent.isSet, !isKnown);
        } finally {
          hoard.give();
          go.clear();
        }
        assert.equal(await caller.join({ timeout: timeLimit(20_000) }), isKnown ? "ERR_ALLCORES_OUT_OF_MEMORY" : 200);
        assert.equal(await served.call("count", [1, 2, 3]), 3);
      });
    }

    test("fails alone with what cannot be made, on either side, and goes on", async () => {
      using served = serve(counter, { across });
      assert.deepEqual(await start(callWithFragile, served).join(), [...new Array(4).fill("broken on the way"), 3, 2]);
    });

    test("is asked again and again after it was disposed of: what the calls name is still their caller's", async () => {
      const [called, over] = [new Event({ across }), new Event({ across })];
      const served = serve(counter, { across });
      const caller = start(tasks.callTooLate, served, across, called, over);
      await called.wait();
      // The queue of requests is shut down, and freed in a later turn: this one goes on until the calls have failed.
      served[Symbol.dispose]();
      over.set();
      caller.joinSync({ timeout: timeLimit(20_000) });
      assert.deepEqual(await caller.join(), [...new Array(3).fill("ERR_ALLCORES_STATE"), 0]);
    });

    test("ends with a request unread: the end of a pipe in it is gone once nobody has the object", async () => {
      const announced = new Queue<Served<tasks.Counter>>({ across });
      const owner = start(neglect, announced);
      const [here, there] = createPipe({ across });
      const caller = start(callWithEnd, announced, there);
      await caller.join();
      owner.kill();
      await owner.join().catch(() => {});
      await assert.rejects(here.recv({ timeout: timeLimit(10_000) }), ConnectionClosedError);
    });
  });
}
