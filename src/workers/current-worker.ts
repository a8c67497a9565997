import { isMainThread, threadId } from "node:worker_threads";
import { servedCall } from "../channels/served-call.js";
import { CancelledError, StateError } from "../errors/index.js";
import { type RunningJob, workerState } from "./worker-state.js";

/**
 * Who runs this code, and what it runs.
 *
 * @example
 * ```ts
 * import { currentWorker, isMain, task, ThreadPool } from "allcores";
 * const sum = task(import.meta, function sum(to: number) {
 *   const me = currentWorker();
 *   let total = 0;
 *   for (let n = 1; n <= to; n++) {
 *     me.throwIfCancelled();
 *     total += n;
 *   }
 *   me.progress("added");
 *   return total;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   console.log(await pool.submit(sum, 4)); // 10
 * }
 * ```
 */
export interface CurrentWorker {
  /** "MainThread", "Thread-1", "Process-2", "PoolWorker-3", or the name it was given. */
  readonly name: string;
  /** What it runs on: the program's main thread, a thread, or a process of its own. */
  readonly model: "main" | "thread" | "process";
  /** Process id. */
  readonly pid: number;
  /** Node's number of the thread, 0 for a process's main thread. */
  readonly threadId: number;
  /**
   * In a pool's task, or a method of a served object: aborted once the call is called off. It is told through the event
   * loop: a loop that only computes reads `isCancelled`.
   */
  readonly signal: AbortSignal;
  /**
   * In a pool's task: whether it is called off. Of a worker read from shared memory, so it changes in the middle of a
   * computation.
   */
  readonly isCancelled: boolean;
  /**
   * The former name of `isCancelled`.
   * @deprecated Use `isCancelled`.
   */
  readonly cancelled: boolean;
  /**
   * In a pool's worker: which of its workers this is, a number from 1 to `workers`. No two that work have the same, and
   * a worker that replaces another takes over its number: for files, ports or devices of which each worker has one.
   * With `tasksPerWorker` its tasks share it.
   * Of an `AsyncPool` it is the task's, from its first question to its end. Undefined elsewhere. After a `resize` to
   * fewer workers those that stay keep their numbers.
   */
  readonly slot: number | undefined;
  /** In a pool's task: how often it has been begun, from 1. */
  readonly attempt: number;
  /**
   * In a task of a remote pool: a text that is the same each time that this very call or item is run, and of no other,
   * so that what the task does elsewhere can be done once. Undefined elsewhere.
   */
  readonly idempotencyKey: string | undefined;
  /**
   * Throws once the task is called off; outside of a pool's task it does nothing.
   *
   * @throws `ERR_ALLCORES_CANCELLED` once the task is called off, `ERR_ALLCORES_STATE` where nobody can tell the task
   * @remarks **Cost:** one read of shared memory.
   */
  throwIfCancelled(): void;
  /**
   * Tells those who listen by `future.onProgress` of a value, in order and before the result. Does nothing outside of a
   * pool's task.
   *
   * @param value what they are told, which is copied
   * @throws `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_STATE` where nobody can tell the task
   * @remarks **Cost:** as a result: the encoding and a write into the worker's lane.
   */
  progress(value: unknown): void;
}

let never: AbortSignal | undefined;
let known: { readonly job: RunningJob | undefined; readonly worker: CurrentWorker } | undefined;

/**
 * The worker that runs the calling code, and the task that it runs.
 *
 * An `AsyncPool`, or the owner of a served object, runs many calls in one thread. There, ask before the first `await`
 * and keep the answer: `const me = currentWorker()` as the first line is right in every pool. After an `await` nobody
 * can tell which task asks, and what belongs to a task throws `StateError`, unless the pool was made with `tracked`. A
 * pool with `tasksPerWorker` can always tell.
 *
 * @returns the worker; the same object for the same task
 * @throws nothing; its members throw `ERR_ALLCORES_STATE` where nobody can tell the task
 * @remarks **Cost:** a few reads.
 *
 * @example
 * ```ts
 * import { currentWorker, isMain, task, ThreadPool } from "allcores";
 * const count = task(import.meta, function count(to: number) {
 *   for (let n = 0; n < to; n++) {
 *     currentWorker().throwIfCancelled();
 *     currentWorker().progress(n / to);
 *   }
 *   return currentWorker().name;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   console.log(currentWorker().name, await pool.submit(count, 4)); // MainThread PoolWorker-1
 * }
 * ```
 */
export function currentWorker(): CurrentWorker {
  const job =
    servedCall() ??
    workerState.asyncJob ??
    workerState.tracker?.getStore() ??
    workerState.job ??
    (workerState.untracked > 0 ? unknown : undefined);
  if (known?.job !== job || known?.worker.name !== workerState.name) known = { job, worker: describe(job) };
  return known!.worker;
}

/** One of several tasks of async pools, or code outside of them. */
const unknown: RunningJob = {
  get attempt(): never {
    return refuse();
  },
  get cancelled(): never {
    return refuse();
  },
  get signal(): never {
    return refuse();
  },
  get slot(): never {
    return refuse();
  },
  progress: refuse,
};

function refuse(): never {
  throw new StateError(
    "tasks of an AsyncPool are under way, and after an await nobody can tell which of them asks: call currentWorker() before the first await and keep what it gives, " +
      "or make the pool with { tracked: true }",
  );
}

/** Its identity are fields, so that it can be sent; the rest belongs to this very task and stays here. */
function describe(job: RunningJob | undefined): CurrentWorker {
  const { name, model } = workerState;
  const hidden = (get: () => unknown) => ({ get, enumerable: false });
  const worker = Object.create(Object.prototype, {
    name: { value: name, enumerable: true },
    model: { value: model === "main" && !isMainThread ? "thread" : model, enumerable: true },
    pid: { value: process.pid, enumerable: true },
    threadId: { value: threadId, enumerable: true },
    signal: hidden(() => job?.signal ?? (never ??= new AbortController().signal)),
    isCancelled: hidden(() => job?.cancelled ?? false),
    cancelled: hidden(() => job?.cancelled ?? false),
    slot: hidden(() => job?.slot ?? workerState.slot),
    attempt: hidden(() => job?.attempt ?? 1),
    idempotencyKey: hidden(() => job?.key),
    throwIfCancelled: {
      value() {
        if (job?.cancelled === true) throw new CancelledError("the task was called off");
      },
    },
    progress: { value: (value: unknown) => job?.progress(value) },
  }) as CurrentWorker;
  return worker;
}
