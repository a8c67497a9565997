/**
 * How this worker ends, said in its records while it can still say it. A worker that ends normally has used up what it took of a semaphore; of one that dies, whose records say
 * nothing, it comes back. The mark is one word a heap, and a worker's sweep acts on it before its slot is vacant: so it is judged right, however late somebody asks.
 *
 * Normal is `process.exit`, and the end of all work. An uncaught error is no normal end though its `exit` event looks like one: `uncaughtExceptionMonitor` comes right before.
 * Where somebody catches the error after all, the worker goes on, and the next turn of its loop takes the suspicion back.
 */
import { store } from "#atomics";
import { setRealImmediate } from "./clock.js";
import type { Heap } from "./heap.js";
import { RECORD } from "./layout.js";
import { kernelTells } from "../platform/index.js";

/** Every heap that this worker has entered. */
const entered: Heap[] = [];
let isWatched = false;
let isCrashing = false;

/** Has this worker's record in the heap say how it ends. */
export function tellEnd(heap: Heap): void {
  entered.push(heap);
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
    // Where the kernel tells who is gone, a worker never says so itself: it would go on for a moment, entering mutexes as a dead worker that anybody may rob.
    if (!kernelTells) for (const each of entered) each.registry.markDead(each.self);
  });
}

/** The heap's memory begins anew. */
export function forgetEnd(heap: Heap): void {
  const index = entered.indexOf(heap);
  if (index >= 0) entered.splice(index, 1);
}

/** From here on what this worker holds of semaphores is used up, whatever becomes of it; `false` takes that back for what it takes from then on. */
export function markEnded(ended: boolean): void {
  for (const heap of entered) store(heap.words, heap.record + RECORD.ended, ended ? 1 : 0);
}

/** Every heap that this worker has entered. */
export function heapsEntered(): readonly Heap[] {
  return entered;
}
