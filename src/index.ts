import "./diagnosis/deadlock-watch.js";
import { ownUrl } from "./platform/index.js";
import { enter } from "./workers/entry/enter.js";
import type { LibraryMeta } from "./workers/library-code.js";

export type { Reach } from "./objects/shared-object.js";
export { type AllcoresError, type ErrorCode, isAllcoresError } from "./errors/base.js";
export type { DeadlockMember, DeadlockReport, ReportedObject, ReportedWorker } from "./errors/deadlock-report.js";
export * from "./errors/misuse.js";
export * from "./errors/outcome.js";
export * from "./errors/outside.js";
export type { SyncWait, WaitOptions } from "./parking/wait-options.js";
export type { BigIntType, Int, NumberType, Scalar, ScalarType } from "./shared/scalar-type.js";
export { SharedArray } from "./shared/shared-array.js";
export type { EntryOptions, SharedMapOptions } from "./shared/map-options.js";
export { SharedMap } from "./shared/shared-map.js";
export type { SharedMapStats } from "./shared/map-stats.js";
export { SharedList } from "./shared/shared-list.js";
export { SharedMemory } from "./shared/shared-memory.js";
export { Struct } from "./shared/struct.js";
export type { InferStruct, StructChange, StructFields, StructSchema } from "./shared/struct-layout.js";
export { Value } from "./shared/value.js";
export { Barrier } from "./sync/barrier.js";
export { Condition } from "./sync/condition.js";
export { CountDownLatch } from "./sync/count-down-latch.js";
export { Event } from "./sync/event.js";
export type { Held } from "./sync/held.js";
export { Lock } from "./sync/lock.js";
export type { FairLockOptions, LockOptions, SemaphoreOptions } from "./sync/owner-death.js";
export type { PermitCount } from "./sync/permit-options.js";
export { type RHeld, RLock } from "./sync/rlock.js";
export { RWLock } from "./sync/rwlock.js";
export type { RWLockView } from "./sync/rwlock-view.js";
export { type Choice, type Selectable, selectable } from "./sync/selectable.js";
export { BoundedSemaphore } from "./sync/bounded-semaphore.js";
export { Semaphore } from "./sync/semaphore.js";
export type { TurnOptions } from "./sync/turn-options.js";
export { type ActiveWorker, activeWorkers } from "./workers/active-workers.js";
export { cpuCount } from "./workers/cpu-count.js";
export { type CurrentWorker, currentWorker } from "./workers/current-worker.js";
export { dumpOnSignal } from "./diagnosis/dump-signal.js";
export { onDeadlock } from "./diagnosis/findings.js";
export { type DeadlockOptions, detectDeadlocks } from "./diagnosis/settings.js";
export {
  type PoolState,
  type Snapshot,
  type SnapshotHold,
  type SnapshotMemory,
  type SnapshotObject,
  type SnapshotWait,
  type SnapshotWorker,
  snapshot,
} from "./diagnosis/snapshot.js";
export { onWorkerExit } from "./workers/exit-hook.js";
export { isMain } from "./workers/is-main.js";
export { Process } from "./workers/process.js";
export { type Task, task } from "./workers/task.js";
export { type TaskModule, taskModule } from "./workers/task-handles.js";
export { Thread, type ThreadFactory } from "./workers/thread.js";
export { setUncaughtHook, type UncaughtHook } from "./futures/uncaught-hook.js";
export type { WorkerStart } from "./workers/worker-start.js";
export { WorkerLocal } from "./workers/worker-local.js";
export { type MethodOf, serve, type Served } from "./channels/served.js";
export { type Gatherable, type Gathered, gather, type GatherOptions } from "./tasks/gather.js";
export { runSync } from "./tasks/run-sync.js";
export { shield } from "./tasks/shield.js";
export { sleep, sleepSync } from "./tasks/sleep.js";
export { TaskGroup, type TaskGroupOptions } from "./tasks/task-group.js";
export { timeout, timeoutAt, type TimeoutScope } from "./tasks/timeout.js";
export { toProcess } from "./tasks/to-process.js";
export { toThread } from "./tasks/to-thread.js";
export { waitFor } from "./tasks/wait-for.js";
export { type AdviceOptions, type AdvicePlan, advise } from "./advisor/advise.js";
export type { Advice, Certainty, ExcludedModel } from "./advisor/advice.js";
export { describeAdvice } from "./advisor/advice-words.js";
export { AutoPool } from "./advisor/auto-pool.js";
export type { Candidate } from "./advisor/prediction.js";
export type { SampleSummary, StartCosts } from "./advisor/sample.js";
export { after } from "./channels/after.js";
export type { AnyQueue } from "./channels/any-queue.js";
export type { PutPriority, QueueOptions } from "./channels/queue-options.js";
export { Connection } from "./channels/connection.js";
export { LifoQueue } from "./channels/lifo-queue.js";
export { createPipe, type PipeOptions, type ReceivingConnection, type SendingConnection } from "./channels/pipe.js";
export { PriorityQueue, type PriorityQueueOptions } from "./channels/priority-queue.js";
export { Queue } from "./channels/queue.js";
export { type Selectables, type Selected, select, selectSync, trySelect } from "./channels/select.js";
export { allowModules } from "./codec/allowed-modules.js";
export { pack, type Packed, type PackOptions, unpack } from "./codec/pack.js";
export type { SendableClass } from "./codec/registration.js";
export { sendable } from "./codec/sendable.js";
export { transfer } from "./codec/transfer.js";
export { Future, type FutureState } from "./futures/future.js";
export { asCompleted, type Completed, type WaitForOptions, type Waited, wait } from "./futures/wait.js";
export { AsyncPool } from "./pools/async-pool.js";
export type { AsyncPoolOptions } from "./pools/async-pool-options.js";
export type { CallOptions } from "./pools/call-options.js";
export type { AutoPoolOptions, ChoosingPool, PoolChoice, TaskChoice } from "./pools/choosing-pool.js";
export { createPool } from "./pools/create-pool.js";
export type { Durations } from "./pools/histogram.js";
export type { MapRun, Settled } from "./pools/map-run.js";
export type { MapOptions } from "./pools/map-options.js";
export type { PipelineStage } from "./pools/map-stream.js";
export type { Pool } from "./pools/pool.js";
export type { PoolHandle } from "./pools/pool-handle.js";
export type { PoolOptions, ResourceLimits, UnresponsiveOptions } from "./pools/pool-options.js";
export type { RetryOptions } from "./pools/retries.js";
export type { RateOptions } from "./pools/rate-options.js";
export type { PoolStats } from "./pools/pool-stats.js";
export type { PoolWorker } from "./pools/pool-worker.js";
export { ProcessPool } from "./pools/process-pool.js";
export { ThreadPool } from "./pools/thread-pool.js";
export type { UnresponsiveWorker } from "./pools/unresponsive-worker.js";

enter(ownUrl(import.meta.url), (import.meta as LibraryMeta).code);
