/** Work on more than one machine: pools and workers that meet at a queue, and what coordinates programs. */
export {
  IdConflictError,
  RemoteUnavailableError,
  type UnavailableReason,
  ValueTooLargeError,
} from "../errors/index.js";
export type {
  RemoteCallOptions,
  RemoteConnection,
  RemoteMapOptions,
  RemotePoolOptions,
  RemoteQueueOptions,
  RemoteRetention,
  RemoteValueStore,
} from "../pools/remote-options.js";
export type { RemoteLeaseOptions, RemoteObjectOptions, RemoteWait } from "./coordination.js";
export type { FailedTask, QueueCounts, RemoteSchedule, RemoteWorkerInfo } from "./engine.js";
export { readable } from "./readable.js";
export { RemoteEvent } from "./remote-event.js";
export { RemoteHeld } from "./remote-held.js";
export { RemoteLock } from "./remote-lock.js";
export { RemotePool } from "./remote-pool.js";
export { RemoteQueue, type RemoteQueueAdminOptions, type ScheduleTime } from "./remote-queue.js";
export { RemoteSemaphore } from "./remote-semaphore.js";
export { RemoteServer, serveRemote } from "./serve.js";
export type { ServeOptions } from "./serve-options.js";
