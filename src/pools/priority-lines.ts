/** What can wait in line. Who waits where belongs to the lines: nobody else writes it. */
export interface LineMember<J> {
  readonly call: { readonly priority: number };
  /** Its neighbours in its line: who comes sooner, and who comes later. */
  sooner: J | undefined;
  later: J | undefined;
}

/**
 * Jobs of one priority, first in, first out; what was taken back from a worker goes to the front. A job that leaves is
 * not kept, wherever it stood.
 */
class Line<J extends LineMember<J>> {
  readonly priority: number;
  /** Its place in the heap. */
  at = -1;
  first: J | undefined;
  #last: J | undefined;

  constructor(priority: number) {
    this.priority = priority;
  }

  push(job: J): void {
    job.sooner = this.#last;
    if (this.#last === undefined) this.first = job;
    else this.#last.later = job;
    this.#last = job;
  }

  pushFront(job: J): void {
    job.later = this.first;
    if (this.first === undefined) this.#last = job;
    else this.first.sooner = job;
    this.first = job;
  }

  remove(job: J): void {
    const { sooner, later } = job;
    job.sooner = undefined;
    job.later = undefined;
    if (sooner === undefined) this.first = later;
    else sooner.later = later;
    if (later === undefined) this.#last = sooner;
    else later.sooner = sooner;
  }
}

/**
 * Jobs that wait, by priority. A line is there while somebody waits in it: priorities that were used once (deadlines)
 * leave nothing behind. Only the line of priority 0, which calls have unless told otherwise, stays: most pools know no
 * other.
 */
export class PriorityLines<J extends LineMember<J>> {
  readonly #ordinary = new Line<J>(0);
  readonly #others = new Map<number, Line<J>>();
  /** The others as a binary heap, the highest priority first. */
  readonly #heap: Line<J>[] = [];
  #size = 0;

  /** How many jobs wait. */
  get size(): number {
    return this.#size;
  }

  /** All that wait, in no order among those of different priorities. They must stay meanwhile. */
  *[Symbol.iterator](): Iterator<J> {
    for (const { first } of [this.#ordinary, ...this.#heap])
      for (let job = first; job !== undefined; job = job.later) yield job;
  }

  push(job: J): void {
    this.#enter(job).push(job);
  }

  pushFront(job: J): void {
    this.#enter(job).pushFront(job);
  }

  /** The next one, which stays; undefined if there is none. */
  first(): J | undefined {
    const highest = this.#heap[0];
    if (highest === undefined || (highest.priority < 0 && this.#ordinary.first !== undefined))
      return this.#ordinary.first;
    return highest.first;
  }

  /** Takes the next one out; undefined if there is none. */
  take(): J | undefined {
    const job = this.first();
    if (job !== undefined) this.remove(job);
    return job;
  }

  /** Takes a job out, wherever it waits. */
  remove(job: J): void {
    this.#size--;
    const { priority } = job.call;
    if (priority === 0) {
      this.#ordinary.remove(job);
      return;
    }
    const line = this.#others.get(priority)!;
    line.remove(job);
    if (line.first === undefined) this.#close(line);
  }

  #enter(job: J): Line<J> {
    this.#size++;
    const { priority } = job.call;
    if (priority === 0) return this.#ordinary;
    return this.#others.get(priority) ?? this.#open(priority);
  }

  #open(priority: number): Line<J> {
    const line = new Line<J>(priority);
    this.#others.set(priority, line);
    this.#rise(line, this.#heap.length);
    return line;
  }

  #close(line: Line<J>): void {
    this.#others.delete(line.priority);
    const last = this.#heap.pop()!;
    if (last === line) return;
    // The last one takes the place that has become free, and goes from there to where it belongs.
    if (line.at > 0 && this.#heap[(line.at - 1) >> 1]!.priority < last.priority) this.#rise(last, line.at);
    else this.#sink(last, line.at);
  }

  /** Puts a line at a place of the heap, or above. */
  #rise(line: Line<J>, at: number): void {
    const heap = this.#heap;
    while (at > 0) {
      const above = heap[(at - 1) >> 1]!;
      if (above.priority >= line.priority) break;
      heap[at] = above;
      above.at = at;
      at = (at - 1) >> 1;
    }
    heap[at] = line;
    line.at = at;
  }

  /** Puts a line at a place of the heap, or below. */
  #sink(line: Line<J>, at: number): void {
    const heap = this.#heap;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.priority > heap[below]!.priority) below++;
      const next = heap[below]!;
      if (next.priority <= line.priority) break;
      heap[at] = next;
      next.at = at;
      at = below;
    }
    heap[at] = line;
    line.at = at;
  }
}
