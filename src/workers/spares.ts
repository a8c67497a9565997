/**
 * Workers that were started ahead, for a `Thread` or a `Process` to come. Each was started under conditions (what it
 * has of the program as it was then), and is used under the same ones alone.
 *
 * Conditions are compared when one is taken, and again once the event loop turns: a program that changes a variable for
 * one start and puts it back has its spare ones still.
 */
import { ArgumentRangeError, ArgumentTypeError } from "../errors/index.js";
import { MAX_WORKERS, setRealImmediate } from "../memory/index.js";

/** Those that end one after the other, before anybody has used one: no more are started. */
const MOST_IN_VAIN = 8;

/** A worker that was started ahead. */
interface Spare {
  readonly conditions: string;
  /** Without help of the event loop. */
  readonly isGone: boolean;
  end(): void;
}

export class Spares<S extends Spare> {
  readonly #conditions: () => string;
  readonly #start: (conditions: string, ended: () => void) => S;
  /** The oldest first. */
  #kept: readonly S[] = [];
  #count = 0;
  #inVain = 0;
  #willTend = false;

  /** `start`: starts one, whose end calls `ended`. */
  constructor(conditions: () => string, start: (conditions: string, ended: () => void) => S) {
    this.#conditions = conditions;
    this.#start = start;
  }

  /** @throws ArgumentTypeError, ArgumentRangeError; what a start throws: then as many are kept as before */
  keep(count: number): void {
    if (typeof count !== "number")
      throw new ArgumentTypeError(`spare(count): count must be a number of workers, got ${typeof count}`);
    // No more could work at a time.
    if (!Number.isInteger(count) || count < 0 || count > MAX_WORKERS)
      throw new ArgumentRangeError(`spare(count): count must be a whole number from 0 to ${MAX_WORKERS}, got ${count}`);
    const before = this.#count;
    this.#count = count;
    this.#inVain = 0;
    try {
      this.#tend();
    } catch (error) {
      this.#count = before;
      this.#endSurplus();
      throw error;
    }
  }

  /** One that fits the program as it is now; undefined where there is none. */
  take(): S | undefined {
    if (this.#count === 0) return undefined;
    const conditions = this.#conditions();
    const spare = this.#kept.find((each) => each.conditions === conditions && !each.isGone);
    if (spare !== undefined) {
      this.#inVain = 0;
      this.#drop(spare);
    }
    this.#tendSoon();
    return spare;
  }

  #drop(spare: S): void {
    this.#kept = this.#kept.filter((other) => other !== spare);
  }

  /** Starts those that are missing, in the place too of those that fit no longer. @throws what a start throws */
  #tend(): void {
    const conditions = this.#count > 0 ? this.#conditions() : "";
    for (const spare of this.#kept) if (spare.conditions !== conditions || spare.isGone) this.#end(spare);
    this.#endSurplus();
    while (this.#kept.length < this.#count) {
      const spare: S = this.#start(conditions, () => this.#ended(spare));
      this.#kept = [...this.#kept, spare];
    }
  }

  #endSurplus(): void {
    for (const spare of this.#kept.slice(this.#count)) this.#end(spare);
  }

  #end(spare: S): void {
    this.#drop(spare);
    spare.end();
  }

  /** Unasked, if it is still kept. */
  #ended(spare: S): void {
    if (!this.#kept.includes(spare)) return;
    this.#drop(spare);
    if (++this.#inVain < MOST_IN_VAIN) this.#tendSoon();
  }

  #tendSoon(): void {
    if (this.#willTend) return;
    this.#willTend = true;
    setRealImmediate(() => {
      this.#willTend = false;
      try {
        this.#tend();
      } catch {
        // For want of memory, descriptors or threads: the next one that is taken has it tried again.
      }
    }).unref();
  }
}
