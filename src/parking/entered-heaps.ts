/** The heaps whose registry this worker has entered. */
import type { Heap } from "../memory/heap.js";

const entered: Heap[] = [];
const joins: ((heap: Heap) => void)[] = [];

/** Every heap that this worker has entered. */
export function heapsEntered(): readonly Heap[] {
  return entered;
}

/** From here on `fn` is called whenever this thread has entered a heap's registry. */
export function onJoin(fn: (heap: Heap) => void): void {
  joins.push(fn);
}

export function noteEntered(heap: Heap): void {
  entered.push(heap);
  for (const join of joins) join(heap);
}

export function forgetEntered(heap: Heap): void {
  const index = entered.indexOf(heap);
  if (index >= 0) entered.splice(index, 1);
}
