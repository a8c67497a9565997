export { isSignal, offAbort, onAbort } from "./abort.js";
export { Alarm } from "./alarm.js";
export * as atomics from "#atomics";
export type { Cells, WideCells } from "../platform/index.js";
export type { Block, Extent } from "./allocator.js";
export { bare } from "./bare.js";
export * as workerInfo from "./worker-info.js";
export {
  clearRealImmediate,
  clearRealInterval,
  clearRealTimeout,
  goBy,
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
export { announce, hintOfVersions, isClassElsewhere, isOfOtherVersion, ONE_VERSION, together, versioned } from "./copies.js";
export { EagerLook } from "./eager-look.js";
export { type Across, Heap, onJoin } from "./heap.js";
export { type Hold, type Holders, type Insight, insightInto, onInspect } from "./insight.js";
export {
  ALIVE,
  AWAITING,
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCKING,
  BLOCKS_AT,
  DRAFT,
  EXTENT,
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
export { keepOriginsOfAwaits, type LongAwait, type LongWait, type LoopWatch, type WaitPlace, type Watch, watchLongWaits } from "./long-wait.js";
export { contain } from "./mishap.js";
export { enter, leave, leaveUnmended, SLEEPERS, tryEnter } from "./mutex.js";
export { lookouts, requests, tooManyWorkers } from "./registry.js";
export { SLICE_MS } from "./crowd.js";
export { Spin } from "./spin.js";
export { type Attempt, type Contender, Parker } from "./parker.js";
export { machineHeap } from "./machine-heap.js";
export { underAddonGuard } from "./addon-guard.js";
export { adoptProcessHeap, ProcessHeap, processHeap, processHeapIfOpen, heapHere, processHeapOf, processHeapsOpen } from "./process-heap.js";
export { fromPerformance, programNow, toPerformance, toReal } from "./program-clock.js";
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
export type { ArmedNode } from "./wait-queue.js";
export { pageStateWord } from "./page-table.js";
export { generationWord, stillStands } from "./sighting.js";
export { awaitDeadlineOf, WAIT_OPTIONS, deadlineOf, SIGNAL_OPTIONS, type SyncWait, signalOf, type WaitOptions } from "./wait-options.js";
export { Walk } from "./walk.js";
export { heapsEntered, markEnded } from "./worker-end.js";
export { namesKnown, onNames, type Strike } from "./worker-names.js";
