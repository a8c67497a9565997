import { KIND as OF_MEMORY } from "../memory/index.js";

/**
 * The kinds of blocks of what workers are started and fed by, beside memory's own. docs/design/memory.md lists the
 * numbers of all; none is ever used again.
 */
export const KIND = {
  ...OF_MEMORY,
  completion: 14,
  lane: 15,
} as const;
