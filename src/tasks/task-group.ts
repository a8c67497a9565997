import { portray, refuseClones } from "../codec/portrait.js";
import { setMaxListeners } from "node:events";
import { ArgumentTypeError, CancelledError, StateError, TaskGroupError, textOfThrown } from "../errors/index.js";
import { type Future, openFuture, type Settler, type Work } from "../futures/future.js";
import { offAbort, onAbort, SIGNAL_OPTIONS, signalOf } from "../parking/index.js";
import { isEcho } from "./echo.js";

/** How a group is made. */
export interface TaskGroupOptions {
  /** Cancels the group when it aborts: the signal of the task that the group is a part of. */
  signal?: AbortSignal | undefined;
}

/** A task of a group, from its start to its end. */
class Child<T> implements Work {
  readonly #controller = new AbortController();
  readonly settler: Settler<T> = openFuture<T>(this);
  /** Its end, which never rejects. */
  ended: Promise<void> | undefined;

  constructor() {
    setMaxListeners(0, this.signal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isRunning(): boolean {
    return true;
  }

  /** It is asked to stop. What becomes of it, it says itself, once it has cleaned up. */
  cancel(reason: unknown): "asked" {
    this.#controller.abort(reason);
    return "asked";
  }
}

/**
 * Tasks that belong together, on this event loop: Python's `asyncio.TaskGroup`. Nobody leaves the group before all of
 * its tasks have ended, those included that its tasks spawned meanwhile.
 *
 * **Failure:** the first one cancels the rest, by the signal that each task is given; when all have cleaned up,
 * `TaskGroupError` (an `AggregateError`) carries every real failure in the order in which they came, also if it is a
 * single one. What tasks throw because they heard the signal is none. A task that does not listen to its signal is
 * waited for all the same.
 * **Cancel:** `future.cancel()` is for one task and no failure; `cancel()` for all of them, after which the group ends
 * without an error; `options.signal` for a group that is a part of another task, and its reason is thrown on. A task
 * that ends with a value although it was asked to stop has that value.
 *
 * `TaskGroup.run(fn)` counts an error of `fn` as a failure. A block with `await using` cannot: JavaScript does not tell
 * it of the error, so the block's tasks go on to their end, and the error comes after.
 *
 * @example
 * ```ts
 * import { sleep, TaskGroup } from "allcores";
 * const sum = await TaskGroup.run(async (group) => {
 *   const one = group.spawn(async (signal) => {
 *     await sleep(5, { signal });
 *     return 1;
 *   });
 *   const two = group.spawn(() => 2);
 *   return (await one) + (await two);
 * });
 * console.log(sum); // 3
 * ```
 */
export class TaskGroup implements AsyncDisposable {
  readonly #controller = new AbortController();
  /** Those that have not ended. */
  readonly #children = new Set<Child<never>>();
  readonly #failures: unknown[] = [];
  readonly #parent: AbortSignal | undefined;
  /** The parent's signal, and not `cancel` or a failure, has ended the group. */
  #isOrphan = false;
  #isOver = false;

  /**
   * Makes a group without tasks, for a block with `await using`. `TaskGroup.run(fn)` also hears of an error of the
   * block.
   *
   * @param options `signal`: cancels the group when it aborts
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense; the reason of `signal` when that has aborted
   *   already
   * @remarks **Cost:** one AbortController, and a listener where there is a `signal`.
   *
   * @example
   * ```ts
   * import { sleep, TaskGroup } from "allcores";
   * const lines: string[] = [];
   * {
   *   await using group = new TaskGroup();
   *   group.spawn(async (signal) => {
   *     await sleep(5, { signal });
   *     lines.push("slept");
   *   });
   *   group.spawn(() => lines.push("at once"));
   * }
   * console.log(lines); // [ 'at once', 'slept' ]
   * ```
   */
  constructor(options?: TaskGroupOptions) {
    refuseClones(this);
    this.#parent = signalOf(options, SIGNAL_OPTIONS);
    setMaxListeners(0, this.signal);
    onAbort(this.#parent, this.#parentAborted);
  }

  /**
   * Gives `fn` a group, waits for all of its tasks, and gives what `fn` returned.
   *
   * @param fn the block; its error is a failure of the group
   * @param options `signal`: cancels the group when it aborts
   * @returns what `fn` returned, once all tasks have ended
   * @throws `ERR_ALLCORES_TASK_GROUP` with all failures; `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense;
   *   the reason of `signal`, or of `cancel()` if `fn` heeded that
   * @remarks **Cancel:** the tasks are asked to stop, and waited for. **Cost:** one AbortController; a look at each
   *   task that has not ended.
   */
  static async run<T>(fn: (group: TaskGroup) => T, options?: TaskGroupOptions): Promise<Awaited<T>> {
    const group = new TaskGroup(options);
    let outcome: { readonly value: Awaited<T> } | undefined;
    try {
      outcome = { value: await fn(group) };
    } catch (error) {
      group.#failed(error, group.signal);
    }
    await group[Symbol.asyncDispose]();
    if (outcome === undefined) throw group.signal.reason;
    return outcome.value;
  }

  /** Aborts when the group is cancelled, by whatever. For what runs in the group but is none of its tasks. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Starts a task of the group; its function is called at once and gets the signal that asks this task to stop. From
   * anywhere, as long as the group has not ended; in a group that is being cancelled it is not called any more, and the
   * future is cancelled.
   *
   * @param fn the task; its argument is the signal
   * @returns the future of what `fn` gives. It settles once the task has ended
   * @throws `ERR_ALLCORES_STATE` after the end of the group, `ERR_ALLCORES_ARGUMENT_TYPE` for what is no function
   * @remarks **Cancel:** as the class says. **Cost:** an AbortController and a future.
   */
  spawn<T>(fn: (signal: AbortSignal) => T): Future<Awaited<T>> {
    if (typeof fn !== "function")
      throw new ArgumentTypeError(
        `group.spawn(fn): fn must be a function, got ${typeof fn}; a promise has begun already, and nobody can cancel it`,
      );
    if (this.#isOver) throw new StateError("this TaskGroup has ended: spawn(fn) from within it, or make a new one");
    const child = new Child<Awaited<T>>();
    if (this.signal.aborted) {
      child.settler.reject(this.signal.reason, true);
      return child.settler.future;
    }
    this.#children.add(child as Child<never>);
    child.ended = this.#run(child, fn);
    return child.settler.future;
  }

  /**
   * Asks all tasks to stop. The group then ends without an error of its own; a failure in cleaning up is one. Does
   * nothing once the group has ended.
   *
   * @param reason what the signals of the tasks give as theirs; a `CancelledError` unless given
   * @throws nothing
   * @remarks **Cost:** one signal for the group and one for each task.
   */
  cancel(reason: unknown = new CancelledError("the task group was cancelled")): void {
    if (!this.#isOver) this.#abort(reason);
  }

  /** Waits for all tasks. @throws TaskGroupError; the reason of `options.signal` */
  async [Symbol.asyncDispose](): Promise<void> {
    // Through Promise.allSettled the engine finds its way from an error in a task to who waits here: its stack shows
    // both.
    while (this.#children.size > 0) await Promise.allSettled([...this.#children].map(({ ended }) => ended));
    this.#isOver = true;
    offAbort(this.#parent, this.#parentAborted);
    if (this.#failures.length > 0) throw new TaskGroupError(this.#failures.splice(0));
    if (this.#isOrphan) throw this.#parent!.reason;
  }

  async #run<T>(child: Child<Awaited<T>>, fn: (signal: AbortSignal) => T): Promise<void> {
    const { settler, signal } = child;
    try {
      settler.resolve(await fn(signal));
    } catch (error) {
      if (isEcho(signal, error)) settler.reject(signal.reason, true);
      else {
        settler.reject(error);
        this.#failed(error, signal);
      }
    } finally {
      this.#children.delete(child as Child<never>);
    }
  }

  /** Takes note of a failure, if it is one. One that also came through a future that somebody awaited is the same. */
  #failed(error: unknown, signal: AbortSignal): void {
    if (isEcho(signal, error) || this.#failures.includes(error)) return;
    this.#failures.push(error);
    const text = textOfThrown(error);
    this.#abort(new CancelledError(`another task of the group failed: ${text}`, { cause: error }));
  }

  #abort(reason: unknown): void {
    if (this.signal.aborted) return;
    this.#controller.abort(reason);
    for (const child of this.#children) child.cancel(reason);
  }

  readonly #parentAborted = (): void => {
    if (this.signal.aborted) return;
    this.#isOrphan = true;
    this.#abort(this.#parent!.reason);
  };
}

portray(
  TaskGroup,
  ({ signal }) => ({ cancelled: signal.aborted }),
  "its tasks run where it was made: send what they need, and spawn a call of a pool",
);
