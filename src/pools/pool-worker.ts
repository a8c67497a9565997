/**
 * One worker of a pool at one moment, as far as it can be told without asking it: one that does not respond could not
 * answer.
 *
 * @example
 * ```ts
 * import { Event, isMain, sleep, task, ThreadPool } from "allcores";
 * const hold = task(import.meta, function hold(go: Event) {
 *   go.waitSync();
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   const go = new Event({ label: "go" });
 *   const held = pool.submit(hold, go);
 *   while (pool.stats().perWorker[0]?.state !== "waiting") await sleep(10);
 *   console.log(pool.stats().perWorker[0]?.waitsFor); // [ 'Event "go"' ]
 *   go.set();
 *   await held;
 * }
 * ```
 */
export interface PoolWorker {
  readonly name: string;
  /** Its process; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Node's number of its thread, 0 for a process's main thread. */
  readonly threadId: number;
  /**
   * - `"starting"`: it has not begun;
   * - `"idle"`: it has no task;
   * - `"busy"`: its task computes, or would if a processor were free. Where the system tells nothing of threads
   *   (elsewhere than on Linux), also when it is blocked or stopped;
   * - `"awaiting"`: its task has returned a promise, and its event loop waits for what comes;
   * - `"waiting"`: its thread is blocked in a wait of this library, as for a lock;
   * - `"blocked"`: its thread sleeps elsewhere, as in a synchronous child process, a read of a pipe, `Atomics.wait` or
   *   `sleepSync`;
   * - `"stopped"`: it was stopped, as by SIGSTOP or a debugger.
   */
  readonly state: "starting" | "idle" | "busy" | "awaiting" | "waiting" | "blocked" | "stopped";
  /** When it was given its task, or ended the last one: milliseconds since 1970. */
  readonly since: number;
  /** Its task. */
  readonly task?: string;
  /** What it waits for or awaits, as in `Lock "accounts"`, where that is an object of this library and known here. */
  readonly waitsFor?: readonly string[];
  /** The function of the kernel in which it sleeps, as in "pipe_read", where the kernel tells. */
  readonly sleepsIn?: string;
}

/** A worker, and for how many nanoseconds its thread has had a processor by then, or has waited for one. */
export interface WorkerLook {
  readonly worker: PoolWorker;
  readonly ran: number | undefined;
  readonly delayed?: number | undefined;
}
