import type { PoolCalls } from "./pool-calls.js";
import type { Scheduler } from "./scheduler.js";

/** The verbs of a pool that say nothing of a task: all pools have them alike. */
export class BasePool {
  readonly #scheduler: Scheduler;

  /** @internal Pools are made by their classes. */
  protected constructor({ scheduler }: PoolCalls) {
    this.#scheduler = scheduler;
  }

  /** Whether `pause()` holds back what waits. */
  get isPaused(): boolean {
    return this.#scheduler.isPaused;
  }

  /**
   * Nothing more begins: neither what waits nor what is submitted from now on, and no map takes from its input. What
   * was handed to a worker and has not begun comes back. What has begun goes on to its end; so does a chunk of a map,
   * and a call whose arguments were moved to a thread. `start()` ends the pause, and so do `close()`, `await using`
   * and `terminate()`.
   *
   * A paused pool does not keep the program alive by what waits in it. It holds for all that share the pool by
   * `with()`. A second `pause()` does nothing.
   *
   * @throws `ERR_ALLCORES_STATE` after `close()` or `terminate()`
   * @remarks **Cost:** a look at each call that workers have.
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool({ concurrency: 2 });
   * pool.pause();
   * const future = pool.submit(() => "done");
   * console.log(pool.isPaused, future.state); // true pending
   * pool.start();
   * console.log(await future); // done
   * ```
   */
  pause(): void {
    this.#scheduler.pause();
  }

  /**
   * Ends a pause: what waits begins by its priority, and maps take from their inputs again. Does nothing where there
   * is no pause.
   *
   * @throws nothing
   * @remarks **Cost:** what handing out costs.
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool();
   * pool.pause();
   * const sum = pool.submit((a: number, b: number) => a + b, 1, 2);
   * pool.start();
   * console.log(await sum); // 3
   * ```
   */
  start(): void {
    this.#scheduler.start();
  }

  /**
   * Rejects with `CancelledError` all that waits: calls and items of maps that have not begun, and those that wait for
   * another attempt. What has begun goes on. A map fails by that, unless it is `settled()`.
   *
   * @throws nothing
   * @remarks **Cost:** a step for each that waits.
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool();
   * pool.pause();
   * const future = pool.submit(() => 1);
   * pool.clear();
   * console.log(future.state); // cancelled
   * ```
   */
  clear(): void {
    this.#scheduler.clear();
  }
}
