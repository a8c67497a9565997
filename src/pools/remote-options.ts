/** What a remote pool takes and gives, for those who know no more of it: `allcores/remote` has the class. */
import type { CallOptions } from "./call-options.js";
import type { MapOptions } from "./map-options.js";
import type { Pool } from "./pool.js";
import type { PoolOptions } from "./pool-options.js";

/** Where the server is: a URL, or options as ioredis takes them. */
export type RemoteConnection =
  | string
  | {
      /** Nodes of a Cluster; the other fields are the options of ioredis for clusters. */
      readonly cluster?: readonly (string | { readonly host: string; readonly port: number })[] | undefined;
      /** An option of ioredis: `host`, `port`, `username`, `password`, `tls`, `sentinels`, `name`, `path` and so on. */
      readonly [option: string]: unknown;
    };

/** Where long values lie, in place of the server. */
export interface RemoteValueStore {
  /** Keeps bytes for so many milliseconds at least. */
  put(key: string, bytes: Uint8Array, milliseconds: number): Promise<void>;
  /** Undefined where they are not there any more. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Forgets them. */
  delete(key: string): Promise<void>;
}

/** How a queue at a server is reached. */
export interface RemoteQueueOptions {
  /** A URL such as `"redis://localhost:6379"`, or options of ioredis: TLS, users, Sentinel, Cluster. */
  connection: RemoteConnection;
  /** Name of the queue; pools and workers with the same name find each other. */
  queue: string;
  /** What the server's keys begin with; `"{allcores}"` unless given. */
  prefix?: string | undefined;
  /** Where values over 256 KB lie; at the server unless given. Pools and workers of a queue need the same. */
  store?: RemoteValueStore | undefined;
}

/** How long outcomes are kept at the server. */
export interface RemoteRetention {
  /** Milliseconds; an hour unless given. */
  age?: number | undefined;
  /** At most so many outcomes, and as many failures; 20000 unless given. */
  count?: number | undefined;
}

/** How a remote pool is made. */
export interface RemotePoolOptions
  extends RemoteQueueOptions,
    Pick<PoolOptions, "maxQueue" | "retries" | "taskTimeout" | "name"> {
  /** Most tasks and chunks of this pool that are at the server at a time; 256 unless given. */
  inFlight?: number | undefined;
  /** In place of the package's version in the names of tasks; workers need the same. */
  build?: string | undefined;
  /** How often a task whose worker is lost runs again; 3 unless given. */
  lostRetries?: number | undefined;
  /** Longest argument or result of a task, in bytes; 16 MB unless given. */
  maxValueBytes?: number | undefined;
  /** How often tasks of the queue may begin, no matter which programs submit and run them. */
  rate?: { limit: number; interval: number } | undefined;
  /** How long outcomes are kept. */
  retention?: RemoteRetention | undefined;
  /** Milliseconds between looks for outcomes of which no event has come; 2000 unless given. */
  sweepEvery?: number | undefined;
}

/** What `with()` sets for the calls of a remote pool. */
export interface RemoteCallOptions extends CallOptions {
  /**
   * Names the call at the server: submitted again under the same id, by this program or another, it is not run again,
   * and what it gave is given. Not longer than 500 bytes.
   */
  id?: string | undefined;
  /** Milliseconds before a worker may begin it. */
  delay?: number | undefined;
  /** W3C Trace Context of the caller, which travels with the task. */
  traceparent?: string | undefined;
}

/** How a map of a remote pool goes about it. */
export interface RemoteMapOptions extends MapOptions {
  /** Items are called `id/0`, `id/1` and so on at the server, and each goes for itself. */
  id?: string | undefined;
}

/** A pool of workers on other machines, as `createPool("remote")` gives it. */
export interface RemotePoolLike extends Pool {
  with(options: RemoteCallOptions): RemotePoolLike;
}
