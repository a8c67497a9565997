/**
 * Work that one of all who use a heap does for the others, now and then: a word of the header says when it was last
 * begun, 0 before that.
 *
 * Who begins it keeps the turn: it is the one that finds there what it wrote. The same thread so does it again and
 * again, whose code is compiled for it. The others take the turn when the work is overdue, by a CAS; who leaves sets
 * the word so far back that it is overdue when the work was to be done again, and not sooner: many may come and go. One
 * that dies over the work, or is stopped, costs them that interval and nothing else: so the work must be one that may
 * be begun by several, and left off anywhere.
 * Rejected: to appoint a worker by its id. Its death would have to be noticed by somebody first. To let the first
 * waiter do it: each thread would have to compile the code.
 */
import { compareExchange, exchange, load } from "#atomics";
import { monotonicMs } from "../memory/clock.js";

export class Turn {
  /** The header's word. */
  readonly #at: number;
  /** How long nobody has done it when who has the turn does it again, and when another takes the turn. */
  readonly #every: number;
  readonly #patience: number;
  /** What this worker wrote last, 0 for nothing. */
  #mine = 0;
  #ago = 0;

  constructor(at: number, every: number, patience: number) {
    this.#at = at;
    this.#every = every;
    this.#patience = patience;
  }

  /** Whether the caller is to do the work now. */
  take(words: Int32Array): boolean {
    // Before the clock: then it is never later than that, unless the word was written over, and then it counts for
    // nothing.
    const last = load(words, this.#at);
    const now = monotonicMs();
    const ago = (now - last) | 0;
    this.#ago = last === 0 ? 0 : ago;
    if (last !== 0 && ago >= 0 && ago < (last === this.#mine ? this.#every : this.#patience)) return false;
    if (compareExchange(words, this.#at, last, now) !== last) return false;
    this.#mine = now;
    return true;
  }

  /** In any case: the caller does the work. */
  seize(words: Int32Array): void {
    this.#mine = monotonicMs();
    exchange(words, this.#at, this.#mine);
  }

  /** Whether the calling worker has it. */
  isMine(words: Int32Array): boolean {
    return this.#mine !== 0 && load(words, this.#at) === this.#mine;
  }

  /** How long nobody had begun it when the caller last asked for the turn. */
  get ago(): number {
    return this.#ago;
  }

  /** The caller will not do it any more. */
  leave(words: Int32Array): void {
    if (this.#mine === 0) return;
    compareExchange(words, this.#at, this.#mine, (this.#mine - this.#patience + this.#every) | 0 || 1);
    this.#mine = 0;
  }
}
