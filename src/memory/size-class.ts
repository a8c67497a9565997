/**
 * Size classes: 4, 8, 12, 16, 24, 32, 48, ... : powers of two and the halves between, so at most a third of a block is wasted.
 * A block keeps its class for ever. Rejected: splitting and merging, which a worker killed in the middle could leave half done.
 */
export function classOf(size: number): number {
  if (size <= 4) return 0;
  if (size <= 8) return 1;
  const log = 31 - Math.clz32(size - 1);
  return 2 * (log - 2) + (size <= 3 * (1 << (log - 1)) ? 0 : 1);
}

export const CLASSES = 56;

const sizes = Array.from({ length: CLASSES }, (_, sizeClass) => {
  if (sizeClass < 2) return 4 << sizeClass;
  const log = ((sizeClass - 2) >> 1) + 3;
  return sizeClass & 1 ? 2 ** (log + 1) : 3 * 2 ** (log - 1);
});

/** How much a member of the class holds; of what is no class, as nothing has. Looked up: every block that is named by a word is measured. */
export function sizeOf(sizeClass: number): number {
  return sizes[sizeClass] ?? Number.POSITIVE_INFINITY;
}
