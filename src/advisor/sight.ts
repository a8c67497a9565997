/** What a pool has seen of one task in its first calls, from outside. */
import type { PoolWorker } from "../pools/pool-worker.js";

/** So many looks at its worker, or so many ends, are enough; fewer that agree tell that it waits. */
const ENOUGH_LOOKS = 40;
const ENOUGH_ENDS = 64;
/** Both together. */
const SOME_LOOKS = 4;
const SOME_ENDS = 4;
/** Only the last looks count: the first call of a task is cold, and computes before it waits. */
const LAST_LOOKS = 12;
/** Fewer looks say nothing. */
const LEAST_LOOKS = 3;
/** Which part of the looks must have found it awaiting. */
const WAITS = 0.75;
/** From which part on they agree that it computes. A first call is cold: where looks are few, it takes most of them. */
const COMPUTES = 0.9;

type Seen = PoolWorker["state"];

export class Sight {
  /** How many of its calls have ended, an item of a map being one. */
  ends = 0;
  /** What they took together, in milliseconds. */
  took = 0;
  readonly #last: Seen[] = [];
  #looks = 0;

  /** Its worker was found in this state. */
  looked(state: Seen): void {
    if (state === "idle" || state === "starting") return;
    this.#looks++;
    this.#last.push(state);
    if (this.#last.length > LAST_LOOKS) this.#last.shift();
  }

  ended(ms: number, items: number): void {
    this.ends += items;
    this.took += ms;
  }

  /** Whether more of it would say little more. */
  get isEnough(): boolean {
    // The first call is cold: however many looks it takes, they say little but that it waits.
    if (this.ends >= ENOUGH_ENDS || (this.#looks >= ENOUGH_LOOKS && this.ends > 0)) return true;
    if (this.#looks >= SOME_LOOKS && this.ends >= SOME_ENDS && (this.waits || this.#computes)) return true;
    return this.#looks >= LAST_LOOKS && this.waits;
  }

  /** Whether nothing was seen yet. */
  get isEmpty(): boolean {
    return this.#looks === 0 && this.ends === 0;
  }

  /** Which part of the last looks found it so, from 0 to 1. */
  share(...states: Seen[]): number {
    return this.#last.length === 0
      ? 0
      : this.#last.filter((state) => states.includes(state)).length / this.#last.length;
  }

  /** It was seen to leave its event loop to others for most of its time. */
  get waits(): boolean {
    return this.#looks >= LEAST_LOOKS && this.share("awaiting") >= WAITS;
  }

  get #computes(): boolean {
    return this.share("awaiting") <= 1 - COMPUTES;
  }

  /** In words. */
  get description(): string {
    const percent = (...states: Seen[]) => `${Math.round(this.share(...states) * 100)} %`;
    const mean = this.ends === 0 ? "none has ended yet" : `${Number((this.took / this.ends).toPrecision(2))} ms each`;
    const looks =
      this.#looks === 0
        ? "it was too short to be seen at work"
        : `of the last ${this.#last.length} looks ${percent("awaiting")} found it awaiting, ${percent("waiting", "blocked", "stopped")} blocked, ${percent("busy")} computing`;
    return `${this.ends} calls have ended (${mean}); ${looks}`;
  }
}
