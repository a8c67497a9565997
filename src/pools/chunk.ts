import { type Boundary, encode, type Message } from "../codec/index.js";
import { discard } from "../codec/payload.js";
import { CorruptError, UnsendableError, type WorkerDeath, isThrown } from "../errors/index.js";
import { SPREAD } from "../workers/job-service.js";
import type { AnyFunction, TaskIdentity } from "../workers/task.js";
import type { CallSettings } from "./call-options.js";
import { Job } from "./job.js";
import type { JobStates } from "./job-states.js";
import type { Loss } from "./loss.js";
import { Failure, type Segment } from "./segment.js";

/** What a chunk needs of the map that it belongs to. */
export interface ChunkMap {
  readonly boundary: Boundary;
  readonly states: Pick<JobStates, "settle">;
  now(): number;
  /** Whether an item becomes the arguments, or one of them. */
  readonly how: number;
  /** Whether the first error ends all. */
  readonly stops: boolean;
  /** Some outcomes have come: values, or one failure. */
  arrived(segment: Segment, outcomes: number, failure?: Failure): void;
  /** It took so long, for so many items. */
  measured(microseconds: number, items: number): void;
  /** A chunk is on its way. `lost`: whose rest it is, since its worker died. */
  begun(chunk: Chunk, lost?: Chunk): void;
  /** A chunk is over. */
  ended(chunk: Chunk): void;
  /** An item, by its place among all, has something to tell. */
  news(index: number, value: unknown): void;
  /**
   * An item failed: false when it is to fail for good, true when the map tries it again. `deaths`: workers that died of
   * it so far.
   */
  retry(segment: Segment, index: number, attempts: number, deaths: readonly WorkerDeath[], error: unknown): boolean;
}

/** Items of a map that travel together, and whose outcomes each stand for themselves. */
export class Chunk extends Job {
  readonly #stops: boolean;
  readonly #map: ChunkMap;
  readonly #segment: Segment;
  /** Which of the segment's items. */
  readonly #from: number;
  readonly #to: number;

  constructor(
    map: ChunkMap,
    task: TaskIdentity,
    call: CallSettings,
    segment: Segment,
    from: number,
    to: number,
    attempts = 1,
    deaths?: readonly WorkerDeath[],
  ) {
    super(task, call, map.now(), attempts, deaths);
    this.#map = map;
    this.#segment = segment;
    this.#from = from;
    this.#to = to;
    this.#stops = map.stops && call.retries.limit === 0;
  }

  override get isChunk(): boolean {
    return true;
  }

  override get stops(): boolean {
    return this.#stops;
  }

  override get size(): number {
    return this.#to - this.#from;
  }

  encode(boundary: Boundary, apart?: string): Message {
    const { how } = this.#map;
    this.#apart = apart;
    const all = this.#segment.items;
    const items = this.#from === 0 && this.#to === all.length ? all : all.slice(this.#from, this.#to);
    const marks = this.call.retries.limit > 0 ? "drop" : "move";
    const message = encode([this.task.bound, items, how], {
      to: boundary,
      root: "chunk",
      attach: boundary === "threads",
      marks,
      list: true,
      apart,
    });
    this.bytes = message.length;
    return message;
  }
  run(fn: AnyFunction, index: number): unknown {
    const item = this.#segment.items[this.#from + index];
    const { bound } = this.task;
    return this.#map.how === SPREAD ? fn(...bound, ...(item as unknown[])) : fn(...bound, item);
  }

  /** An outcome that came was an error: where a map stops at the first, nothing follows it. */
  #hasFailed = false;
  /** How long its message was. */
  bytes = 0;
  /** As its message was encoded. */
  #apart: string | undefined;

  /**
   * The first item that cannot be sent, and why, by the path that it has as an argument. The others are let go of
   * again.
   */
  findUnsendable(): { readonly index: number; readonly error: unknown } | undefined {
    const { boundary } = this.#map;
    for (let index = this.#from; index < this.#to; index++) {
      try {
        const message = encode([...this.task.bound, this.#segment.items[index]], {
          to: boundary,
          root: "args",
          attach: boundary === "threads",
          apart: this.#apart,
        });
        discard(message);
      } catch (error) {
        return { index, error };
      }
    }
    return undefined;
  }

  get segment(): Segment {
    return this.#segment;
  }
  get from(): number {
    return this.#from;
  }
  get to(): number {
    return this.#to;
  }

  deliver(value: unknown, threw: boolean, at: number, count: number): void {
    if (this.isOver) return;
    const first = this.#from + at;
    if (!threw) {
      this.#segment.fill(first, value as unknown[]);
      this.#map.arrived(this.#segment, (value as unknown[]).length);
    } else if (count === 0) this.fail(value);
    else {
      this.#hasFailed = true;
      // More than one where outcomes came that could not be read.
      for (let index = first; index < first + count; index++) this.#failed(index, value);
    }
  }

  finish(microseconds: number): void {
    if (this.isOver) return;
    if (this.outcomes < this.size && !(this.#hasFailed && this.stops)) {
      this.fail(
        new CorruptError(
          "a part of a map came to its end in shared memory without all of its outcomes: the memory was written over",
        ),
      );
      return;
    }
    this.#map.states.settle(this);
    if (this.outcomes > 0) this.#map.measured(microseconds, this.outcomes);
    this.#map.ended(this);
  }

  fail(error: unknown, calledOff = false): void {
    if (this.isOver) return;
    this.#map.states.settle(this);
    for (let index = this.#from + this.outcomes; index < this.#to; index++) this.#failed(index, error, calledOff);
    this.#map.ended(this);
  }

  /**
   * Outcomes that were sent stand. The current item fails, or is tried again by itself, and with it those before it
   * whose outcomes died with the worker: nothing is run twice unasked. The rest goes on elsewhere.
   */
  lose(loss: Loss): readonly Job[] {
    if (this.isOver) return [];
    this.#map.states.settle(this);
    // Within what is open, whatever the lane says.
    const begun = Math.min(this.#to, Math.max(this.#from + loss.item + 1, this.#from + this.outcomes));
    const running = begun - 1;
    if (this.#from + this.outcomes < running) {
      const error = loss.errorForDone(this);
      for (let index = this.#from + this.outcomes; index < running; index++) this.#failed(index, error);
    }
    if (this.#from + this.outcomes < begun) {
      this.#failed(running, loss.errorFor(this));
    }
    this.#map.ended(this);
    if (begun === this.#to) return [];
    const rest = this.#rest(begun);
    this.#map.begun(rest, this);
    return [rest];
  }

  progress(value: unknown, item: number): void {
    if (this.isOver || !(item >= 0 && item < this.size)) return;
    this.#map.news(this.#segment.base + this.#from + item, value);
  }

  #rest(from: number): Chunk {
    return new Chunk(this.#map, this.task, this.call, this.#segment, from, this.#to);
  }

  #failed(index: number, error: unknown, calledOff = false): void {
    if (!calledOff && this.#map.retry(this.#segment, index, this.attempts, this.deaths, error)) return;
    const failure = new Failure(error);
    this.#segment.set(index, failure);
    this.#map.arrived(this.#segment, 1, failure);
  }
}

/** Whether a value of the input could not be sent. */
export function isUnsendable(error: unknown): boolean {
  return isThrown(error, UnsendableError) || (error as { code?: unknown } | undefined)?.code === "ERR_ALLCORES_REACH";
}
