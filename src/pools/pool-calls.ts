import { TimeoutError } from "../errors/index.js";
import type { Future } from "../futures/future.js";
import type { TaskIdentity } from "../workers/task.js";
import { Call } from "./call.js";
import { type CallOptions, type CallSettings, callSettings, defaultCall } from "./call-options.js";
import { lackError } from "./lack-error.js";
import { type MapOptions, mapPlan } from "./map-options.js";
import { type Kept, MapRun } from "./map-run.js";
import type { Scheduler } from "./scheduler.js";

/** The calls of a pool that share their options: what `pool.with()` makes anew. */
export class PoolCalls {
  readonly scheduler: Scheduler;
  readonly #settings: CallSettings;

  constructor(scheduler: Scheduler, settings: CallSettings = defaultCall(scheduler.settings)) {
    this.scheduler = scheduler;
    this.#settings = settings;
  }

  with(options: CallOptions): PoolCalls {
    const settings = callSettings(this.#settings, options);
    const { scheduler } = this;
    if (settings.transfer.length > 0 && scheduler.lacks("moved buffers"))
      throw lackError(scheduler.title, "moved buffers", "options.transfer", "leave it out, and the buffers are copied");
    return new PoolCalls(scheduler, settings);
  }

  /** The same with what only its kind of link reads. */
  withExtra(extra: unknown): PoolCalls {
    return new PoolCalls(this.scheduler, { ...this.#settings, extra });
  }

  get extra(): unknown {
    return this.#settings.extra;
  }

  /**
   * `isMovable`: the call may go to another scheduler before it begins. @throws PoolFullError when as many wait as may
   */
  submit(task: TaskIdentity, args: readonly unknown[], isMovable = false): Future<unknown> {
    this.scheduler.checkOpen("submit");
    this.scheduler.checkRoom();
    return this.#submit(task, args, isMovable);
  }

  /** Undefined when as many wait as may. */
  trySubmit(task: TaskIdentity, args: readonly unknown[], isMovable = false): Future<unknown> | undefined {
    this.scheduler.checkOpen("submit");
    return this.scheduler.isShedding ? undefined : this.#submit(task, args, isMovable);
  }

  #submit(task: TaskIdentity, args: readonly unknown[], isMovable: boolean): Future<unknown> {
    const { scheduler } = this;
    const { signal, timeout } = this.#settings;
    const call = new Call(scheduler, task, this.#settings, args, isMovable);
    if (signal?.aborted === true) {
      scheduler.tally.submitted++;
      call.fail(signal.reason, true);
      return call.future;
    }
    scheduler.submit(call);
    if (signal !== undefined || timeout !== Number.POSITIVE_INFINITY)
      call.limit(() => {
        const late = new TimeoutError(
          `the task "${call.task.name}" had not ended within ${timeout} ms and was called off`,
        );
        return scheduler.links.lateError?.(call, late) ?? late;
      });
    return call.future;
  }

  /** `how`: whether an item is the arguments, or one of them. `chunkSize`: unless the options tell another. */
  map<A, R>(
    task: TaskIdentity,
    items: Iterable<A> | AsyncIterable<A>,
    how: number,
    verb: string,
    options: MapOptions,
    chunkSize?: number,
  ): MapRun<A, Kept<R>> {
    const plan = mapPlan(verb, task, items, how, this.#settings, options);
    this.scheduler.checkOpen("map");
    return new MapRun<A, Kept<R>>(this.scheduler, { ...plan, chunkSize: plan.chunkSize ?? chunkSize });
  }
}
