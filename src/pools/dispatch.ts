import type { Job } from "./job.js";
import type { Member } from "./member.js";

/** What the parts of a pool's scheduler ask of it. */
export interface Dispatch {
  /** Takes in all results that are there; returns how many records there were. */
  drain(): number;
  /** Gives what waits to whoever can take it. */
  feed(): void;
  /** The same, now that there may be room again. */
  feedAnew(): void;
  /** Ends a member that does not end its job, and gives it up if it has not ended after `killGrace`. */
  end(member: Member): void;
  /** Ends a job with an error, wherever it stands. */
  expire(job: Job, error: unknown): void;
}
