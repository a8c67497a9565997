import type { Message } from "../codec/index.js";
import { storeMessage } from "../codec/stored-message.js";
import type { Heap } from "../memory/index.js";
import type { Payload } from "../workers/lane-owner.js";
import { MOST_INLINE_BYTES } from "../workers/lane.js";
import type { Job } from "./job.js";

const ARENA_BYTES = 65536;

/** Bytes that were copied out of the encoder. */
class Kept {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  constructor(bytes: Uint8Array, at: number, length: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.length = length;
  }
  writeTo(target: Uint8Array, at: number): void {
    for (let index = 0; index < this.length; index++) target[at + index] = this.#bytes[this.#at + index]!;
  }
}

/** Jobs of one priority, first in, first out; what was taken back from a lane goes to the front. */
class Line {
  readonly priority: number;
  readonly #returned: Job[] = [];
  #jobs: Job[] = [];
  #next = 0;

  constructor(priority: number) {
    this.priority = priority;
  }

  push(job: Job): void {
    this.#jobs.push(job);
  }

  pushFront(job: Job): void {
    this.#returned.push(job);
  }

  /** The first that still waits: jobs that were called off are passed by. */
  first(): Job | undefined {
    for (;;) {
      const job = this.#returned.at(-1);
      if (job === undefined) break;
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

/** The jobs that wait for room in a lane, by priority. */
export class Backlog {
  readonly #model: { readonly heap: Heap };
  /** Highest first. */
  readonly #lines: Line[] = [];
  #arena = new Uint8Array(0);
  #used = 0;
  #size = 0;

  constructor(model: { readonly heap: Heap }) {
    this.#model = model;
  }

  /** How many jobs wait. */
  get size(): number {
    return this.#size;
  }

  push(job: Job): void {
    this.#enter(job).push(job);
  }

  pushFront(job: Job): void {
    this.#enter(job).pushFront(job);
  }

  /** The next one, which stays; undefined if there is none. */
  first(): Job | undefined {
    if (this.#size === 0) return undefined;
    for (const line of this.#lines) {
      const job = line.first();
      if (job !== undefined) return job;
    }
    return undefined;
  }

  /** Takes out the job that `first` has just given. */
  shift(job: Job): void {
    this.#lineOf(job).shift();
    this.remove(job);
  }

  /** Strikes a job off, wherever it waits. */
  remove(job: Job): void {
    job.isWaiting = false;
    this.#size--;
  }

  /** A copy of the encoder's message that outlasts the next one: long ones stand in shared memory already. */
  keep(message: Message): Payload {
    const { length } = message;
    if (length > MOST_INLINE_BYTES) {
      const { heap } = this.#model;
      const block = storeMessage(heap, message);
      heap.allocator.publish(block);
      return block;
    }
    if (this.#used + length > this.#arena.length) {
      this.#arena = new Uint8Array(ARENA_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += length;
    message.writeTo(this.#arena, at);
    return new Kept(this.#arena, at, length);
  }

  #enter(job: Job): Line {
    job.isWaiting = true;
    this.#size++;
    return this.#lineOf(job);
  }

  #lineOf(job: Job): Line {
    const { priority } = job.call;
    const index = this.#lines.findIndex((line) => line.priority <= priority);
    const line = this.#lines[index];
    if (line?.priority === priority) return line;
    const made = new Line(priority);
    this.#lines.splice(index < 0 ? this.#lines.length : index, 0, made);
    return made;
  }
}
