import type { KnownOptions } from "../errors/index.js";
import { type Handle, Monitor, type Reach } from "../objects/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";
import { cancelWaits } from "./cancels.js";
import { UnlockWatch } from "./unlock-watch.js";

/** Where the words stand that a lock of several words has for those who only wait. */
interface WaitWords {
  readonly watch: number;
  readonly cancels: number;
  /** The keys of those who wait to take it. */
  readonly keys: readonly number[];
}

/** What Semaphore and RWLock share: who waits until it is free, and how waits are ended. */
export abstract class LockMonitor extends Monitor {
  readonly #watch: UnlockWatch;
  readonly #waits: WaitWords;

  /** @internal */
  constructor(
    kind: number,
    size: number,
    options: Reach | Handle | undefined,
    known: KnownOptions<object>,
    waits: WaitWords,
  ) {
    super(kind, size, options, known);
    this.#waits = waits;
    this.#watch = new UnlockWatch(this, waits.watch, waits.cancels, () => this.looksFree());
  }

  /** @internal Whether there is something to be had now. What the dead held comes back first. */
  protected abstract looksFree(): boolean;

  /**
   * Waits until a permit of a Semaphore, or the whole of an RWLock, is free, and takes nothing: by the time the caller
   * goes on it may be otherwise. One that
   * is free for a moment ends the wait too. Whether it is free now is `value`, `isWriting` and `readers`.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one look. `signal`: ends the wait with its
   *   reason
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_CANCELLED` when somebody called
   *   `cancelWaiters()`, `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for
   *   options that make no sense; the reason of `signal`
   * @remarks **Fairness:** all who wait so go on. **Death:** a holder that died counts as gone within a second.
   *   **Cancel:** leaves no trace. **Cost:** a look where it is free; else its event loop is woken.
   *
   * @example
   * ```ts
   * import { RWLock } from "allcores";
   * const lock = new RWLock();
   * const held = lock.writeSync();
   * const free = lock.waitForUnlock();
   * held[Symbol.dispose]();
   * await free;
   * ```
   */
  waitForUnlock(options?: WaitOptions): Promise<void> {
    return this.#watch.wait(options);
  }

  /**
   * As `waitForUnlock`, blocking this thread and its event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one look
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_CANCELLED` when somebody called
   *   `cancelWaiters()`, `ERR_ALLCORES_DEADLOCK` where the wait could never end, `ERR_ALLCORES_FREED`;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel:** as `waitForUnlock`. **Cost:** a look where it is free; else it sleeps.
   *
   * @example
   * ```ts
   * import { RWLock } from "allcores";
   * const lock = new RWLock();
   * lock.waitForUnlockSync({ timeout: 1000 }); // at once: nobody has it
   * ```
   */
  waitForUnlockSync(options?: SyncWait): void {
    this.#watch.waitSync(options);
  }

  /**
   * Ends all waits for it that have begun, in every worker, with a `CancelledError`: those that would take it and those
   * of `waitForUnlock`. Who asks later is not concerned, nor is who has it. The views of an RWLock are the lock
   * itself.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Death:** where the caller dies half-way, either nobody is concerned or everybody is, some of them a
   * moment later.
   *   **Cost:** one atomic operation, and a wake-up for each that waits.
   *
   * @example
   * ```ts
   * import { RWLock } from "allcores";
   * const lock = new RWLock();
   * using held = lock.writeSync();
   * const waiting = lock.read().catch(({ code }) => code);
   * lock.cancelWaiters();
   * console.log(await waiting); // ERR_ALLCORES_CANCELLED
   * ```
   */
  cancelWaiters(): void {
    this.checkUsable();
    const { at } = this;
    const { watch, cancels, keys } = this.#waits;
    cancelWaits(
      this.heap,
      at + cancels,
      [...keys, watch].map((word) => at + word),
    );
  }
}
