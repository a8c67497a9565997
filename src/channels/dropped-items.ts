import type { Heap } from "../memory/index.js";
import { loseTaken, type Taken } from "./item.js";

/** What a put drops to make room, while it is inside the mutexes: to be let go of once it is outside. */
export class DroppedItems {
  readonly #items: Taken[] = [];
  /** The chunks that were left behind. */
  readonly #chunks: number[] = [];

  /** `chunk`: the one that the item was the first not to lie in; 0 for none. */
  add(item: Taken, chunk: number): void {
    this.#items.push(item);
    if (chunk !== 0) this.#chunks.push(chunk);
  }

  /** Lets go of the objects that they hold, and tells the workers that wait for what they carried. */
  lose(heap: Heap): void {
    for (const item of this.#items.splice(0)) loseTaken(item, heap);
    for (const chunk of this.#chunks.splice(0)) heap.allocator.free(chunk);
  }
}
