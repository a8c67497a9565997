import { atomics, type Heap } from "../memory/index.js";
import type { Hold, Insight, Strike } from "../objects/index.js";
import { OWNER_SHIFT } from "./lock-word.js";

const { load } = atomics;

/** What a lock tells of itself. `firm`: nobody but its owner may release it. */
export function ownerInsight(name: string, firm: boolean): Insight {
  const held: NonNullable<Insight["held"]> = (heap, at): Hold[] => {
    const worker = load(heap.words, at) >>> OWNER_SHIFT;
    return worker === 0 ? [] : [{ worker, count: 1 }];
  };
  return { name, held, holders: (heap, at) => ({ workers: held(heap, at).map(({ worker }) => worker), firm }) };
}

/** The one word that names a worker. */
export function ownerNames(_heap: Heap, at: number, strike: Strike): void {
  strike(at, OWNER_SHIFT);
}
