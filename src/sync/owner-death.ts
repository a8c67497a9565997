import type { Handle, Reach } from "../codec/shared-object.js";
import { ArgumentTypeError } from "../errors/index.js";

/** How far a lock reaches, and what comes of its owner's death. */
export interface LockOptions extends Reach {
  /**
   * What the next one gets, after an owner that ended without releasing. `"report"` (default): the lock, with `held.ownerDied`. `"error"`: an `OwnerDiedError`, and nobody gets
   * the lock before `consistent()`: for code that would overlook the mark.
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

/** Checks the options of a lock, before there is one: whether owner death is an error. */
export function failsOnOwnerDeath(options: LockOptions | Handle | undefined): boolean {
  const policy = (options as LockOptions | null | undefined)?.onOwnerDeath;
  if (policy !== undefined && policy !== "report" && policy !== "error")
    throw new ArgumentTypeError(`options.onOwnerDeath must be "report" or "error", got ${String(policy)}`);
  return policy === "error";
}
