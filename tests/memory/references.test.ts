/** Who holds an object: workers, by ledger; its memory goes back when the last one lets go, dies, or forgets it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Event, Lock, Process, Thread } from "allcores";
import { spin, waitFor } from "../fixtures/worker-tasks.js";
import { timeLimit } from "../time-limit.js";

interface Insides {
  readonly heap: {
    readonly allocator: {
      usedWords(): number;
      isLive(at: number, kind: number, generation: number): boolean;
      generationOf(at: number): number;
      kindOf(at: number): number;
    };
  };
  readonly at: number;
}

/** Answers whether the object's memory is still its own, now and after the object itself is gone. */
function watch(object: object): () => boolean {
  const { heap, at } = object as Insides;
  const { allocator } = heap;
  const [kind, generation] = [allocator.kindOf(at), allocator.generationOf(at)];
  return () => allocator.isLive(at, kind, generation);
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + timeLimit(5000); !condition(); await new Promise((resolve) => setTimeout(resolve, 5)))
    assert.ok(Date.now() < end, String(condition));
}

for (const across of ["threads", "processes"] as const) {
  const Worker = (across === "threads" ? Thread : Process) as typeof Process;

  test(`free gives the memory back when nobody else holds it (${across})`, () => {
    const lock = new Lock({ across });
    const isLive = watch(lock);
    assert.equal(isLive(), true);
    lock.free();
    assert.equal(isLive(), false);
  });

  test(`what another worker holds lives on until that worker ends, also by a kill (${across})`, async () => {
    for (const kill of [false, true]) {
      const event = new Event({ across });
      const control = new Event({ across });
      const worker = kill ? Worker.start(spin, event) : Worker.start(waitFor, event);
      if (kill) await event.wait();
      else
        await until(
          () =>
            (
              event as unknown as { heap: { waitQueue: { countWaiters(key: number): number } }; at: number }
            ).heap.waitQueue.countWaiters((event as unknown as Insides).at) === 1,
        );
      const isLive = watch(event);
      if (!kill) event.set();
      event.free();
      if (kill) {
        assert.equal(isLive(), true);
        worker.kill();
      }
      await worker.join().catch(() => {});
      await until(() => {
        // Whoever waits looks for the dead.
        control.wait({ timeout: 1 }).catch(() => {});
        return !isLive();
      });
    }
  });

  test(`an object that is forgotten goes back by itself (${across})`, async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const isLive = (() => watch(new Lock({ across })))();
    await until(() => {
      collect();
      return !isLive();
    });
  });
}
