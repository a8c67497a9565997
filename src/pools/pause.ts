import type { Backlog } from "./backlog.js";
import type { OpenMap } from "./blocking-join.js";
import type { Dispatcher } from "./dispatcher.js";
import type { Job } from "./job.js";
import type { WorkerSet } from "./worker-set.js";

/** What a pause asks of its pool. */
export interface PausedPool {
  readonly maps: Iterable<OpenMap>;
  /** It is in the middle of taking in results, and looks by itself who is to go. */
  readonly isBusy: boolean;
  /** @throws StateError, InitializerError, MainGuardError once it takes no more work */
  checkOpen(verb: string): void;
  /** Lets workers go that have no work and get none. */
  settleDown(): void;
  /** Gives what waits to the workers that can take it, now that there may be room again. */
  feedAnew(): void;
}

/** Whether a pool hands out work. While it is paused nothing begins; what has begun goes on. */
export class Pause {
  readonly #pool: PausedPool;
  readonly #workers: WorkerSet;
  readonly #backlog: Backlog;
  readonly #dispatcher: Dispatcher;
  /** Calls that run beside the places of a shared worker, since tasks that have a place wait for them. */
  readonly #beside = new WeakSet<Job>();

  constructor(pool: PausedPool, workers: WorkerSet, dispatcher: Dispatcher) {
    this.#pool = pool;
    this.#workers = workers;
    this.#backlog = dispatcher.backlog;
    this.#dispatcher = dispatcher;
  }

  get isOn(): boolean {
    return this.#dispatcher.isPaused;
  }

  /**
   * Takes back what was handed out and has not begun. It goes before what was submitted later.
   * @throws as `checkOpen`
   */
  begin(): void {
    this.#pool.checkOpen("pause");
    this.#dispatcher.isPaused = true;
    this.#dispatcher.isFull = true;
    for (const job of recalledFrom(this.#workers).reverse()) this.#backlog.pushFront(job);
    if (!this.#pool.isBusy) this.#pool.settleDown();
  }

  /** Hands out what waits, and has maps take from their inputs again. */
  end(): void {
    if (!this.isOn) return;
    this.#lift();
    for (const job of [...this.#backlog]) {
      const slot = this.#beside.has(job) ? this.#workers.any() : undefined;
      if (slot === undefined) continue;
      this.#backlog.remove(job);
      this.#dispatcher.assign(slot, job);
    }
    this.#pool.feedAnew();
    this.#tellMaps();
  }

  /** Ends the pause and hands nothing out: all that waits is removed, since the pool is to end. */
  drop(removeAll: () => void): void {
    const wasOn = this.isOn;
    this.#lift();
    removeAll();
    // A map that takes nothing from its input hears of the end by that alone.
    if (wasOn) this.#tellMaps();
  }

  #lift(): void {
    this.#dispatcher.isPaused = false;
    this.#dispatcher.isFull = false;
  }

  #tellMaps(): void {
    for (const map of [...this.#pool.maps]) map.goOn();
  }

  /** This call needs no place of its own. */
  runsBeside(job: Job): void {
    this.#beside.add(job);
  }
}

/** What workers were given and have not begun, in the order of submission. The pool has it in its hands then. */
export function recalledFrom(
  workers: Iterable<{ readonly jobs: readonly Job[]; recall(job: Job): boolean }>,
  suits: (job: Job) => boolean = () => true,
): Job[] {
  const recalled: Job[] = [];
  // From the last to the first: a worker that is ready begins the first one meanwhile.
  for (const slot of workers)
    recalled.push(...[...slot.jobs].reverse().filter((job) => !job.isBound && suits(job) && slot.recall(job)));
  return recalled.sort((a, b) => a.submittedAt - b.submittedAt || a.sequence - b.sequence);
}
