import { KIND as OF_MEMORY } from "../memory/index.js";

/**
 * The kinds of blocks of locks and their like, beside memory's own. docs/design/memory.md lists the numbers of all;
 * none is ever used again.
 */
export const KIND = {
  ...OF_MEMORY,
  lock: 2,
  rlock: 3,
  condition: 4,
  semaphore: 5,
  event: 6,
  barrier: 7,
  rwlock: 8,
  countDownLatch: 22,
} as const;
