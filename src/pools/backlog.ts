import type { Job } from "./job.js";
import type { JobStates } from "./job-states.js";
import { PriorityLines } from "./priority-lines.js";

/** The jobs that wait for a worker, by priority. */
export class Backlog extends PriorityLines<Job> {
  readonly #states: JobStates;

  constructor(states: JobStates) {
    super();
    this.#states = states;
  }

  override push(job: Job): void {
    this.#states.queue(job);
    super.push(job);
  }

  override pushFront(job: Job): void {
    this.#states.queue(job);
    super.pushFront(job);
  }

  override remove(job: Job): void {
    this.#states.unqueue(job);
    super.remove(job);
  }
}
