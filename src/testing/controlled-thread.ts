/**
 * A controlled thread: it runs one worker of an explored program, and goes on only while it has the turn.
 *
 * Before each operation on shared memory the thread decides who carries out the next one: itself, unless the plan, or
 * chance, says otherwise. A switch is a store to the other's `turn` and a wake-up; the thread then sleeps on its own.
 * So there is one flow of control through all threads, and each execution can be repeated from its plan. As CHESS
 * (Musuvathi et al., "Finding and Reproducing Heisenbugs in Concurrent Programs", 2008): the real program, run again
 * and again, with a scheduler in the place of the operating system's.
 */
import { compareExchange, notify, store, wait } from "../platform/atomics.js";
import { BEGIN, CLOCK, EVENT, LIFE, PAUSE, type Controller, WAKE } from "../platform/controlled-atomics.js";
import {
  ABSENT,
  CLOCK_MEMORY,
  CONTROL,
  CONTROL_MEMORY,
  type ControlBlock,
  DATA_MEMORY,
  DEAD,
  DONE,
  ENTRY,
  ENTRY_WORDS,
  FAILED,
  KILL,
  LIFE_MEMORY,
  LISTENER_WORDS,
  LISTENERS,
  NOBODY,
  READY,
  SLEEPING,
  THREAD,
  WROTE,
} from "./control-block.js";
import { TurnChoice } from "./turn-choice.js";
import type { EventSource } from "./virtual-clock.js";

/**
 * Thrown out of an operation of a thread that was killed, or whose execution is over. Not an Error: nothing tells it
 * from the end of the thread.
 */
export const UNWIND = Symbol("unwind");

export class ControlledThread implements Controller {
  readonly #block: ControlBlock;
  readonly #words: Int32Array;
  readonly #log: Int32Array;
  readonly #index: number;
  readonly #choice: TurnChoice;
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
    this.#choice = new TurnChoice(block, index);
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

  /**
   * The thread is ready to begin: the next one gets the turn, or, after the last, the thread that the plan begins with.
   * Returns once this thread is chosen.
   */
  begin(): void {
    this.#words[this.#at + THREAD.status] = READY;
    if (this.#index + 1 < this.#words[CONTROL.threads]!) this.#give(this.#block.thread(this.#index + 1) + THREAD.turn);
    else this.#pass(this.#choice.next(false, this.#exploring));
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
    else this.#pass(this.#choice.next(false, this.#exploring));
  }

  /**
   * The exploration is over for this thread too: the next one, which the runner may begin at once, clears the words on
   * which it would still sleep.
   */
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
    if (this.#words[CONTROL.watchers] !== 0)
      this.#wakeWatchers(log[entry + ENTRY.operation]! >> 8, log[entry + ENTRY.place]!);
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
      this.#block.eachThread((at) => {
        if (
          words[at + THREAD.status] !== SLEEPING ||
          words[at + THREAD.looping] === 1 ||
          words[at + THREAD.watches] === 1
        )
          return;
        if (words[at + THREAD.memory] !== memory || words[at + THREAD.place] !== place) return;
        if (first < 0 || words[at + THREAD.order]! < words[first + THREAD.order]!) first = at;
      });
      if (first < 0) break;
      words[first + THREAD.woken] = 1;
      words[first + THREAD.status] = READY;
    }
    this.#block.eachThread((at) => {
      if (woken >= count) return;
      for (
        let listener = at + THREAD.listeners;
        listener < at + THREAD.listeners + LISTENERS * LISTENER_WORDS;
        listener += LISTENER_WORDS
      ) {
        if (words[listener] !== memory + 1 || words[listener + 1] !== place || words[listener + 2] === 1) continue;
        words[listener + 2] = 1;
        woken++;
        if (words[at + THREAD.looping] === 1 && words[at + THREAD.status] === SLEEPING)
          words[at + THREAD.status] = READY;
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
    const choice = this.#choice.next(canGoOn, this.#exploring);
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

  #wakeWatchers(memory: number, place: number): void {
    this.#block.eachThread((at) => {
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

function stackHere(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const { stack } = new Error("here");
  Error.stackTraceLimit = limit;
  return stack ?? "";
}
