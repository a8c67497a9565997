import type { Heap } from "../memory/index.js";
import { type Insight, MONITOR_WORDS } from "../objects/index.js";

/** Words of every queue. */
export const QUEUE = {
  /** 1 when a getter may wait; its offset is the getters' key. */
  gettersWait: MONITOR_WORDS,
  /** 1 when somebody may wait in join; its offset is their key. */
  joinersWait: MONITOR_WORDS + 1,
  /** Most items, 0 for no bound. Set once. */
  maxSize: MONITOR_WORDS + 2,
  /** Most bytes, 0 for no bound. Set once. */
  capacity: MONITOR_WORDS + 3,
  /** The first word that is each queue's own. */
  own: MONITOR_WORDS + 4,
  /** What a put does that finds no room: see `WHEN_FULL`. Set once. */
  whenFull: 34,
  /**
   * 1 when a putter may wait; its offset is the putters' key. Takers look at it, so it stands in another line of memory
   * than what putters write.
   */
  puttersWait: 35,
} as const;

/** What a queue tells of itself. */
export function queueInsight(
  name: string,
  state: (heap: Heap, at: number) => { size: number; unfinished: number; shutDown: boolean },
): Insight {
  return {
    name,
    purpose: (at, key) =>
      key === at + QUEUE.gettersWait ? "an item" : key === at + QUEUE.puttersWait ? "room" : "the end of all tasks",
    state: (heap, at) => ({
      ...state(heap, at),
      maxSize: heap.words[at + QUEUE.maxSize]!,
      capacity: heap.words[at + QUEUE.capacity]!,
    }),
  };
}
