/**
 * Who carries out the next operation of an explored program: chosen by the thread that has the turn, from the plan or
 * by chance, and written into the log.
 */
import {
  ADVANCED,
  CONTROL,
  type ControlBlock,
  COULD_GO_ON,
  DEAD,
  DEADLOCKED,
  DIVERGED,
  DONE,
  ENDED,
  ENTRY,
  ENTRY_WORDS,
  FIRE,
  FIRED,
  KILL,
  KILLED,
  MOST_SLICES,
  NOBODY,
  PLANNED,
  PREFERRED,
  PRIORITIES,
  READY,
  RESCUED,
  SLEEPING,
  SLICE_MS,
  TOO_LONG,
  THREAD,
  THREAD_OF_CHOICE,
  THREAD_WORDS,
  WALK,
} from "./control-block.js";

/** A thread that only looks for so long lets another run: it may be waiting for what that one will write. */
const MOST_IDLE_STEPS = 400;
/** Chance walks let time run out early once in so many decisions. */
const FIRE_ONCE_IN = 24;

export class TurnChoice {
  readonly #block: ControlBlock;
  readonly #words: Int32Array;
  readonly #log: Int32Array;
  readonly #index: number;
  /** First of the words of the thread that chooses. */
  readonly #at: number;

  constructor(block: ControlBlock, index: number) {
    this.#block = block;
    this.#words = block.words;
    this.#log = block.log;
    this.#index = index;
    this.#at = block.thread(index);
  }

