/** Calls of an AutoPool that share their options: what `with()` makes anew. */
import { textOfThrown } from "../errors/index.js";
import type { Future } from "../futures/future.js";
import type { CallOptions, CallSettings } from "../pools/call-options.js";
import { callSettings, defaultCall } from "../pools/call-options.js";
import { isUnsendable } from "../pools/chunk.js";
import { type MapOptions, mapPlan } from "../pools/map-options.js";
import { type Kept, MapRun } from "../pools/map-run.js";
import { PoolCalls } from "../pools/pool-calls.js";
import type { TaskIdentity } from "../workers/task.js";
import type { AutoSchedulers } from "./auto-schedulers.js";
import { RoutedMap } from "./routed-map.js";

export class AutoCalls {
  readonly schedulers: AutoSchedulers;
  readonly #settings: CallSettings;

  constructor(schedulers: AutoSchedulers, settings = defaultCall(schedulers.settings)) {
    this.schedulers = schedulers;
    this.#settings = settings;
  }

  with(options: CallOptions): AutoCalls {
    return new AutoCalls(this.schedulers, callSettings(this.#settings, options));
  }

  submit(task: TaskIdentity, args: readonly unknown[]): Future<unknown> {
    return this.#routed(task, (calls, isMovable) => calls.submit(task, args, isMovable));
  }

  trySubmit(task: TaskIdentity, args: readonly unknown[]): Future<unknown> | undefined {
    return this.#routed(task, (calls, isMovable) => calls.trySubmit(task, args, isMovable));
  }

  /** `how`: whether an item is the arguments, or one of them. */
  map<A, R>(
    task: TaskIdentity,
    items: Iterable<A> | AsyncIterable<A>,
    how: number,
    verb: string,
    options: MapOptions,
  ): MapRun<A, Kept<R>> {
    const plan = mapPlan(verb, task, items, how, this.#settings, options);
    this.schedulers.checkOpen("map");
    return new MapRun<A, Kept<R>>(new RoutedMap(this.schedulers, this.schedulers.routeOf(task)), plan);
  }

  /** What cannot cross to a process stays with the threads. */
  #routed<T>(task: TaskIdentity, call: (calls: PoolCalls, isMovable: boolean) => T): T {
    const { schedulers } = this;
    schedulers.checkOpen("submit");
    const route = schedulers.routeOf(task);
    try {
      const called = call(new PoolCalls(schedulers.of(route), this.#settings), route.model === undefined);
      if (route.model === undefined) schedulers.watch();
      return called;
    } catch (error) {
      if (route.model !== "process" || !isUnsendable(error)) throw error;
      route.exclude("process", textOfThrown(error));
      return call(new PoolCalls(schedulers.threads, this.#settings), false);
    }
  }
}
