/** What others do with the words of a read-write lock: those who look, who sweep after an end, and who free it. */
import { BLOCKING, type Heap, onDestroy } from "../memory/index.js";
import type { Hold, Insight, Strike } from "../objects/index.js";
import { HoldTable } from "./hold-table.js";
import { FAIR, RWLOCK } from "./rwlock-words.js";
import { KIND } from "./kinds.js";

function held(heap: Heap, at: number): Hold[] {
  const writer = heap.words[at + RWLOCK.writer]!;
  if (writer !== 0) return [{ worker: writer, count: 1, how: "writing" }];
  return HoldTable.holders(heap, at + RWLOCK.holds).map((hold) => ({ ...hold, how: "reading" }));
}

/** The blocking writers for which a reader makes way. */
function writersBefore({ waitQueue, words }: Heap, at: number): number[] {
  const writers = waitQueue.armed().filter(({ key, kind }) => key === at + RWLOCK.writersWait && kind === BLOCKING);
  if ((words[at + RWLOCK.policy]! & FAIR) === 0) return writers.map(({ worker }) => worker);
  // Others of them may stand behind the reader; all wait for the first.
  const first = waitQueue.firstOf(at + RWLOCK.readersWait, at + RWLOCK.writersWait);
  return writers.filter(({ node }) => node === first?.node).map(({ worker }) => worker);
}

onDestroy(KIND.rwlock, (heap, at) => {
  const overflow = HoldTable.overflowOf(heap, at + RWLOCK.holds);
  if (overflow !== 0) heap.allocator.free(overflow);
});
/** What a read-write lock tells of itself. */
export const rwlockInsight: Insight = {
  name: "RWLock",
  held,
  holders(heap, at, key) {
    // A reader that makes way waits for the writers before it: for those that wait for readers in their turn, since
    // nobody makes way at a free lock for long.
    const makesWay = key === at + RWLOCK.readersWait && heap.words[at + RWLOCK.writer] === 0;
    return { workers: makesWay ? writersBefore(heap, at) : held(heap, at).map(({ worker }) => worker), firm: true };
  },
  purpose: (at, key) => (key === at + RWLOCK.readersWait ? "reading" : "writing"),
  state: ({ words }, at) => ({ writing: words[at + RWLOCK.writer] !== 0, readers: words[at + RWLOCK.readers]! }),
};
/** The words that name workers. */
export function rwlockNames(heap: Heap, at: number, strike: Strike): void {
  strike(at + RWLOCK.writer);
  new HoldTable(heap, at + RWLOCK.holds).names(strike);
}
