/** Work on more than one machine: pools and workers that meet at a queue. */
export { IdConflictError, RemoteUnavailableError, type UnavailableReason, ValueTooLargeError } from "../errors/index.js";
export type {
  RemoteCallOptions,
  RemoteConnection,
  RemoteMapOptions,
  RemotePoolOptions,
  RemoteQueueOptions,
  RemoteRetention,
  RemoteValueStore,
} from "../pools/remote-options.js";
export { RemotePool } from "./remote-pool.js";
export { RemoteServer, serveRemote } from "./serve.js";
export type { ServeOptions } from "./serve-options.js";
