/**
 * The circles of imports that src/ still has. This list must only shrink: `npm run imports -- --known` writes what is left of it and refuses to let it grow.
 * A circle is named by its files in alphabetical order. dependency-cruiser takes the list as its known violations.
 */
export const knownCircles = [
  "src/memory/allocator.ts src/memory/block-lists.ts src/memory/free-lists.ts src/memory/heap.ts src/memory/page-table.ts",
  "src/memory/allocator.ts src/memory/block-lists.ts src/memory/heap.ts",
  "src/memory/allocator.ts src/memory/extents.ts src/memory/free-lists.ts src/memory/heap.ts",
  "src/memory/allocator.ts src/memory/extents.ts src/memory/free-lists.ts src/memory/heap.ts src/memory/page-table.ts",
  "src/memory/allocator.ts src/memory/extents.ts src/memory/heap.ts",
  "src/memory/allocator.ts src/memory/free-lists.ts src/memory/heap.ts src/memory/page-table.ts",
  "src/memory/allocator.ts src/memory/heap.ts",
  "src/memory/allocator.ts src/memory/heap.ts src/memory/mutex.ts",
  "src/memory/allocator.ts src/memory/heap.ts src/memory/page-table.ts",
  "src/memory/heap.ts src/memory/insight.ts src/memory/references.ts",
  "src/memory/heap.ts src/memory/long-wait.ts src/memory/parker.ts",
  "src/memory/heap.ts src/memory/mutex.ts src/memory/registry.ts src/memory/worker-names.ts",
  "src/memory/heap.ts src/memory/parker.ts",
  "src/memory/heap.ts src/memory/parker.ts src/memory/wait-queue.ts",
  "src/memory/heap.ts src/memory/references.ts",
  "src/memory/heap.ts src/memory/references.ts src/memory/walk.ts",
  "src/memory/heap.ts src/memory/registry.ts",
  "src/memory/heap.ts src/memory/registry.ts src/memory/worker-names.ts",
  "src/memory/heap.ts src/memory/wait-queue.ts",
  "src/memory/heap.ts src/memory/wait-queue.ts src/memory/walk.ts",
  "src/memory/heap.ts src/memory/worker-end.ts",
];
