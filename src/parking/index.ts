export { isSignal, offAbort, onAbort } from "./abort.js";
export { Alarm } from "./alarm.js";
export { SLICE_MS } from "./crowd.js";
export { EagerLook } from "./eager-look.js";
export {
  keepOriginsOfAwaits,
  type LongAwait,
  type LongWait,
  type LoopWatch,
  type WaitPlace,
  type Watch,
  watchLongWaits,
} from "./long-wait.js";
export { type Attempt, type Contender, Parker } from "./parker.js";
export { fromPerformance, programNow, toPerformance, toReal } from "./program-clock.js";
export { livingIn } from "./records.js";
export { heapsEntered, onJoin } from "./entered-heaps.js";
export { onRenew } from "./record-sweeper.js";
export { requests, sliceHooks, tooManyWorkers } from "./registry.js";
export { Turn } from "./turn.js";
export {
  awaitDeadlineOf,
  deadlineOf,
  SIGNAL_OPTIONS,
  type SyncWait,
  signalOf,
  WAIT_OPTIONS,
  type WaitOptions,
} from "./wait-options.js";
export type { ArmedNode } from "./worker-nodes.js";
export { onSweep, type SweepStep } from "./sweep.js";
export { markEnded } from "./worker-end.js";
export * as workerInfo from "./worker-info.js";
