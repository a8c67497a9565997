/**
 * A machine of so many cores, simulated event by event: threads run, read and write cache lines, sleep and wake each
 * other, and share the cores by time slices. Deterministic by its seed. What a thread does is a generator that yields
 * how long its next step takes, or on what it sleeps; it changes what it shares between two steps, at one instant.
 */

/** What the machine charges, in nanoseconds. */
export interface Charges {
  /** An atomic operation on a line that this core has. */
  readonly atomic: number;
  /** A line that comes from another core. */
  readonly move: number;
  /** The call that wakes a sleeper, for its caller. */
  readonly wakeCall: number;
  /** From there until the sleeper runs on a core that is free. */
  readonly wakeUp: number;
  /** Giving a core to another thread. */
  readonly contextSwitch: number;
  /** How long a thread keeps a core that others want. */
  readonly timeSlice: number;
}

/** Looks for something for a while, on its core; goes on as soon as it comes. */
export interface Looking {
  readonly at: Signal;
  readonly most: number;
}

/** Sleeps until somebody wakes it, at most so long. */
export interface Sleeping {
  readonly bed: Bed;
  readonly most: number;
}

/** What a step is: so many nanoseconds of work, or a wait. A wait gives true when what was waited for came. */
export type Step = number | Looking | Sleeping;
export type Behaviour = Generator<Step, void, boolean>;

/** Something that threads look for. */
export class Signal {
  readonly lookers = new Set<SimulatedThread>();
}

/** Where threads sleep. */
export class Bed {
  readonly sleepers: SimulatedThread[] = [];
}

/** A line of the caches: who has it as it was last written. */
export class Line {
  readonly copies = new Set<number>();
  /** It comes to one core at a time. */
  freeAt = 0;
}

export class SimulatedThread {
  readonly number: number;
  readonly behaviour: Behaviour;
  /** When it got its core; undefined while it has none. */
  since: number | undefined;
  /** What its last wait came to. */
  answer = false;
  at: Signal | undefined;
  bed: Bed | undefined;
  /** Its present wait or step: an event of an earlier one is void. */
  turn = 0;

  constructor(number: number, behaviour: Behaviour) {
    this.number = number;
    this.behaviour = behaviour;
  }
}

type Occasion = "step" | "gave up" | "woken" | "overslept";

interface Occurrence {
  readonly time: number;
  readonly order: number;
  readonly thread: SimulatedThread;
  readonly turn: number;
  readonly what: Occasion;
}

export class SimulatedMachine {
  readonly charges: Charges;
  now = 0;
  #freeCores: number;
  #random: number;
  #order = 0;
  #threads = 0;
  readonly #heap: Occurrence[] = [];
  /** Those that could run and have no core, in the order of their coming; `#next` is the first. */
  #ready: SimulatedThread[] = [];
  #next = 0;

  constructor(cores: number, charges: Charges, seed: number) {
    this.#freeCores = cores;
    this.charges = charges;
    this.#random = seed | 0 || 1;
  }

  /** A number from 0 to 1. As Marsaglia's xorshift. */
  random(): number {
    let word = this.#random;
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    this.#random = word;
    return (word >>> 0) / 2 ** 32;
  }

  start(behave: (number: number) => Behaviour): void {
    const number = this.#threads++;
    this.#makeReady(new SimulatedThread(number, behave(number)));
  }

  /** What it costs a thread to read or write a line now, which has it from then on. */
  touch(number: number, line: Line, writes = true): number {
    const { atomic, move } = this.charges;
    let cost = atomic;
    if (!line.copies.has(number)) {
      const from = Math.max(this.now, line.freeAt);
      line.freeAt = from + move;
      cost += line.freeAt - this.now;
    }
    if (writes) line.copies.clear();
    line.copies.add(number);
    return cost;
  }

  /** Those who look for it go on. */
  tell(signal: Signal): void {
    for (const thread of signal.lookers) {
      thread.at = undefined;
      thread.answer = true;
      this.#occur(this.charges.move, ++thread.turn, thread, "step");
    }
    signal.lookers.clear();
  }

  /** Wakes the one that sleeps there first: what that costs the caller, who pays in its next step. */
  wake(bed: Bed): number {
    const thread = bed.sleepers.shift();
    if (thread === undefined) return this.charges.atomic;
    thread.bed = undefined;
    thread.answer = true;
    this.#occur(this.charges.wakeUp, ++thread.turn, thread, "woken");
    return this.charges.wakeCall;
  }

  /** Runs until nobody has anything to do. Nanoseconds. */
  run(): number {
    let last = 0;
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      const { thread } = next;
      if (next.turn !== thread.turn) continue;
      this.now = next.time;
      if (next.what === "woken") this.#makeReady(thread);
      else if (next.what === "overslept") {
        thread.bed!.sleepers.splice(thread.bed!.sleepers.indexOf(thread), 1);
        thread.bed = undefined;
        thread.answer = false;
        this.#makeReady(thread);
      } else {
        if (next.what === "gave up") {
          thread.at!.lookers.delete(thread);
          thread.at = undefined;
          thread.answer = false;
        }
        last = this.now;
        if (this.now - thread.since! >= this.charges.timeSlice && this.#hasReady) {
          this.#leaveCore(thread);
          this.#makeReady(thread);
        } else this.#goOn(thread);
      }
    }
    return last;
  }

  get #hasReady(): boolean {
    return this.#next < this.#ready.length;
  }

  #makeReady(thread: SimulatedThread): void {
    this.#ready.push(thread);
    this.#giveCores();
  }

  #giveCores(): void {
    while (this.#freeCores > 0 && this.#hasReady) {
      const thread = this.#ready[this.#next++]!;
      if (this.#next > 1024) {
        this.#ready = this.#ready.slice(this.#next);
        this.#next = 0;
      }
      this.#freeCores--;
      thread.since = this.now;
      this.#occur(this.charges.contextSwitch, ++thread.turn, thread, "step");
    }
  }

  #leaveCore(thread: SimulatedThread): void {
    thread.since = undefined;
    this.#freeCores++;
  }

  #goOn(thread: SimulatedThread): void {
    const { done, value } = thread.behaviour.next(thread.answer);
    if (done === true) {
      this.#leaveCore(thread);
      this.#giveCores();
      return;
    }
    thread.turn++;
    if (typeof value === "number") this.#occur(value, thread.turn, thread, "step");
    else if ("at" in value) {
      thread.at = value.at;
      value.at.lookers.add(thread);
      this.#occur(value.most, thread.turn, thread, "gave up");
    } else {
      thread.bed = value.bed;
      value.bed.sleepers.push(thread);
      if (value.most !== Number.POSITIVE_INFINITY) this.#occur(value.most, thread.turn, thread, "overslept");
      this.#leaveCore(thread);
      this.#giveCores();
    }
  }

  #occur(after: number, turn: number, thread: SimulatedThread, what: Occasion): void {
    const heap = this.#heap;
    const item = { time: this.now + after, order: this.#order++, thread, turn, what };
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(item, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = item;
  }

  #pop(): Occurrence | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Occurrence, other: Occurrence): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order);
}
