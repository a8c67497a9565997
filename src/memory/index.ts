export * as atomics from "#atomics";
export type { IntegerArray, WideCells } from "../platform/index.js";
export type { Block } from "./block-walk.js";
export type { Extent } from "./extents.js";
export { bare } from "./bare.js";
export {
  clearRealImmediate,
  clearRealInterval,
  clearRealTimeout,
  goBy,
  loopIdle,
  monotonicMs,
  queueRealMicrotask,
  realDate,
  realNow,
  realTimeOrigin,
  setRealImmediate,
  setRealInterval,
  setRealTimeout,
  sharedNow,
  type Time,
} from "./clock.js";
export {
  announce,
  hintOfVersions,
  isClassElsewhere,
  isOfOtherVersion,
  ONE_VERSION,
  together,
  versioned,
} from "./copies.js";
export { Heap } from "./heap.js";
export type { Across } from "./regions.js";
export {
  ALIVE,
  AWAITING,
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCKING,
  BLOCKS_AT,
  DRAFT,
  EXTENT,
  GHOST,
  HEADER,
  KIND,
  LAYOUT_VERSION,
  LIVE,
  MAX_WORKERS,
  NODE,
  NODE_WORDS,
  PAGE_ENTRY,
  PAGE_TABLE_AT,
  RECORD,
  RECORD_WORDS,
  REGISTRY_AT,
  SLOT_MASK,
  UNIT_BYTES,
} from "./layout.js";
export { contain } from "./mishap.js";
export { enter, leave, leaveUnmended, SLEEPERS, tryEnter } from "./mutex.js";
export { Spin } from "./spin.js";
export { machineHeap } from "./machine-heap.js";
export { underAddonGuard } from "./addon-guard.js";
export {
  adoptProcessHeap,
  ProcessHeap,
  processHeap,
  processHeapIfOpen,
  heapHere,
  processHeapOf,
  processHeapsOpen,
  readoptProcessHeap,
} from "./process-heap.js";
export { loadKindsLate, needKind, needKinds } from "./late-kinds.js";
export { onDestroy, onNormalEnd } from "./references.js";
export {
  adoptThreadHeap,
  attachThreadHeap,
  clearThreadHeap,
  createThreadHeap,
  renewThreadHeap,
  ThreadHeap,
  type ThreadHeapBuffers,
  threadHeap,
  threadHeapOf,
} from "./thread-heap.js";
export { AT_ONCE, isStall, limitTo, untimed, within } from "./time-limit.js";
export { pageStateWord } from "./page-table.js";
export { generationWord, stillStands } from "./sighting.js";
export { Walk } from "./walk.js";
