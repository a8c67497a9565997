import { KIND as OF_MEMORY } from "../memory/index.js";

/**
 * The kinds of blocks of shared data, beside memory's own. docs/design/memory.md lists the numbers of all; none is ever
 * used again.
 */
export const KIND = {
  ...OF_MEMORY,
  value: 9,
  sharedArray: 10,
  struct: 11,
  sharedMemory: 12,
  sharedMap: 20,
  sharedList: 21,
} as const;
