import { CancelledError, isThrown } from "../errors/index.js";
import type { FailedFuture } from "../futures/unhandled-failures.js";

/** What a pool has done, in calls and items of maps. What was submitted has ended in one of three ways, or is open. */
export class Tally {
  submitted = 0;
  completed = 0;
  failed = 0;
  cancelled = 0;
  retried = 0;
  /** Workers that ended without having been asked to. */
  died = 0;

  /** How many have not ended. */
  get open(): number {
    return this.submitted - this.completed - this.failed - this.cancelled;
  }

  /** A call has ended. Whether it failed, and was not called off. */
  callEnded(failure: FailedFuture | undefined): failure is FailedFuture {
    if (failure === undefined) this.completed++;
    else if (failure.future.state === "cancelled") this.cancelled++;
    else {
      this.failed++;
      return true;
    }
    return false;
  }

  /** An item of a map has ended with an error. */
  itemFailed(error: unknown): void {
    if (isThrown(error, CancelledError)) this.cancelled++;
    else this.failed++;
  }
}
