import type { Agenda, Appointment } from "./agenda.js";
import type { Call } from "./call.js";
import type { Job } from "./job.js";
import type { JobStates } from "./job-states.js";

/** The jobs of a pool that wait for their next attempt. */
export class Delays implements Iterable<Job> {
  readonly #agenda: Agenda;
  readonly #states: JobStates;
  readonly #attempts = new Map<Job, Appointment>();
  /** How many more are asked about by `retries.when` at this moment. */
  #deciding = 0;

  constructor(agenda: Agenda, states: JobStates) {
    this.#agenda = agenda;
    this.#states = states;
  }

  get size(): number {
    return this.#attempts.size;
  }

  /** Whether a job may still be added: `retries.when` is being asked. */
  get isDeciding(): boolean {
    return this.#deciding > 0;
  }

  [Symbol.iterator](): Iterator<Job> {
    return this.#attempts.keys();
  }

  /**
   * Milliseconds until the next attempt at a job that failed; undefined when there is to be none. Runs a user's code.
   */
  delayFor(job: Call, error: unknown): number | undefined {
    this.#deciding++;
    const delay = job.call.retries.delayAfter(job.attempts, error, job.scope);
    this.#deciding--;
    return delay;
  }

  /** Lets a job wait so many milliseconds. `again` removes it first. */
  add(job: Job, delay: number, again: () => void): void {
    this.#states.delay(job);
    this.#attempts.set(job, this.#agenda.after(delay, again));
  }

  remove(job: Job): void {
    this.#attempts.get(job)?.clear();
    this.#attempts.delete(job);
    this.#states.undelay(job);
  }

  /** All of them, which wait no more. */
  takeAll(): Job[] {
    const jobs = [...this.#attempts.keys()];
    for (const job of jobs) this.remove(job);
    return jobs;
  }
}
