import { NOTIFY, UPDATE, WAIT, WRITE, WRITE_DATA, WRITE_PLAIN } from "../platform/controlled-atomics.js";
import {
  ADVANCED,
  CONTROL,
  type ControlBlock,
  COULD_GO_ON,
  ENTRY,
  ENTRY_WORDS,
  FIRE,
  FIRED,
  KILL,
  KILLED,
  PREFERRED,
  RESCUED,
  WROTE,
} from "./control-block.js";
import type { Schedule } from "./schedule.js";

/** What happened in one execution, decision by decision. A view of the log: valid until the next execution. */
export class Trace {
  readonly #log: Int32Array;
  readonly length: number;
  readonly threads: number;
  readonly verdict: number;
  readonly rescued: boolean;

  constructor(block: ControlBlock) {
    this.#log = block.log;
    this.length = block.words[CONTROL.decision]!;
    this.threads = block.words[CONTROL.threads]!;
    this.verdict = block.words[CONTROL.verdict]!;
    this.rescued = block.words[CONTROL.secondChance] !== 0;
  }

  #word(decision: number, word: number): number {
    return this.#log[decision * ENTRY_WORDS + word]!;
  }

  chosen(decision: number): number {
    return this.#word(decision, ENTRY.who) & 15;
  }

  /** Who ran before; NOBODY at the beginning and after an end. */
  before(decision: number): number {
    return (this.#word(decision, ENTRY.who) >> 4) & 15;
  }

  #flag(decision: number, flag: number): boolean {
    return ((this.#word(decision, ENTRY.who) >> 8) & flag) !== 0;
  }

  /** Whether the one who ran before could have gone on. */
  couldGoOn(decision: number): boolean {
    return this.#flag(decision, COULD_GO_ON);
  }

  killed(decision: number): boolean {
    return this.#flag(decision, KILLED);
  }

  fired(decision: number): boolean {
    return this.#flag(decision, FIRED);
  }

  isRescue(decision: number): boolean {
    return this.#flag(decision, RESCUED);
  }

  /** The decision before which everybody slept and was woken all the same; the length if that did not happen. */
  rescuedAt(): number {
    for (let decision = 0; decision < this.length; decision++) if (this.isRescue(decision)) return decision;
    return this.length;
  }

  /** Whether the clock was set forward for it. */
  movedClock(decision: number): boolean {
    return this.#flag(decision, FIRED | ADVANCED);
  }

  wrote(decision: number): boolean {
    return this.#flag(decision, WROTE);
  }

  /** Who could run, one bit each. */
  could(decision: number): number {
    return this.#word(decision, ENTRY.could) & 0xff;
  }

  /** Whose time could have been let run out, one bit each. */
  timed(decision: number): number {
    return (this.#word(decision, ENTRY.could) >> 8) & 0xff;
  }

  /** What the chosen one did; undefined when it never came to do it. */
  operation(decision: number): number | undefined {
    const word = this.#word(decision, ENTRY.operation);
    return word < 0 ? undefined : word & 0xff;
  }

  memory(decision: number): number {
    return this.#word(decision, ENTRY.operation) >> 8;
  }

  place(decision: number): number {
    return this.#word(decision, ENTRY.place);
  }

  /** Memory and place in one number. */
  location(decision: number): number {
    return this.memory(decision) * 2 ** 32 + (this.place(decision) >>> 0);
  }

  old(decision: number): number {
    return this.#word(decision, ENTRY.old);
  }

  now(decision: number): number {
    return this.#word(decision, ENTRY.now);
  }

  /**
   * Whether a death before the operation shows others anything that a death before an earlier one does not: it may
   * write, or goes to sleep.
   */
  isStep(decision: number): boolean {
    const operation = this.operation(decision);
    return (
      operation === WAIT ||
      operation === WRITE ||
      operation === UPDATE ||
      operation === WRITE_DATA ||
      operation === WRITE_PLAIN ||
      operation === NOTIFY
    );
  }

  /** The choice made. */
  choice(decision: number): number {
    return this.chosen(decision) | (this.fired(decision) ? FIRE : 0) | (this.killed(decision) ? KILL : 0);
  }

  /** Whether the choice cost a pre-emption: somebody could have gone on, or run, and was passed over. */
  preempted(decision: number): boolean {
    if (this.killed(decision)) return false;
    if (this.fired(decision)) return this.could(decision) !== 0;
    return this.couldGoOn(decision) && this.chosen(decision) !== this.before(decision);
  }

  /** The schedule that leads to this execution again, whatever policy chose it. */
  schedule(): Schedule {
    const schedule: (readonly [number, number])[] = [];
    for (let decision = 0; decision < this.length; decision++) {
      if (!this.#flag(decision, PREFERRED)) schedule.push([decision, this.choice(decision)]);
    }
    return schedule;
  }
}
