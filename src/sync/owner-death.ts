import type { Handle, Reach } from "../objects/index.js";
import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";

/** How far a lock reaches, and what comes of its owner's death. */
export interface LockOptions extends Reach {
  /**
   * What the next one gets, after an owner that ended without releasing. `"report"` (default): the lock, with
   * `held.ownerDied`. `"error"`: an `OwnerDiedError`, and nobody gets the lock before `consistent()`: for code that
   * would overlook the mark.
   *
   * @example
   * ```ts
   * import { Lock, OwnerDiedError } from "allcores";
   * const lock = new Lock({ onOwnerDeath: "error" });
   * try {
   *   using held = lock.acquireSync();
   * } catch (error) {
   *   if (!(error instanceof OwnerDiedError)) throw error;
   *   lock.consistent(); // by one worker, after it has put what the lock guards in order
   * }
   * ```
   */
  onOwnerDeath?: "report" | "error" | undefined;
}

/** The same, and who comes next. */
export interface FairLockOptions extends LockOptions {
  /**
   * Whether those who wait get it in their order: no newcomer of the same or a lower `priority` overtakes one that
   * waits, blocking or awaiting. The price: an
   * awaiting head of the line whose event loop is busy holds up all behind it, and each hand-over wakes a thread. False
   * unless given.
   */
  fair?: boolean | undefined;
}

export const FAIR_LOCK_OPTIONS = new KnownOptions<FairLockOptions>({
  across: true,
  label: true,
  onOwnerDeath: true,
  fair: true,
});

/** Checks the option, before there is a lock: whether its line is kept in order. */
export function isFairIn(options: FairLockOptions | SemaphoreOptions | Handle | undefined): boolean {
  const fair = (ownOptions(options) as FairLockOptions | null | undefined)?.fair;
  if (fair !== undefined && typeof fair !== "boolean")
    throw new ArgumentTypeError(`options.fair must be true or false, got ${typeof fair}`);
  return fair === true;
}

/** How far a semaphore reaches, and what comes of the permits of a holder that dies. */
export interface SemaphoreOptions extends Reach {
  /**
   * What becomes of permits whose holder dies. `"report"` (default): they come back, and who takes one is told by
   * `held.ownerDied`. `"keep"`: nothing comes back, as in Python: for a semaphore that signals, of which nobody gives
   * back what it took.
   *
   * @example
   * ```ts
   * import { Semaphore } from "allcores";
   * const items = new Semaphore(0, { onOwnerDeath: "keep" });
   * items.release(); // there is one
   * items.acquireSync(); // it is taken, even if its taker dies
   * ```
   */
  onOwnerDeath?: "report" | "keep" | undefined;
  /**
   * Whether those who wait get permits in their order: no newcomer of the same or a lower `priority` overtakes one that
   * waits, blocking or awaiting. The price: a first in line that wants more permits than there are, or whose event loop
   * is busy, holds up all behind it. False unless given.
   */
  fair?: boolean | undefined;
}

export const SEMAPHORE_OPTIONS = new KnownOptions<SemaphoreOptions>({
  across: true,
  label: true,
  onOwnerDeath: true,
  fair: true,
});

/** Checks the options of a semaphore, before there is one: whether the permits of the dead stay away. */
export function keepsOnOwnerDeath(options: SemaphoreOptions | Handle | undefined): boolean {
  const policy = (ownOptions(options) as SemaphoreOptions | null | undefined)?.onOwnerDeath;
  if (policy !== undefined && policy !== "report" && policy !== "keep")
    throw new ArgumentTypeError(`options.onOwnerDeath must be "report" or "keep", got ${String(policy)}`);
  return policy === "keep";
}

/** Checks the options of a lock, before there is one: whether owner death is an error. */
export function failsOnOwnerDeath(options: LockOptions | Handle | undefined): boolean {
  const policy = (ownOptions(options) as LockOptions | null | undefined)?.onOwnerDeath;
  if (policy !== undefined && policy !== "report" && policy !== "error")
    throw new ArgumentTypeError(`options.onOwnerDeath must be "report" or "error", got ${String(policy)}`);
  return policy === "error";
}
