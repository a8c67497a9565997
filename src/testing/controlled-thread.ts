/**
 * A controlled thread: it runs one worker of an explored program, and goes on only while it has the turn.
 *
 * Before each operation on shared memory the thread decides who carries out the next one: itself, unless the plan, or chance, says otherwise. A switch is a store to the
 * other's `turn` and a wake-up; the thread then sleeps on its own. So there is one flow of control through all threads, and each execution can be repeated from its plan.
 * As CHESS (Musuvathi et al., "Finding and Reproducing Heisenbugs in Concurrent Programs", 2008): the real program, run again and again, with a scheduler in the place
 * of the operating system's.
 */
import { compareExchange, notify, store, wait } from "../platform/atomics.js";
import { BEGIN, CLOCK, EVENT, LIFE, PAUSE, type Scheduler, WAKE } from "../platform/controlled-atomics.js";
import {
  ABSENT,
  ADVANCED,
  CLOCK_MEMORY,
  CONTROL,
  CONTROL_MEMORY,
  type ControlBlock,
  COULD_GO_ON,
  DATA_MEMORY,
  DEAD,
  DEADLOCKED,
  DIVERGED,
  DONE,
  ENDED,
  ENTRY,
  ENTRY_WORDS,
  FAILED,
  FIRE,
  FIRED,
  KILL,
  KILLED,
  LIFE_MEMORY,
  LISTENER_WORDS,
  LISTENERS,
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
  WROTE,
} from "./control-block.js";
import type { EventSource } from "./virtual-clock.js";

/** Thrown out of an operation of a thread that was killed, or whose execution is over. Not an Error: nothing tells it from the end of the thread. */
export const UNWIND = Symbol("unwind");

/** A thread that only looks for so long lets another run: it may be waiting for what that one will write. */
const MOST_IDLE_STEPS = 400;
/** Chance walks let time run out early once in so many decisions. */
const FIRE_ONCE_IN = 24;

export class ControlledThread implements Scheduler {
  readonly #block: ControlBlock;
  readonly #words: Int32Array;
  readonly #log: Int32Array;
  readonly #index: number;
  /** First of this thread's words. */
  readonly #at: number;
  readonly #resolvers: (((value: "ok") => void) | undefined)[] = new Array(LISTENERS).fill(undefined);
  #controlBuffer: unknown;
  /** The entry of the operation at hand. */
  #entry = 0;
  /** From the thread's beginning to its end: operations ask before they are carried out. */
  #exploring = false;
  #over = false;
  /** Where each operation was in the source, by number of the decision, when the runner asks for it. */
  readonly stacks = new Map<number, string>();

  constructor(block: ControlBlock, index: number) {
    this.#block = block;
    this.#words = block.words;
    this.#log = block.log;
    this.#index = index;
    this.#at = block.thread(index);
  }

  /** Whether it was killed, or its execution is over. */
  get isOver(): boolean {
    return this.#over;
  }

