/**
 * What a remote pool and its workers need of the server between them. Everything else, such as messages, deaths and
 * retries, is the same over every engine.
 *
 * An id is enqueued once however often that is asked for. What an engine tells of outcomes is a hint: it may come
 * twice, late or never, and a waiter looks ids up by itself. Data and results are plain objects for JSON.
 */
import type { RunStop } from "./run-stop.js";
import type { Wire, WireResult } from "./wire.js";

/** A task on its way to a worker. */
export interface Entry {
  readonly id: string;
  readonly wire: Wire;
  /** Higher goes first. */
  readonly priority: number;
  /** Milliseconds before any worker may begin it. */
  readonly delay: number;
}

/** What has become of a task. */
export interface Outcome {
  /** Undefined where the engine ended it, since it lost its worker too often or nobody can read it. */
  readonly result: WireResult | undefined;
  /** A line for people. */
  readonly reason: string | undefined;
}

/** What an engine has under an id. */
export interface LookedUp {
  readonly state: "waiting" | "running" | "ended" | "missing";
  /** Of which task and arguments it is. */
  readonly digest: string | undefined;
  readonly outcome: Outcome | undefined;
}

/** Hears of a queue. */
export interface EngineWatch {
  /** Whether it wants to hear of an id. Of others it may be told nothing. */
  waitsFor(id: string): boolean;
  /** It has ended; undefined: it has to be looked up. */
  ended(id: string, outcome: Outcome | undefined): void;
  begun(id: string): void;
  progress(id: string, value: unknown): void;
  /** The connection is there again. */
  connected(): void;
}

/** One run of a task at a worker. */
export interface ServedRun {
  readonly id: string;
  readonly wire: Wire;
  /** How often its worker was lost before. */
  readonly losses: readonly LostWorker[];
  /** Is asked when the task was called off or its lease was lost: nobody hears of its outcome then. */
  readonly stop: RunStop;
  progress(value: unknown): void;
  /** Remembers that a worker was lost to the task within this run. */
  lost(loss: LostWorker): void;
}

/** A worker that was lost while it ran a task. */
export interface LostWorker {
  readonly worker: string;
  readonly pid: number;
  /** When that became known: milliseconds since 1970. */
  readonly time: number;
  /** Milliseconds that the task had run. */
  readonly ranFor: number;
  readonly reason: "lost" | "exit" | "signal" | "memory";
  readonly signal?: string | undefined;
  readonly exitCode?: number | undefined;
}

/**
 * What a run came to. `"elsewhere"`: this worker leaves the task to others. `"back"`: it was taken ahead and has not
 * begun; any worker may have it at once, this one too.
 */
export type RunResult =
  | { readonly to: "done" | "failed"; readonly result: WireResult; readonly reason: string }
  | { readonly to: "elsewhere"; readonly reason: string }
  | { readonly to: "back" };

/** How a worker serves. */
export interface ServeSettings {
  readonly name: string;
  /** Runs at a time. */
  readonly slots: number;
  /** Milliseconds that a task's lease lasts unless it is renewed. */
  readonly lease: number;
  /** Milliseconds between looks for leases that have run out. */
  readonly look: number;
  /** Milliseconds until a task that was left to others is offered again. */
  readonly patience: number;
  /** What others may know of this worker. */
  readonly info: RemoteWorkerInfo;
  run(run: ServedRun): Promise<RunResult>;
  /** Something went wrong that is no task's. */
  report(error: unknown): void;
}

/** What a worker tells of itself. */
export interface RemoteWorkerInfo {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly slots: number;
  readonly library: string;
  readonly wire: number;
  /** The packages whose tasks it runs, as in "shop@1.2.0". */
  readonly builds: readonly string[];
}

/** A worker's side of a queue. */
export interface Service {
  /** Takes no more, and waits for what runs. */
  drain(): Promise<void>;
  /** Lets go of all at once: what runs is run elsewhere, once the leases are over. */
  stop(): Promise<void>;
  /** Runs so many at a time. */
  resize(slots: number): void;
  readonly isConnected: boolean;
}

/** How many tasks stand where. */
export interface QueueCounts {
  readonly waiting: number;
  readonly prioritized: number;
  readonly delayed: number;
  readonly active: number;
  readonly completed: number;
  readonly failed: number;
}

/** A task that failed, as a person sees it. */
export interface FailedTask {
  readonly id: string;
  readonly task: string;
  readonly reason: string;
  /** When it failed: milliseconds since 1970. */
  readonly time: number;
}

/** A schedule, as it is kept at the server. */
export interface RemoteSchedule {
  readonly id: string;
  readonly task: string;
  readonly every: number | undefined;
  readonly cron: string | undefined;
  /** When it is due next: milliseconds since 1970. */
  readonly next: number | undefined;
}

/** Bytes that are too long for a message. */
export interface ValueStore {
  /** Keeps bytes for so many milliseconds at least. */
  put(key: string, bytes: Uint8Array, milliseconds: number): Promise<void>;
  /** Undefined where they are not there any more. */
  get(key: string): Promise<Uint8Array | undefined>;
  delete(key: string): Promise<void>;
}

/** A queue at a server. */
export interface Engine {
  readonly values: ValueStore;
  readonly isConnected: boolean;
  /** Resolves once the server was reached and will do. @throws RemoteUnavailableError when it will not do */
  start(): Promise<void>;
  /** Of each entry, why the server refused it, in their order; undefined where it has it now, or had it before. */
  enqueue(entries: readonly Entry[]): Promise<readonly (Error | undefined)[]>;
  subscribe(watch: EngineWatch): Promise<void>;
  /** `digests`: tells these too, which costs more. */
  lookUp(ids: readonly string[], digests?: boolean): Promise<readonly LookedUp[]>;
  /** What waits is removed. What runs is asked to stop, unless `waitingOnly`. */
  cancel(ids: readonly string[], reason: string, waitingOnly?: boolean): Promise<void>;
  /** How many tasks may begin in so many milliseconds, over all workers. */
  limit(rate: { readonly limit: number; readonly interval: number }): Promise<void>;
  serve(settings: ServeSettings): Promise<Service>;
  workers(): Promise<readonly RemoteWorkerInfo[]>;
  counts(): Promise<QueueCounts>;
  failed(limit: number): Promise<readonly FailedTask[]>;
  retry(id: string): Promise<boolean>;
  discard(id: string): Promise<boolean>;
  schedule(
    id: string,
    when: { readonly every?: number | undefined; readonly cron?: string | undefined },
    entry: Omit<Entry, "id" | "delay">,
  ): Promise<void>;
  schedules(limit: number): Promise<readonly RemoteSchedule[]>;
  unschedule(id: string): Promise<boolean>;
  /** A text that is another one once the server has lost what it held. */
  epoch(): Promise<string>;
  /** Whether its connections keep the program alive. */
  hold(alive: boolean): void;
  close(): Promise<void>;
}
