/**
 * The memory through which the threads of one exploration hand the turn to each other: the schedule runner, which
 * prepares and judges each execution, and the controlled threads, which run the program's workers. Exactly one of them
 * has the turn, and only it reads or writes these words; a thread without it sleeps on its own `turn`. The threads
 * decide among themselves who runs next, by a plan that the runner has written, so that a step without a switch costs
 * no wake-up.
 */

export const MOST_THREADS = 6;
/** Most decisions of one execution: beyond, it is taken for a livelock. */
export const MOST_DECISIONS = 20_000;
export const MOST_PLANNED = 4096;

export const CONTROL = {
  /** 1 while the runner has the turn; it sleeps on this word. */
  turn: 0,
  /** How many threads there are. */
  threads: 1,
  /** Number of the next decision. */
  decision: 2,
  /** How the execution ended; RUNNING until then. */
  verdict: 3,
  /**
   * 1: a thread that gets the turn unwinds and gives it back to the runner. 2: it gives it back and waits for the next
   * exploration.
   */
  unwind: 4,
  /** Entries of the plan, and the next one. */
  planned: 5,
  planAt: 6,
  /** PLANNED, WALK or PRIORITIES. */
  policy: 7,
  /** State of the generator of random numbers; never 0. */
  random: 8,
  /** The decision by which the thread that has the turn got it. */
  chosenAt: 9,
  /** How many threads have died. */
  deaths: 10,
  /** How many slices have ended since a thread died: bounds the execution. */
  slices: 11,
  /** 1 once everybody slept for ever and was woken all the same, to tell a lost wake-up from a deadlock. */
  secondChance: 12,
  /** Next number of a sleeper: the longest sleeping is woken first. */
  order: 13,
  /** How many threads sleep until a word changes. */
  watchers: 14,
  /** 1: threads remember where in the source each operation was. */
  traced: 15,
  /** Number of the execution. */
  execution: 16,
  /** PRIORITIES: decisions at which the running thread falls behind all others, ascending; and the next of them. */
  fallAt: 17,
  falls: 18,
  /** The lowest priority given so far. */
  lowest: 19,
  /** Most decisions of this execution. */
  mostDecisions: 20,
  fallsAt: 24,
  threadsAt: 64,
} as const;
export const MOST_FALLS = 32;

export const THREAD_WORDS = 32;
export const THREAD = {
  /** 1 while the thread has the turn; it sleeps on this word. */
  turn: 0,
  status: 1,
  /** What a sleeper sleeps on: memory and byte. */
  memory: 2,
  place: 3,
  /** 1: it sleeps until the word there changes, not until somebody notifies it. */
  watches: 4,
  /** When it fell asleep. */
  order: 5,
  /** 1: somebody notified it. */
  woken: 6,
  /** 1: it is to run although nothing has happened but time. */
  fired: 7,
  /** 1: it is between two events of its loop. */
  looping: 8,
  /** PRIORITIES: the highest runs. */
  priority: 9,
  /** Operations since it last wrote anything: a thread that only looks makes way at last. */
  idleSteps: 10,
  /** Words that its loop listens to: memory, place and whether it rang, LISTENERS times. */
  listeners: 12,
} as const;
export const LISTENERS = 4;
export const LISTENER_WORDS = 3;

export const ABSENT = 0;
export const READY = 1;
export const SLEEPING = 2;
export const DONE = 3;
export const DEAD = 4;

export const RUNNING = 0;
export const ENDED = 1;
/** A thread threw. */
export const FAILED = 2;
export const DEADLOCKED = 3;
export const TOO_LONG = 4;
/** The plan named a thread that could not run: the program does not do the same each time. */
export const DIVERGED = 5;

export const PLANNED = 0;
export const WALK = 1;
export const PRIORITIES = 2;

/** A choice: which thread, and how it comes to run. */
export const FIRE = 16;
export const KILL = 32;
export const THREAD_OF_CHOICE = 15;

/** One decision in the log. */
export const ENTRY_WORDS = 8;
export const ENTRY = {
  /** Who was chosen, who ran before (NOBODY), flags: chosen | before << 4 | flags << 8. */
  who: 0,
  /** Who could run | whose time could be let run out << 8. */
  could: 1,
  /** What the chosen one then did: operation | memory << 8. */
  operation: 2,
  place: 3,
  old: 4,
  now: 5,
} as const;
export const NOBODY = 15;
/** The one who ran before could have gone on. */
export const COULD_GO_ON = 1;
/** The chosen one runs because its time has run out early. */
export const FIRED = 2;
/** The one who ran before was killed before its operation. */
export const KILLED = 4;
/** The operation wrote. */
export const WROTE = 8;
/** Nobody could run, and the clock was set forward. */
export const ADVANCED = 16;
/** Everybody slept for ever and was woken. */
export const RESCUED = 32;
/** The choice is the one that is made without a plan. */
export const PREFERRED = 64;

/** Memories that places stand in. */
export const CONTROL_MEMORY = 0;
export const DATA_MEMORY = 1;
export const CLOCK_MEMORY = 2;
export const LIFE_MEMORY = 3;

/** The clock at the start of each execution, in ms. */
export const CLOCK_START = 1_000_000;
/** After a death, how long a sleeper without a limit sleeps. */
export const SLICE_MS = 200;
export const MOST_SLICES = 24;

export interface ControlBuffers {
  readonly words: SharedArrayBuffer;
  readonly times: SharedArrayBuffer;
  readonly plan: SharedArrayBuffer;
  readonly log: SharedArrayBuffer;
  readonly messages: SharedArrayBuffer;
}

const MESSAGE_BYTES = 1 << 16;

/** One exploration's control block, as each of its threads sees it. */
export class ControlBlock {
  readonly buffers: ControlBuffers;
  readonly words: Int32Array;
  /** The clock, then the deadline of each thread. */
  readonly times: Float64Array;
  /** Pairs: decision, choice. */
  readonly plan: Int32Array;
  readonly log: Int32Array;

  constructor(buffers: ControlBuffers) {
    this.buffers = buffers;
    this.words = new Int32Array(buffers.words);
    this.times = new Float64Array(buffers.times);
    this.plan = new Int32Array(buffers.plan);
    this.log = new Int32Array(buffers.log);
  }

  static create(): ControlBlock {
    return new ControlBlock({
      words: new SharedArrayBuffer((CONTROL.threadsAt + MOST_THREADS * THREAD_WORDS) * 4),
      times: new SharedArrayBuffer((1 + MOST_THREADS) * 8),
      plan: new SharedArrayBuffer(MOST_PLANNED * 2 * 4),
      log: new SharedArrayBuffer((MOST_DECISIONS + 1) * ENTRY_WORDS * 4),
      messages: new SharedArrayBuffer(MOST_THREADS * MESSAGE_BYTES),
    });
  }

  get clock(): number {
    return this.times[0]!;
  }

  /** Where a thread's words stand. */
  thread(index: number): number {
    return CONTROL.threadsAt + index * THREAD_WORDS;
  }

  /** Where the message with the shared objects lies for a thread: its length, then its bytes. */
  messageFor(index: number): DataView {
    return new DataView(this.buffers.messages, index * MESSAGE_BYTES, MESSAGE_BYTES);
  }

  /** Calls `visit` for each thread: with the first of its words, and its index. */
  eachThread(visit: (at: number, thread: number) => void): void {
    const threads = this.words[CONTROL.threads]!;
    for (let thread = 0; thread < threads; thread++) visit(CONTROL.threadsAt + thread * THREAD_WORDS, thread);
  }
}
