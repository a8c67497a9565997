/** The receiving side of an end of a pipe. Its awaiting callers stand in line, and only the first of them takes. */
import { atomics, type Heap } from "../memory/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import type { EndState } from "./end-state.js";
import type { PipeEnd } from "./pipe-end.js";
import { PipeReader } from "./pipe-reader.js";

/** Looks at an empty ring before a blocking receiver arms its node: about the time that a wake-up takes. */
const SPINS = atomics.spins(400);
const EVERYBODY = 0x7fffffff;

/** There is no message now. */
export const nothing: unique symbol = Symbol("nothing");

/** How a message is taken: as a value, or as bytes into a buffer. */
type Take<T> = (reader: PipeReader) => T;

export class Inbox {
  readonly #heap: Heap;
  readonly #end: PipeEnd;
  readonly #state: EndState;
  /** Undefined where this worker cannot receive. */
  #reader: PipeReader | undefined;
  /** Awaiting receivers of this worker, in order. */
  readonly #line = new Set<object>();
  #pollers = 0;

  constructor(heap: Heap, end: PipeEnd, state: EndState) {
    this.#heap = heap;
    this.#end = end;
    this.#state = state;
  }

  /** Whether a caller waits for a message. */
  get isAwaited(): boolean {
    return this.#line.size > 0 || this.#pollers > 0;
  }

  /** Whether a message is being decoded just now. */
  get isOpening(): boolean {
    return this.#reader?.isOpening === true;
  }

  /** Where receivers wait. */
  keyFor(verb: string): number {
    return (this.#reader ?? this.#state.refuse(verb)).key;
  }

  open(): void {
    const { incoming } = this.#end;
    if (incoming !== 0) this.#reader = new PipeReader(this.#heap, incoming);
  }

  /** The end is not this worker's from here on. */
  close(): void {
    this.#reader = undefined;
  }

  async receive<T>(take: Take<T>, options: WaitOptions | undefined): Promise<T> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    if (this.#line.size === 0) {
      const taken = this.takeNow(take);
      if (taken !== nothing) return taken;
    }
    const key = this.keyFor("recv");
    const place = {};
    this.#line.add(place);
    try {
      const attempt = this.attempt(take, place);
      const taken = deadline === 0 ? undefined : await this.#heap.parker.waitUntil(key, attempt, deadline, signal);
      return taken === undefined ? this.#state.timedOut("no message", options) : taken.value;
    } finally {
      this.#leaveLine(place, key);
    }
  }

  receiveSync<T>(take: Take<T>, options: SyncWait | undefined): T {
    const deadline = deadlineOf(options);
    const taken = this.takeNow(take);
    if (taken !== nothing) return taken;
    if (deadline === 0) this.#state.timedOut("no message", options);
    const reader = this.#reader!;
    for (let spin = 0; spin < SPINS && reader.isEmpty; spin++);
    const found = this.takeNow(take);
    if (found !== nothing) return found;
    const came = this.#heap.parker.blockUntil(reader.key, this.attempt(take, undefined), deadline);
    return came === undefined ? this.#state.timedOut("no message", options) : came.value;
  }

  takeNow<T>(take: Take<T>): T | typeof nothing {
    const reader = this.#reader ?? this.#state.refuse("recv");
    if (reader.isEmpty) {
      if (!this.#end.isPeerGone) return nothing;
      // It may have sent something between the two looks; after the second it no longer can.
      if (reader.isEmpty) this.#state.throwPeerGone("recv");
    }
    return take(reader);
  }

  /** `place`: of an awaiting caller, its place in the line. */
  attempt<T>(take: Take<T>, place: object | undefined): Attempt<{ value: T }> {
    return () => {
      if (place !== undefined && firstOf(this.#line) !== place) return undefined;
      const reader = this.#reader ?? this.#state.throwClosedHere();
      if (!this.#isThere(reader)) return undefined;
      if (reader.isEmpty) this.#state.throwPeerGone("recv");
      const value = take(reader);
      if (place !== undefined) this.#leaveLine(place, reader.key);
      return { value };
    };
  }

  /** The next in line has not looked yet: a caller that is not first neither looks nor raises the flag. */
  #leaveLine(place: object, key: number): void {
    if (this.#line.delete(place) && this.#line.size > 0) this.#heap.waitQueue.wake(key, EVERYBODY);
  }

  async poll(options: WaitOptions | undefined): Promise<boolean> {
    const deadline = pollDeadlineOf(options, awaitDeadlineOf);
    const signal = signalOf(options);
    if (this.#isReady()) return true;
    if (deadline === 0) return false;
    this.#pollers++;
    try {
      const { parker } = this.#heap;
      return (await parker.waitUntil(this.keyFor("poll"), this.#pollAttempt, deadline, signal)) ?? false;
    } finally {
      this.#pollers--;
    }
  }

  pollSync(options: SyncWait | undefined): boolean {
    const deadline = pollDeadlineOf(options, deadlineOf);
    if (this.#isReady()) return true;
    if (deadline === 0) return false;
    return this.#heap.parker.blockUntil(this.keyFor("poll"), this.#pollAttempt, deadline) ?? false;
  }

  readonly #pollAttempt: Attempt<true> = () =>
    this.#isThere(this.#reader ?? this.#state.throwClosedHere()) || undefined;

  /** Whether a message is there, or none will ever be; a caller that is about to sleep asks. */
  #isThere(reader: PipeReader): boolean {
    if (!reader.isEmpty) return true;
    // Before the last look: pairs with the writer, who commits and then looks at the flag.
    reader.raiseFlag();
    return this.#end.isPeerGone || !reader.isEmpty;
  }

  #isReady(): boolean {
    const reader = this.#reader ?? this.#state.refuse("poll");
    return !reader.isEmpty || this.#end.isPeerGone;
  }
}

/** A question asks now unless it is told how long to wait for the answer. */
function pollDeadlineOf(options: SyncWait | undefined, of: (options: SyncWait | undefined) => number): number {
  const deadline = of(options);
  return options?.timeout === undefined ? 0 : deadline;
}

function firstOf(line: ReadonlySet<object>): object | undefined {
  for (const place of line) return place;
  return undefined;
}
