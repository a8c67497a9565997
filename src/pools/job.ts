import type { Boundary, Message } from "../codec/index.js";
import type { WorkerDeath } from "../errors/index.js";
import type { AnyFunction, TaskIdentity } from "../workers/task.js";
import type { CallLimits } from "./call-limits.js";
import type { CallSettings } from "./call-options.js";
import { StatedJob } from "./job-states.js";
import type { Loss, LostJob } from "./loss.js";

const NO_DEATHS: readonly WorkerDeath[] = [];

let sequences = 0;

/** A positive number of 31 bits; a job in flight is never met by another of the same number. */
function nextSequence(): number {
  sequences = (sequences % 0x7ffffffe) + 1;
  return sequences;
}

/** One piece of work: a call, or items of a map. `job-states.ts` tells where it may stand. */
export abstract class Job extends StatedJob implements LostJob {
  declare private number: number;
  declare readonly task: TaskIdentity;
  declare readonly call: CallSettings;
  /** When it was submitted. */
  declare readonly submittedAt: number;
  declare private attempt: number;
  declare private killed: readonly WorkerDeath[];
  /** What its link makes of its arguments. Nobody else looks. */
  declare cargo: unknown;
  /** Where the link has put it; where the order of a worker's jobs is nothing, which of them it is. */
  declare at: number;
  /** Its neighbours in its line of the backlog, which alone writes them. */
  declare sooner: Job | undefined;
  declare later: Job | undefined;
  declare private bound: boolean;
  declare private received: number;

  constructor(task: TaskIdentity, call: CallSettings, now: number, attempts = 1, deaths = NO_DEATHS) {
    super();
    this.number = nextSequence();
    this.task = task;
    this.call = call;
    this.submittedAt = now;
    this.attempt = attempts;
    this.killed = deaths;
    this.cargo = undefined;
    this.at = 0;
    this.sooner = undefined;
    this.later = undefined;
    this.bound = false;
    this.received = 0;
  }

  /** Tells it apart where it travels. A new one with each attempt. */
  get sequence(): number {
    return this.number;
  }

  /** How often it was begun. */
  get attempts(): number {
    return this.attempt;
  }

  get deaths(): readonly WorkerDeath[] {
    return this.killed;
  }

  /**
   * Its payload is `[bound arguments, items, how each item becomes arguments]`, and each item has an outcome of its
   * own.
   */
  get isChunk(): boolean {
    return false;
  }

  /** What may end it early. Of a chunk, its map has that. */
  get limits(): CallLimits | undefined {
    return undefined;
  }

  /** Of a chunk: nothing is run after the first item that fails. */
  get stops(): boolean {
    return false;
  }

  /** How many outcomes it has. */
  get size(): number {
    return 1;
  }

  /** How many outcomes have come. */
  get outcomes(): number {
    return this.received;
  }

  /** It can go nowhere else: a part of its arguments was moved to its worker, or it is that worker's initializer. */
  get isBound(): boolean {
    return this.bound;
  }

  bind(): void {
    this.bound = true;
  }

  bear(death: WorkerDeath): void {
    this.killed = [...this.killed, death];
  }

  /** Another attempt of the same. */
  renew(): void {
    this.number = nextSequence();
    this.attempt++;
    this.received = 0;
  }

  /** So many outcomes have come. Gives how many came before. */
  receive(count: number): number {
    const before = this.received;
    this.received = before + count;
    return before;
  }

  /**
   * Its arguments as a message, valid until the next `encode`. `apart`: as of the codec. @throws UnsendableError,
   * ReachError
   */
  abstract encode(to: Boundary, apart?: string): Message;
  /** Calls its function in this thread, for the outcome of this number. */
  abstract run(fn: AnyFunction, index: number): unknown;
  /** The value of a record of its results; `at` counts the outcomes before it. */
  abstract deliver(value: unknown, threw: boolean, at: number, count: number): void;
  /** Nothing more comes: its last record was delivered. `microseconds`: what the worker spent on it. */
  abstract finish(microseconds: number): void;
  /** It fails as a whole. `calledOff`: because somebody wanted it so. */
  abstract fail(error: unknown, calledOff?: boolean): void;
  /**
   * Its worker died. What was running (of a chunk, one item) fails, or is tried again; gives what can be run elsewhere.
   */
  abstract lose(loss: Loss): readonly Job[];
  /** News from the task, and from which of its items. */
  abstract progress(value: unknown, item: number): void;
}