  /**
   * The next decision: an index of a thread; KILL: this one was killed; NOBODY: the execution is over. `exploring`:
   * this thread has begun and not ended.
   */
  next(canGoOn: boolean, exploring: boolean): number {
    const words = this.#words;
    const { times } = this.#block;
    const decision = words[CONTROL.decision]!;
    if (decision >= words[CONTROL.mostDecisions]!) return this.#stop(TOO_LONG);
    const threads = words[CONTROL.threads]!;
    const me = this.#index;
    const running =
      words[this.#at + THREAD.status] === DONE || words[this.#at + THREAD.status] === DEAD || !exploring ? NOBODY : me;

    let could = 0;
    let timed = 0;
    const look = () => {
      could = 0;
      timed = 0;
      for (let thread = 0, at = CONTROL.threadsAt; thread < threads; thread++, at += THREAD_WORDS) {
        const status = words[at + THREAD.status];
        const deadline = times[1 + thread]!;
        if (status === READY) could |= 1 << thread;
        if (deadline !== Number.POSITIVE_INFINITY && (status === SLEEPING || words[at + THREAD.looping] === 1))
          timed |= 1 << thread;
      }
    };
    look();
    if (canGoOn && this.#makesWay(could, timed)) {
      canGoOn = false;
      could &= ~(1 << me);
    }
    let flags = canGoOn ? COULD_GO_ON : 0;
    if (could === 0) {
      let earliest = Number.POSITIVE_INFINITY;
      for (let thread = 0; thread < threads; thread++)
        if ((timed >> thread) & 1) earliest = Math.min(earliest, times[1 + thread]!);
      // After a death, a thread that sleeps looks around after each slice, also while others wait for a moment further
      // away.
      const sliced = words[CONTROL.deaths]! > 0 && words[CONTROL.slices]! < MOST_SLICES && this.#anyAsleep();
      if (sliced && earliest > times[0]! + SLICE_MS) {
        words[CONTROL.slices]!++;
        times[0] = times[0]! + SLICE_MS;
        this.#wakeAll();
        flags |= ADVANCED;
      } else if (timed !== 0) {
        this.#advance(earliest);
        flags |= ADVANCED;
      } else if (!this.#anyAsleep()) {
        return this.#stop(ENDED);
      } else if (words[CONTROL.secondChance] === 0) {
        words[CONTROL.secondChance] = decision;
        this.#wakeAll();
        flags |= RESCUED | ADVANCED;
      } else {
        return this.#stop(DEADLOCKED);
      }
      look();
    }

    const preferred = this.#preferred(canGoOn, could);
    let choice = preferred;
    if (words[CONTROL.policy] === PLANNED) {
      const next = words[CONTROL.planAt]!;
      if (next < words[CONTROL.planned]! && this.#block.plan[next * 2] === decision) {
        words[CONTROL.planAt] = next + 1;
        choice = this.#block.plan[next * 2 + 1]!;
      }
    } else {
      choice = this.#byChance(canGoOn, could, timed, preferred, decision);
    }

    if (choice === preferred) flags |= PREFERRED;
    const thread = choice & THREAD_OF_CHOICE;
    if (choice & KILL) {
      if (thread !== me || !canGoOn) return this.#stop(DIVERGED);
      this.#write(decision, me, running, flags | KILLED, could, timed);
      words[this.#at + THREAD.status] = DEAD;
      words[CONTROL.deaths]!++;
      return KILL;
    }
    if (choice & FIRE) {
      if (((timed >> thread) & 1) === 0) return this.#stop(DIVERGED);
      this.#advance(times[1 + thread]!);
      words[CONTROL.threadsAt + thread * THREAD_WORDS + THREAD.fired] = 1;
      flags |= FIRED;
    } else if (((could >> thread) & 1) === 0) {
      return this.#stop(DIVERGED);
    }
    this.#write(decision, thread, running, flags, could, timed);
    return thread;
  }

  #write(decision: number, chosen: number, before: number, flags: number, could: number, timed: number): void {
    this.#words[CONTROL.decision] = decision + 1;
    this.#words[CONTROL.chosenAt] = decision;
    const log = this.#log;
    const entry = decision * ENTRY_WORDS;
    log[entry + ENTRY.who] = chosen | (before << 4) | (flags << 8);
    log[entry + ENTRY.could] = could | (timed << 8);
    log[entry + ENTRY.operation] = -1;
  }

  /** Whether this thread has changed nothing for so long that it must be waiting for what another will do. */
  #makesWay(could: number, timed: number): boolean {
    if (this.#words[this.#at + THREAD.idleSteps]!++ < MOST_IDLE_STEPS) return false;
    this.#words[this.#at + THREAD.idleSteps] = 0;
    return ((could | timed) & ~(1 << this.#index)) !== 0;
  }

  /** The thread that runs goes on; when it cannot, the next one in turn. */
  #preferred(canGoOn: boolean, could: number): number {
    const threads = this.#words[CONTROL.threads]!;
    if (canGoOn) return this.#index;
    for (let step = 1; step <= threads; step++) {
      const thread = (this.#index + step) % threads;
      if ((could >> thread) & 1) return thread;
    }
    return this.#index;
  }

  #byChance(canGoOn: boolean, could: number, timed: number, preferred: number, decision: number): number {
    const words = this.#words;
    const threads = words[CONTROL.threads]!;
    if (timed !== 0 && this.#random(FIRE_ONCE_IN) === 0) return FIRE | nth(timed, this.#random(bits(timed)));
    if (words[CONTROL.policy] === WALK) return nth(could, this.#random(bits(could)));
    if (words[CONTROL.policy] !== PRIORITIES) return preferred;
    // Probabilistic concurrency testing: Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of
    // Finding Bugs" (2010).
    if (
      canGoOn &&
      words[CONTROL.falls]! > words[CONTROL.fallAt]! &&
      words[CONTROL.fallsAt + words[CONTROL.fallAt]!]! <= decision
    ) {
      words[CONTROL.fallAt]!++;
      words[this.#at + THREAD.priority] = --words[CONTROL.lowest]!;
    }
    let best = -1;
    for (let thread = 0; thread < threads; thread++) {
      if (((could >> thread) & 1) === 0) continue;
      if (
        best < 0 ||
        words[CONTROL.threadsAt + thread * THREAD_WORDS + THREAD.priority]! >
          words[CONTROL.threadsAt + best * THREAD_WORDS + THREAD.priority]!
      )
        best = thread;
    }
    return best;
  }

  /** A random number below `below`. Xorshift: Marsaglia, "Xorshift RNGs" (2003). */
  #random(below: number): number {
    let x = this.#words[CONTROL.random]!;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#words[CONTROL.random] = x;
    return (x >>> 0) % below;
  }

  /** Sets the clock forward; a thread whose time has run out by then can run. */
  #advance(to: number): void {
    const { times } = this.#block;
    if (to > times[0]!) times[0] = to;
    this.#block.eachThread((at, thread) => {
      if (this.#words[at + THREAD.status] === SLEEPING && times[1 + thread]! <= times[0]!)
        this.#words[at + THREAD.status] = READY;
    });
  }

  #anyAsleep(): boolean {
    let any = false;
    this.#block.eachThread((at) => {
      any ||= this.#words[at + THREAD.status] === SLEEPING;
    });
    return any;
  }

  #wakeAll(): void {
    this.#block.eachThread((at) => {
      if (this.#words[at + THREAD.status] !== SLEEPING) return;
      this.#words[at + THREAD.status] = READY;
      this.#words[at + THREAD.fired] = 1;
    });
  }

  #stop(verdict: number): number {
    this.#words[CONTROL.verdict] = verdict;
    return NOBODY;
  }
}

function bits(mask: number): number {
  let count = 0;
  for (let left = mask; left !== 0; left &= left - 1) count++;
  return count;
}

/** The index of the `n`-th bit of a mask that is set. */
function nth(mask: number, n: number): number {
  for (let index = 0, left = n; ; index++) {
    if ((mask >> index) & 1 && left-- === 0) return index;
  }
}
