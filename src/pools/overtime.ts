import { TimeoutError } from "../errors/index.js";
import type { Crew } from "./crew.js";
import type { Dispatch } from "./dispatch.js";
import type { Job } from "./job.js";
import type { Member } from "./member.js";
import type { PoolSettings } from "./pool-options.js";
import type { Recall } from "./recall.js";
import { clearRealTimeout, setRealTimeout } from "../memory/index.js";

const LONGEST_TIMER_MS = 0x7fffffff;
/** How long a program that ends waits for workers that it has killed: a thread within a call of the system ends with the program. */
const KILL_MS = 500;

/** Jobs that run for too long, or go on after they were asked to stop. */
export class Overtime {
  readonly #crew: Crew;
  readonly #settings: PoolSettings;
  readonly #recall: Recall;
  readonly #dispatch: Dispatch;

  constructor(crew: Crew, settings: PoolSettings, recall: Recall, dispatch: Dispatch) {
    this.#crew = crew;
    this.#settings = settings;
    this.#recall = recall;
    this.#dispatch = dispatch;
  }

  /** Asks the job that a member runs to stop, and ends the member if it does not. */
  stop(member: Member, job: Job): void {
    const { sequence } = job;
    member.owner.cancel(sequence);
    const { killGrace } = this.#settings;
    if (killGrace === Number.POSITIVE_INFINITY) return;
    // The job called off is the one in hand: one timer a member, until that has ended.
    clearRealTimeout(member.grace);
    member.grace = setRealTimeout(() => this.#end(member, job, sequence), Math.min(killGrace, LONGEST_TIMER_MS)).unref();
  }

  /** Ends every member that has not ended by itself when `killGrace` is over, whether it has a job or not; resolves when there has been time for that. The program is about to end. */
  async endAll(): Promise<void> {
    const { killGrace } = this.#settings;
    if (killGrace === Number.POSITIVE_INFINITY) return new Promise(() => {});
    await sleep(killGrace);
    for (const member of this.#crew) {
      member.isRetiring = true;
      member.isKilled = true;
      this.#crew.kill(member);
    }
    await sleep(KILL_MS);
  }

  #end(member: Member, job: Job, sequence: number): void {
    const isInHand = () => this.#crew.has(member) && member.inFlight[0] === job && job.sequence === sequence;
    if (!isInHand()) return;
    // Nothing else can be begun from here on: the end hits this job or nobody.
    this.#recall.from(member, 1);
    this.#dispatch.drain();
    if (!isInHand()) return;
    this.#dispatch.end(member);
    this.#dispatch.feedAnew();
  }

  /** Watches how long a member's jobs run. */
  guard(member: Member): void {
    const { taskTimeout } = this.#settings;
    const again = (ms: number) => setRealTimeout(check, Math.min(Math.max(1, ms), LONGEST_TIMER_MS)).unref();
    const check = () => {
      this.#dispatch.drain();
      if (!this.#crew.has(member) || member.inFlight.length === 0) {
        member.isGuarded = false;
        return;
      }
      const job = member.inHand;
      const left = job === undefined || job.isOver ? taskTimeout : taskTimeout - member.runningFor;
      if (job !== undefined && left <= 0) {
        this.#dispatch.expire(
          job,
          new TimeoutError(`the task "${job.task.name}" ran for longer than the pool's taskTimeout of ${taskTimeout} ms and was called off`),
        );
        again(taskTimeout);
      } else again(left);
    };
    member.isGuarded = true;
    again(taskTimeout);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setRealTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS)));
}
