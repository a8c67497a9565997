/** What others do with a semaphore's words: those who look, who sweep after an end, and who free it. */
import { type Heap, onDestroy, onNormalEnd } from "../memory/index.js";
import type { Insight, Strike } from "../objects/index.js";
import { HoldTable } from "./hold-table.js";
import { boundAt, insideAtOnce, SEMAPHORE, takeOutUsedUp } from "./semaphore-words.js";
import { KIND } from "./kinds.js";

onDestroy(KIND.semaphore, (heap, at) => {
  const overflow = HoldTable.overflowOf(heap, at + SEMAPHORE.holds);
  if (overflow !== 0) heap.allocator.free(overflow);
});
/** What a semaphore tells of itself. */
export const semaphoreInsight: Insight = {
  name: "Semaphore",
  held: (heap, at) => HoldTable.holders(heap, at + SEMAPHORE.holds),
  // Without holders it is used as a signal, which anybody may give.
  holders(heap, at) {
    const workers = HoldTable.holders(heap, at + SEMAPHORE.holds).map(({ worker }) => worker);
    return workers.length === 0 ? undefined : { workers, firm: false };
  },
  state({ words }, at) {
    const bound = boundAt(words, at);
    return {
      free: words[at + SEMAPHORE.free]!,
      permits: words[at + SEMAPHORE.permits]!,
      ...(bound === undefined ? {} : { bound }),
    };
  },
};
/** The words that name workers. */
export function semaphoreNames(heap: Heap, at: number, strike: Strike): void {
  strike(at + SEMAPHORE.claimant);
  new HoldTable(heap, at + SEMAPHORE.holds).names(strike);
}
onNormalEnd(KIND.semaphore, {
  has: (heap, at, worker) => insideAtOnce(heap, at, (holds) => holds.of(worker) > 0) ?? true,
  end: (heap, at, worker) =>
    insideAtOnce(heap, at, (holds) => {
      if (holds.useUp(worker) > 0) takeOutUsedUp(heap, at, holds);
      return true;
    }) ?? false,
});
