import type { Heap } from "../memory/index.js";

/** What is to be forgotten with an end: its place in the map of its heap. */
interface Entry<T extends object> {
  readonly ends: Map<number, WeakRef<T>>;
  readonly at: number;
}

/** Ends of pipes that this worker sent away, by their blocks: one that comes back is the same object again. */
export class DepartedEnds<T extends object> {
  readonly #byHeap = new WeakMap<Heap, Map<number, WeakRef<T>>>();
  readonly #forgotten = new FinalizationRegistry<Entry<T>>(({ ends, at }) => {
    if (ends.get(at)?.deref() === undefined) ends.delete(at);
  });

  note(heap: Heap, at: number, end: T): void {
    let ends = this.#byHeap.get(heap);
    if (ends === undefined) this.#byHeap.set(heap, (ends = new Map()));
    ends.set(at, new WeakRef(end));
    this.#forgotten.register(end, { ends, at }, end);
  }

  take(heap: Heap, at: number): T | undefined {
    const ends = this.#byHeap.get(heap);
    const end = ends?.get(at)?.deref();
    ends?.delete(at);
    if (end !== undefined) this.#forgotten.unregister(end);
    return end;
  }
}
