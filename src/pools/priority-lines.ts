/** What can wait in line. */
export interface Waiting {
  readonly call: { readonly priority: number };
  isWaiting: boolean;
}

/** Jobs of one priority, first in, first out; what was taken back from a lane goes to the front. */
class Line<J extends Waiting> {
  readonly priority: number;
  readonly #returned: J[] = [];
  #jobs: J[] = [];
  #next = 0;

  constructor(priority: number) {
    this.priority = priority;
  }

  push(job: J): void {
    this.#jobs.push(job);
  }

  pushFront(job: J): void {
    this.#returned.push(job);
  }

  /** The first that still waits: jobs that were called off are passed by. */
  first(): J | undefined {
    while (this.#returned.length > 0) {
      const job = this.#returned.at(-1)!;
      if (job.isWaiting) return job;
      this.#returned.pop();
    }
    for (;;) {
      const job = this.#jobs[this.#next];
      if (job === undefined) break;
      if (job.isWaiting) return job;
      this.#skip();
    }
    return undefined;
  }

  shift(): void {
    if (this.#returned.length > 0) this.#returned.pop();
    else this.#skip();
  }

  /** Shifting a long array costs too much, so a counter moves. */
  #skip(): void {
    this.#next++;
    if (this.#next === this.#jobs.length) {
      this.#jobs = [];
      this.#next = 0;
    } else if (this.#next > 1024 && this.#next * 2 > this.#jobs.length) {
      this.#jobs.splice(0, this.#next);
      this.#next = 0;
    }
  }
}

/** Jobs that wait, by priority. */
export class PriorityLines<J extends Waiting> {
  /** Highest first. */
  readonly #lines: Line<J>[] = [];
  #size = 0;

  /** How many jobs wait. */
  get size(): number {
    return this.#size;
  }

  push(job: J): void {
    this.#enter(job).push(job);
  }

  pushFront(job: J): void {
    this.#enter(job).pushFront(job);
  }

  /** The next one, which stays; undefined if there is none. */
  first(): J | undefined {
    if (this.#size === 0) return undefined;
    for (const line of this.#lines) {
      const job = line.first();
      if (job !== undefined) return job;
    }
    return undefined;
  }

  /** Takes the next one out; undefined if there is none. */
  take(): J | undefined {
    if (this.#size === 0) return undefined;
    for (const line of this.#lines) {
      const job = line.first();
      if (job === undefined) continue;
      line.shift();
      this.remove(job);
      return job;
    }
    return undefined;
  }

  /** Takes out the job that `first` has just given. */
  shift(job: J): void {
    this.#lineOf(job).shift();
    this.remove(job);
  }

  /** Strikes a job off, wherever it waits. */
  remove(job: J): void {
    job.isWaiting = false;
    this.#size--;
  }

  #enter(job: J): Line<J> {
    job.isWaiting = true;
    this.#size++;
    return this.#lineOf(job);
  }

  #lineOf(job: J): Line<J> {
    const { priority } = job.call;
    const highest = this.#lines[0];
    if (highest?.priority === priority) return highest;
    const index = this.#lines.findIndex((line) => line.priority <= priority);
    const line = this.#lines[index];
    if (line?.priority === priority) return line;
    const made = new Line<J>(priority);
    this.#lines.splice(index < 0 ? this.#lines.length : index, 0, made);
    return made;
  }
}
