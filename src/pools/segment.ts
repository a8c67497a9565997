/** Stands for an outcome that has not come. */
const PENDING: unique symbol = Symbol("pending");

/** The outcome of an item that failed. */
export class Failure {
  readonly reason: unknown;
  constructor(reason: unknown) {
    this.reason = reason;
  }
}

const NONE: unknown[] = [];

/** Items of a map that were taken from its input one after the other, and what has become of them. */
export class Segment {
  readonly items: readonly unknown[];
  /** The place of the first among all items. */
  readonly base: number;
  #outcomes: unknown[];
  /** How many outcomes from the first on have come without a gap. */
  #ready = 0;
  #missing: number;
  /** How many were given to the consumer of the map. */
  taken = 0;
  /** Outcomes that came and were not given yet, where the order does not matter. */
  readonly #arrived: [from: number, to: number][] = [];

  constructor(items: readonly unknown[], base: number) {
    this.items = items;
    this.base = base;
    this.#outcomes = NONE;
    this.#missing = items.length;
  }

  /** How many outcomes have not come. */
  get missing(): number {
    return this.#missing;
  }

  fill(at: number, values: unknown[]): void {
    this.#missing -= values.length;
    this.#arrived.push([at, at + values.length]);
    // All at once, as most come.
    if (at === 0 && values.length === this.items.length) {
      this.#outcomes = values;
      this.#ready = values.length;
      return;
    }
    const outcomes = this.#open();
    for (let index = 0; index < values.length; index++) outcomes[at + index] = values[index];
    this.#advance();
  }

  set(at: number, outcome: unknown): void {
    this.#missing--;
    this.#arrived.push([at, at + 1]);
    this.#open()[at] = outcome;
    this.#advance();
  }

  outcome(index: number): unknown {
    return this.#outcomes[index];
  }

  /** The next outcomes in the order of the items; undefined while there are none. */
  takeInOrder(): [from: number, to: number] | undefined {
    const from = this.taken;
    if (from === this.#ready) return undefined;
    this.taken = this.#ready;
    return [from, this.#ready];
  }

  /** The next outcomes in the order in which they came. */
  takeAny(): [from: number, to: number] | undefined {
    const range = this.#arrived.shift();
    if (range !== undefined) this.taken += range[1] - range[0];
    return range;
  }

  #open(): unknown[] {
    if (this.#outcomes === NONE) this.#outcomes = new Array(this.items.length).fill(PENDING);
    return this.#outcomes;
  }

  #advance(): void {
    const outcomes = this.#outcomes;
    while (this.#ready < outcomes.length && outcomes[this.#ready] !== PENDING) this.#ready++;
  }
}

/** Outcomes of a segment that can be consumed. */
export interface Batch {
  readonly segment: Segment;
  readonly from: number;
  readonly to: number;
}
