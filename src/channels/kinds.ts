import { KIND as OF_MEMORY } from "../memory/index.js";

/**
 * The kinds of blocks of queues and pipes, beside memory's own. docs/design/memory.md lists the numbers of all; none is
 * ever used again.
 */
export const KIND = {
  ...OF_MEMORY,
  queue: 13,
  lifoQueue: 16,
  priorityQueue: 17,
  pipe: 18,
  connection: 19,
} as const;
