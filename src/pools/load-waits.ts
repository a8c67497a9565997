import { ArgumentRangeError, ArgumentTypeError, TimeoutError } from "../errors/index.js";
import { Alarm, awaitDeadlineOf, offAbort, onAbort, signalOf, type WaitOptions } from "../parking/index.js";
import type { Agenda, Appointment } from "./agenda.js";
import type { OpenMap } from "./blocking-join.js";
import { runningIn } from "./load.js";
import type { Tally } from "./tally.js";
import type { WorkerSlot } from "./worker-slot.js";

/** Between two looks at first; twice as long each time, up to the other. */
const LEAST_LOOK_MS = 1;
const MOST_LOOK_MS = 50;

/** What those who wait ask of their pool. */
interface LoadedPool {
  readonly title: string;
  readonly agenda: Agenda;
  readonly tally: Tally;
  /** Maps that were begun and have not ended. */
  readonly maps: ReadonlySet<OpenMap>;
  drain(): number;
}

interface Waiter {
  isMet(): boolean;
  resolve(): void;
}

/**
 * Who waits until a pool has less to do. An end is told by the pool (`look`). That a worker has begun what stood before
 * it, nobody tells: while somebody waits, a timer looks.
 */
export class LoadWaits {
  readonly #pool: LoadedPool;
  readonly #workers: Iterable<WorkerSlot>;
  readonly #waiters = new Set<Waiter>();
  #next: Appointment | undefined;

  constructor(pool: LoadedPool, workers: Iterable<WorkerSlot>) {
    this.#pool = pool;
    this.#workers = workers;
  }

  /** Whether anybody waits. */
  get isAwaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Until all that was submitted has ended, and all maps that were begun. */
  async untilIdle(options: WaitOptions | undefined): Promise<void> {
    const { tally, maps } = this.#pool;
    await this.#until(() => tally.open === 0 && maps.size === 0, "idle", options);
  }

  /** Until fewer than `size` calls and items wait. */
  async untilShorter(size: number, what: string, options: WaitOptions | undefined): Promise<void> {
    if (typeof size !== "number")
      throw new ArgumentTypeError(`waitForSizeLessThan(size): size must be a number, got ${typeof size}`);
    if (!Number.isInteger(size) || size < 1)
      throw new ArgumentRangeError(`waitForSizeLessThan(size): size must be a whole number from 1, got ${size}`);
    const { tally } = this.#pool;
    await this.#until(() => tally.open - runningIn(this.#workers, tally) < size, what, options);
  }

  /** Something has ended. */
  look(): void {
    for (const waiter of this.#waiters) if (waiter.isMet()) waiter.resolve();
  }

  async #until(isMet: () => boolean, what: string, options: WaitOptions | undefined): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    if (isMet()) return;
    const timedOut = () =>
      new TimeoutError(`this ${this.#pool.title} was not ${what} within ${options?.timeout} ms: its work goes on`);
    if (deadline === 0) throw timedOut();
    await new Promise<void>((resolve, reject) => {
      const leave = (settle: () => void) => {
        this.#waiters.delete(waiter);
        alarm?.clear();
        offAbort(signal, abort);
        if (this.#waiters.size === 0) this.#next?.clear();
        settle();
      };
      const abort = () => leave(() => reject(signal?.reason));
      const alarm =
        deadline === Number.POSITIVE_INFINITY ? undefined : new Alarm(deadline, () => leave(() => reject(timedOut())));
      const waiter = { isMet, resolve: () => leave(resolve) };
      onAbort(signal, abort);
      this.#waiters.add(waiter);
      this.#lookAfter(LEAST_LOOK_MS);
    });
  }

  #lookAfter(ms: number): void {
    this.#next?.clear();
    this.#next = this.#pool.agenda
      .after(ms, () => {
        this.#pool.drain();
        this.look();
        if (this.isAwaited) this.#lookAfter(Math.min(2 * ms, MOST_LOOK_MS));
      })
      .unref();
  }
}
