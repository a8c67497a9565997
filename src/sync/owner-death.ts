import type { Handle, Reach } from "../codec/shared-object.js";
import { ArgumentTypeError } from "../errors/index.js";

/** How far a lock reaches, and what comes of its owner's death. */
export interface LockOptions extends Reach {
  /**
   * What the next one gets, after an owner that ended without releasing. `"report"` (default): the lock, with `held.ownerDied`. `"error"`: an `OwnerDiedError`, and nobody gets
   * the lock before `consistent()`: for code that would overlook the mark.
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
