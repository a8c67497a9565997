/**
 * How this worker ends, said in its records while it can still say it. A worker that ends normally has used up what it
 * took of a semaphore; of one that dies, whose records say nothing, it comes back. The mark is one word a heap, and a
 * worker's sweep acts on it before its slot is vacant: so it is judged right, however late somebody asks.
 *
 * Normal is `process.exit`, and the end of all work. An uncaught error is no normal end though its `exit` event looks
 * like one: `uncaughtExceptionMonitor` comes right before. Where somebody catches the error after all, the worker goes
 * on, and the next turn of its loop takes the suspicion back.
 */
import { store } from "#atomics";
import { setRealImmediate } from "../memory/clock.js";
import { RECORD } from "../memory/layout.js";
import { kernelTells } from "../platform/index.js";
import { heapsEntered, onJoin } from "./entered-heaps.js";

let isWatched = false;
let isCrashing = false;

// Has this worker's records say how it ends.
onJoin(() => {
  if (isWatched) return;
  isWatched = true;
  process.on("uncaughtExceptionMonitor", () => {
    isCrashing = true;
    setRealImmediate(() => {
      isCrashing = false;
    }).unref();
  });
  process.once("exit", () => {
    if (!isCrashing) markEnded(true);
    // Where the kernel tells who is gone, a worker never says so itself: it would go on for a moment, entering mutexes
    // as a dead worker that anybody may rob.
    if (!kernelTells) for (const each of heapsEntered()) each.registry.markDead(each.self);
  });
});

/**
 * From here on what this worker holds of semaphores is used up, even if the worker is killed. `false` takes that back
 * for what it takes from then on.
 */
export function markEnded(ended: boolean): void {
  for (const heap of heapsEntered()) store(heap.words, heap.record + RECORD.ended, ended ? 1 : 0);
}
