import type { Facts } from "../codec/portrait.js";
import { NotHeldError, NotOwnerError } from "../errors/index.js";
import { atomics } from "../memory/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";
import { cancelWaits } from "./cancels.js";
import { CANCELS, CONTENDED, FAILS, INCONSISTENT, LockWord, OWNER_SHIFT, POLICY, WATCH } from "./lock-word.js";
import { UnlockWatch } from "./unlock-watch.js";

const { compareExchange, load } = atomics;

/** What Lock and RLock share: what one may ask of them, and who only waits. */
export abstract class OwnerWord extends LockWord {
  readonly #watch = new UnlockWatch(this, WATCH, CANCELS, () => this.#isFree());

  /** @internal */
  protected override facts(): Facts {
    return { isLocked: this.isLocked };
  }

  /**
   * Whether anybody holds it now. By the time the caller looks at the answer, it may be otherwise.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get isLocked(): boolean {
    this.checkUsable();
    return load(this.words, this.at) >>> OWNER_SHIFT !== 0;
  }

  /**
   * The former name of `isLocked`.
   * @deprecated Use `isLocked`.
   */
  get locked(): boolean {
    return this.isLocked;
  }

  /**
   * Whether this worker holds it now.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get isOwned(): boolean {
    this.checkUsable();
    return load(this.words, this.at) >>> OWNER_SHIFT === this.self;
  }

  /**
   * The former name of `isOwned`.
   * @deprecated Use `isOwned`.
   */
  get owned(): boolean {
    return this.isOwned;
  }

  /**
   * What a dead owner left half changed is whole again: later holders are no longer told. A holder says it, having
   * repaired that. Of a lock made with `{ onOwnerDeath: "error" }`, which nobody gets meanwhile, any worker says it;
   * see to it that one repairs. Without a death it does nothing.
   *
   * @throws `ERR_ALLCORES_NOT_OWNER` when another worker holds it, `ERR_ALLCORES_NOT_HELD` when nobody does,
   *   `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange.
   *
   * @example
   * ```ts
   * import { Lock, SharedArray } from "allcores";
   * const accounts = new SharedArray("int32", [60, 40]); // always 100 in all
   * const lock = new Lock();
   * using held = lock.acquireSync();
   * if (held.ownerDied) {
   *   accounts.view[1] = 100 - accounts.view[0]!;
   *   lock.consistent();
   * }
   * accounts.view[0]! -= 10;
   * accounts.view[1]! += 10;
   * ```
   */
  consistent(): void {
    this.checkUsable();
    for (;;) {
      const word = load(this.words, this.at);
      const owner = word >>> OWNER_SHIFT;
      if (owner === this.self) {
        if (compareExchange(this.words, this.at, word, word & ~INCONSISTENT) === word) return;
        continue;
      }
      if (owner !== 0 && this.heap.registry.confirmAlive(owner))
        throw new NotOwnerError(`${this.title} is held by another worker: consistent() is for who holds it`);
      if ((this.words[this.at + POLICY]! & FAILS) === 0)
        throw new NotHeldError(
          `${this.title} is not held by anybody: acquire it, repair what it guards, and call consistent() before you release it`,
        );
      if (owner === 0 && (word & INCONSISTENT) === 0) return;
      if (this.freeFrom(word, 0)) return;
    }
  }

  /**
   * Waits until nobody holds it, and takes nothing: by the time the caller goes on it may be otherwise. One that
   * is free for a moment ends the wait too. Whether it is free now is `isLocked`.
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
   * import { Lock } from "allcores";
   * const lock = new Lock();
   * const held = lock.acquireSync();
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
   * import { Lock } from "allcores";
   * const lock = new Lock();
   * lock.waitForUnlockSync({ timeout: 1000 }); // at once: nobody has it
   * ```
   */
  waitForUnlockSync(options?: SyncWait): void {
    this.#watch.waitSync(options);
  }

  /**
   * Ends all waits for it that have begun, in every worker, with a `CancelledError`: those that would take it and those
   * of `waitForUnlock`. Who asks later is not concerned, nor is who has it. A wait of a `Condition` that
   * takes its lock back goes on.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Death:** where the caller dies half-way, either nobody is concerned or everybody is, some of them a
   * moment later.
   *   **Cost:** one atomic operation, and a wake-up for each that waits.
   *
   * @example
   * ```ts
   * import { Lock } from "allcores";
   * const lock = new Lock();
   * using held = lock.acquireSync();
   * const waiting = lock.acquire().catch(({ code }) => code);
   * lock.cancelWaiters();
   * console.log(await waiting); // ERR_ALLCORES_CANCELLED
   * ```
   */
  cancelWaiters(): void {
    this.checkUsable();
    cancelWaits(this.heap, this.at + CANCELS, [this.at, this.at + WATCH]);
  }

  /** Whether no living worker holds it. Else the worker that frees it scans for those who wait. */
  #isFree(): boolean {
    for (;;) {
      const word = load(this.words, this.at);
      const owner = word >>> OWNER_SHIFT;
      if (owner === 0 || !this.heap.registry.isAlive(owner)) return true;
      if ((word & CONTENDED) !== 0 || compareExchange(this.words, this.at, word, word | CONTENDED) === word)
        return false;
    }
  }
}