  get thread(): { pid: number; tid: number; startTime: number } {
    return { pid: process.pid, tid: this.#index + 1, startTime: this.#words[CONTROL.execution]! };
  }

  /** A new execution; `control` is the buffer of the heap's control region. */
  prepare(control: SharedArrayBuffer): void {
    this.#controlBuffer = control;
    this.#resolvers.fill(undefined);
    this.#over = false;
    this.#exploring = false;
    this.stacks.clear();
  }

  /** The thread is ready to begin: the next one gets the turn, or, after the last, whoever the plan begins with. Returns once this thread is chosen. */
  begin(): void {
    this.#words[this.#at + THREAD.status] = READY;
    if (this.#index + 1 < this.#words[CONTROL.threads]!) this.#give(this.#block.thread(this.#index + 1) + THREAD.turn);
    else this.#pass(this.#choose(false));
    this.awaitTurn();
    this.#checkOver();
    this.#exploring = true;
    this.#note(BEGIN, LIFE_MEMORY, this.#index);
  }

  /** The thread's task is over, in whatever way. `failed` ends the execution. */
  end(failed: boolean): void {
    const words = this.#words;
    this.#exploring = false;
    if (words[CONTROL.unwind] !== 0) {
      this.#over = true;
      this.#give(CONTROL.turn);
      return;
    }
    if (words[this.#at + THREAD.status] !== DEAD) words[this.#at + THREAD.status] = DONE;
    this.#over = true;
    if (failed) this.#finish(FAILED);
    else this.#pass(this.#choose(false));
  }

  /** The exploration is over for this thread too: the next one, which the runner may begin at once, clears the words on which it would still sleep. */
  leave(): void {
    this.#give(CONTROL.turn);
  }

  /** Sleeps until this thread has the turn. */
  awaitTurn(): void {
    const turn = this.#at + THREAD.turn;
    while (compareExchange(this.#words, turn, 1, 0) !== 1) wait(this.#words, turn, 0);
  }

  before(operation: number, cells: ArrayBufferView, index: number): void {
    if (this.#over) throw UNWIND;
    if (!this.#exploring) return;
    this.#decide(true);
    this.#noteAt(operation, cells, index);
  }

  after(wrote: boolean, old: number, now: number): void {
    if (!this.#exploring) return;
    const { log } = this.#block;
    const entry = this.#entry;
    log[entry + ENTRY.old] = old;
    log[entry + ENTRY.now] = now;
    if (!wrote) return;
    log[entry + ENTRY.who] = log[entry + ENTRY.who]! | (WROTE << 8);
    if (old !== now) this.#words[this.#at + THREAD.idleSteps] = 0;
    if (this.#words[CONTROL.watchers] !== 0) this.#wakeWatchers(log[entry + ENTRY.operation]! >> 8, log[entry + ENTRY.place]!);
  }

  sleep(cells: ArrayBufferView, index: number, ms: number, watches: boolean): boolean {
    const words = this.#words;
    const at = this.#at;
    words[at + THREAD.memory] = this.#memoryOf(cells);
    words[at + THREAD.place] = placeOf(cells, index);
    words[at + THREAD.watches] = watches ? 1 : 0;
    if (watches) words[CONTROL.watchers]!++;
    this.#sleep(ms);
    if (watches) words[CONTROL.watchers]!--;
    this.#noteAt(WAKE, cells, index);
    return words[at + THREAD.woken] === 1;
  }

  pause(ms: number): void {
    if (this.#over) throw UNWIND;
    if (!this.#exploring) return;
    this.#decide(true);
    this.#note(PAUSE, CLOCK_MEMORY, 0);
    this.#words[this.#at + THREAD.memory] = CLOCK_MEMORY;
    this.#words[this.#at + THREAD.place] = 0;
    this.#words[this.#at + THREAD.watches] = 0;
    this.#sleep(ms);
    this.#note(WAKE, CLOCK_MEMORY, 0);
  }

  notify(cells: ArrayBufferView, index: number, count: number): number {
    const words = this.#words;
    const memory = this.#memoryOf(cells);
    const place = placeOf(cells, index);
    let woken = 0;
    for (; woken < count; woken++) {
      let first = -1;
      this.#eachThread((at) => {
        if (words[at + THREAD.status] !== SLEEPING || words[at + THREAD.looping] === 1 || words[at + THREAD.watches] === 1) return;
        if (words[at + THREAD.memory] !== memory || words[at + THREAD.place] !== place) return;
        if (first < 0 || words[at + THREAD.order]! < words[first + THREAD.order]!) first = at;
      });
      if (first < 0) break;
      words[first + THREAD.woken] = 1;
      words[first + THREAD.status] = READY;
    }
    this.#eachThread((at) => {
      if (woken >= count) return;
      for (let listener = at + THREAD.listeners; listener < at + THREAD.listeners + LISTENERS * LISTENER_WORDS; listener += LISTENER_WORDS) {
        if (words[listener] !== memory + 1 || words[listener + 1] !== place || words[listener + 2] === 1) continue;
        words[listener + 2] = 1;
        woken++;
        if (words[at + THREAD.looping] === 1 && words[at + THREAD.status] === SLEEPING) words[at + THREAD.status] = READY;
        return;
      }
    });
    return woken;
  }

  listen(cells: ArrayBufferView, index: number): Promise<"ok"> {
    const words = this.#words;
    for (let number = 0; number < LISTENERS; number++) {
      const listener = this.#at + THREAD.listeners + number * LISTENER_WORDS;
      if (words[listener] !== 0) continue;
      words[listener] = this.#memoryOf(cells) + 1;
      words[listener + 1] = placeOf(cells, index);
      words[listener + 2] = 0;
      return new Promise((resolve) => {
        this.#resolvers[number] = resolve;
      });
    }
    throw new Error("an explored worker listens to too many words");
  }

  isAlive(tid: number): boolean {
    if (this.#over) throw UNWIND;
    const index = tid - 1;
    if (index < 0) return true; // the runner
    if (this.#exploring) {
      this.#decide(true);
      this.#note(LIFE, LIFE_MEMORY, index);
    }
    const status = this.#words[this.#block.thread(index) + THREAD.status]!;
    return status !== DEAD && status !== ABSENT;
  }

  /** The time, in ms since some moment before the execution. */
  now(): number {
    if (this.#exploring && !this.#over) {
      this.#decide(true);
      this.#note(CLOCK, CLOCK_MEMORY, 0);
    }
    return this.#block.clock;
  }

  /** The time, for who only plans with it: no operation of the program's. */
  get clock(): number {
    return this.#block.clock;
  }

  /** One turn of the thread's event loop: sleeps until there is an event, and has it dealt with. */
  turnLoop(timers: EventSource): void {
    const words = this.#words;
    const at = this.#at;
    const due = timers.nextDue();
    const rang = this.#rungListener();
    words[at + THREAD.looping] = 1;
    words[at + THREAD.fired] = 0;
    this.#block.times[1 + this.#index] = due;
    const ready = rang >= 0 || due <= this.#block.clock;
    if (!ready) this.#fallAsleep();
    this.#decide(ready);
    words[at + THREAD.looping] = 0;
    this.#block.times[1 + this.#index] = Number.POSITIVE_INFINITY;
    const fired = words[at + THREAD.fired] === 1;
    const listener = fired ? -1 : this.#rungListener();
    if (listener < 0) {
      this.#note(EVENT, CLOCK_MEMORY, 0);
      timers.runDue(fired);
      return;
    }
    const word = at + THREAD.listeners + listener * LISTENER_WORDS;
    this.#note(EVENT, words[word]! - 1, words[word + 1]!);
    words[word] = 0;
    const resolve = this.#resolvers[listener];
    this.#resolvers[listener] = undefined;
    resolve?.("ok");
  }

  #rungListener(): number {
    for (let number = 0; number < LISTENERS; number++) {
      const listener = this.#at + THREAD.listeners + number * LISTENER_WORDS;
      if (this.#words[listener] !== 0 && this.#words[listener + 2] === 1) return number;
    }
    return -1;
  }

  #fallAsleep(): void {
    this.#words[this.#at + THREAD.order] = this.#words[CONTROL.order]!++;
    this.#words[this.#at + THREAD.woken] = 0;
    this.#words[this.#at + THREAD.fired] = 0;
    this.#words[this.#at + THREAD.status] = SLEEPING;
  }

  #sleep(ms: number): void {
    this.#fallAsleep();
    this.#block.times[1 + this.#index] = this.#block.clock + ms;
    this.#decide(false);
    this.#block.times[1 + this.#index] = Number.POSITIVE_INFINITY;
  }

  /** Who carries out the next operation? Returns once it is this thread. */
  #decide(canGoOn: boolean): void {
    const words = this.#words;
    const choice = this.#choose(canGoOn);
    if (choice === this.#index) {
      words[this.#at + THREAD.status] = READY;
      return;
    }
    if (choice === KILL) {
      this.#over = true;
      this.#exploring = false;
      throw UNWIND;
    }
    if (canGoOn) words[this.#at + THREAD.status] = READY;
    this.#pass(choice);
    this.awaitTurn();
    this.#checkOver();
  }

  #checkOver(): void {
    if (this.#words[CONTROL.unwind] === 0) return;
    this.#over = true;
    this.#exploring = false;
    throw UNWIND;
  }

  /** Gives the turn to a thread, or, NOBODY, to the runner. */
  #pass(choice: number): void {
    this.#give(choice === NOBODY ? CONTROL.turn : this.#block.thread(choice) + THREAD.turn);
  }

  #give(turn: number): void {
    store(this.#words, turn, 1);
    notify(this.#words, turn, 1);
  }

  #finish(verdict: number): void {
    this.#words[CONTROL.verdict] = verdict;
    this.#give(CONTROL.turn);
  }

  #stop(verdict: number): number {
    this.#words[CONTROL.verdict] = verdict;
    return NOBODY;
  }

  /** The next decision: an index of a thread; KILL: this one was killed; NOBODY: the execution is over. */
  #choose(canGoOn: boolean): number {
    const words = this.#words;
    const { times } = this.#block;
    const decision = words[CONTROL.decision]!;
    if (decision >= words[CONTROL.mostDecisions]!) return this.#stop(TOO_LONG);
    const threads = words[CONTROL.threads]!;
    const me = this.#index;
    const running = words[this.#at + THREAD.status] === DONE || words[this.#at + THREAD.status] === DEAD || !this.#exploring ? NOBODY : me;

    let could = 0;
    let timed = 0;
    const look = () => {
      could = 0;
      timed = 0;
      for (let thread = 0, at = CONTROL.threadsAt; thread < threads; thread++, at += THREAD_WORDS) {
        const status = words[at + THREAD.status];
        const deadline = times[1 + thread]!;
        if (status === READY) could |= 1 << thread;
        if (deadline !== Number.POSITIVE_INFINITY && (status === SLEEPING || words[at + THREAD.looping] === 1)) timed |= 1 << thread;
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
      for (let thread = 0; thread < threads; thread++) if ((timed >> thread) & 1) earliest = Math.min(earliest, times[1 + thread]!);
      // After a death, whoever sleeps looks around after each slice, also while others wait for a moment further away.
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

  /** Whoever runs goes on; when it cannot, the next one in turn. */
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
    // Probabilistic concurrency testing: Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs" (2010).
    if (canGoOn && words[CONTROL.falls]! > words[CONTROL.fallAt]! && words[CONTROL.fallsAt + words[CONTROL.fallAt]!]! <= decision) {
      words[CONTROL.fallAt]!++;
      words[this.#at + THREAD.priority] = --words[CONTROL.lowest]!;
    }
    let best = -1;
    for (let thread = 0; thread < threads; thread++) {
      if (((could >> thread) & 1) === 0) continue;
      if (best < 0 || words[CONTROL.threadsAt + thread * THREAD_WORDS + THREAD.priority]! > words[CONTROL.threadsAt + best * THREAD_WORDS + THREAD.priority]!)
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

  /** Sets the clock forward; whoever's time has run out by then can run. */
  #advance(to: number): void {
    const { times } = this.#block;
    if (to > times[0]!) times[0] = to;
    this.#eachThread((at, thread) => {
      if (this.#words[at + THREAD.status] === SLEEPING && times[1 + thread]! <= times[0]!) this.#words[at + THREAD.status] = READY;
    });
  }

  #anyAsleep(): boolean {
    let any = false;
    this.#eachThread((at) => {
      any ||= this.#words[at + THREAD.status] === SLEEPING;
    });
    return any;
  }

  #wakeAll(): void {
    this.#eachThread((at) => {
      if (this.#words[at + THREAD.status] !== SLEEPING) return;
      this.#words[at + THREAD.status] = READY;
      this.#words[at + THREAD.fired] = 1;
    });
  }

  #wakeWatchers(memory: number, place: number): void {
    this.#eachThread((at) => {
      const words = this.#words;
      if (
        words[at + THREAD.status] === SLEEPING &&
        words[at + THREAD.watches] === 1 &&
        words[at + THREAD.memory] === memory &&
        words[at + THREAD.place] === place
      )
        words[at + THREAD.status] = READY;
    });
  }

  #eachThread(visit: (at: number, thread: number) => void): void {
    const threads = this.#words[CONTROL.threads]!;
    for (let thread = 0; thread < threads; thread++) visit(CONTROL.threadsAt + thread * THREAD_WORDS, thread);
  }

  #memoryOf(cells: ArrayBufferView): number {
    return cells.buffer === this.#controlBuffer ? CONTROL_MEMORY : DATA_MEMORY;
  }

  #noteAt(operation: number, cells: ArrayBufferView, index: number): void {
    this.#note(operation, this.#memoryOf(cells), placeOf(cells, index));
  }

  /** Writes into the log what this thread does with the turn that it has. */
  #note(operation: number, memory: number, place: number): void {
    const decision = this.#words[CONTROL.chosenAt]!;
    const entry = decision * ENTRY_WORDS;
    this.#entry = entry;
    const log = this.#log;
    log[entry + ENTRY.operation] = operation | (memory << 8);
    log[entry + ENTRY.place] = place;
    log[entry + ENTRY.old] = 0;
    log[entry + ENTRY.now] = 0;
    if (this.#words[CONTROL.traced] === 1) this.stacks.set(decision, stackHere());
  }
}

function placeOf(cells: ArrayBufferView, index: number): number {
  return cells.byteOffset + index * (cells as Int32Array).BYTES_PER_ELEMENT;
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

function stackHere(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const { stack } = new Error("here");
  Error.stackTraceLimit = limit;
  return stack ?? "";
}
