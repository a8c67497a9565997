import { type Boundary, crossing, type Crosses, type Marshalled, registerKind } from "../codec/index.js";
import { Served } from "../channels/served.js";
import { CorruptError } from "../errors/index.js";
import type { Future } from "../futures/future.js";
import type { WaitOptions } from "../parking/index.js";
import { type AnyFunction, identityOf, type Task } from "../workers/task.js";
import { workerState } from "../workers/worker-state.js";

/** What the pool does for its handles. */
export interface NestedWork {
  /** Runs a task for the worker `caller`. `sequence`: of the job that calls, where its worker has several under way. */
  submit(caller: number, url: string, name: string, args: unknown[], sequence?: number): Promise<unknown>;
}

/**
 * A pool as its own tasks see it: `pool.handle()` makes one, and it travels as an argument.
 *
 * A task that waits for another of its own pool takes up a worker meanwhile. If all of them come to wait so, none is
 * left to do the work: the call that would bring that about is refused with `DeadlockError`.
 *
 * @example
 * ```ts
 * import { isMain, type PoolHandle, task, ThreadPool } from "allcores";
 * const square = task(import.meta, function square(n: number) {
 *   return n * n;
 * });
 * const sum = task(import.meta, async function sum(pool: PoolHandle, items: number[]) {
 *   const squares = await Promise.all(items.map((n) => pool.with({ timeout: 5000 }).submit(square, n)));
 *   return squares.reduce((a, b) => a + b);
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 2 });
 *   console.log(await pool.submit(sum, pool.handle(), [3, 4])); // 25
 * }
 * ```
 */
export class PoolHandle implements Crosses {
  readonly #served: Served<NestedWork>;

  /** @internal */
  constructor(served: Served<NestedWork>) {
    this.#served = served;
  }

  /**
   * The same pool, whose calls end with these: by the `signal` with its reason, after `timeout` milliseconds with
   * `TimeoutError`. Their tasks are called off then.
   *
   * @param options `timeout`: milliseconds from the call to its end, without end unless given. `signal`: ends the calls
   *   with its reason
   * @returns a handle of the same pool
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death:** as of the pool's own calls. **Cancel:** the pool's task is asked to stop. **Cost:**
   *   one small object; nothing is sent.
   */
  with(options: WaitOptions): PoolHandle {
    return new PoolHandle(this.#served.with(options));
  }

  /**
   * Has the pool run a task. The future gives the task's value or its error; `cancel` calls the task off.
   *
   * @param task a function that was registered by `task()`
   * @param args its arguments, which are copied; shared objects arrive as themselves
   * @returns the future. It fails with `ERR_ALLCORES_DEADLOCK` when every worker of the pool would wait for it, with
   *   `ERR_ALLCORES_STATE` once the pool is closed, with `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for an
   *   argument that cannot cross
   * @throws `ERR_ALLCORES_NOT_A_TASK`
   * @remarks **Fairness, death, cancel:** as of the pool's own calls. **Cost:** a message to the pool's thread and one
   *   back, beside the task's own.
   */
  submit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<Awaited<ReturnType<F>>> {
    const { url, name, bound } = identityOf(task);
    const all = [...bound, ...args];
    const { sequence } = workerState.tracker?.getStore() ?? {};
    return this.#served.call("submit", this.#served.callerId, url, name, all, sequence) as Future<
      Awaited<ReturnType<F>>
    >;
  }

  /** @internal */
  [crossing](_to: Boundary, _path: string): Marshalled {
    return { kind: "PoolHandle", payload: this.#served };
  }
}

registerKind("PoolHandle", (served: unknown) => {
  if (!(served instanceof Served)) throw new CorruptError("a handle of a pool is malformed");
  return new PoolHandle(served as Served<NestedWork>);
});
