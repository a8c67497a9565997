import type { Message } from "../codec/index.js";
import type { WorkerDeath } from "../errors/index.js";
import type { Attached, Payload } from "../workers/lane-owner.js";
import type { TaskIdentity } from "../workers/task.js";
import type { CallSettings } from "./call-options.js";
import type { Loss } from "./death.js";
import type { Member } from "./member.js";
import { realNow } from "../memory/index.js";

const NO_DEATHS: readonly WorkerDeath[] = [];

let sequences = 0;

/** A positive number of 31 bits; a job in flight is never met by another of the same number. */
function nextSequence(): number {
  sequences = (sequences % 0x7ffffffe) + 1;
  return sequences;
}

/** One piece of work on its way: it waits in the backlog, stands in a member's lane, or is over. */
export abstract class Job {
  /** Tells it apart in the lanes. A new one with each attempt. */
  sequence = nextSequence();
  readonly task: TaskIdentity;
  readonly call: CallSettings;
  /** Flags of its record. */
  abstract readonly kind: number;
  /** When it was submitted. */
  readonly submittedAt = realNow();
  /** How often it was begun. */
  attempts = 1;
  /** The workers that died of it, over all attempts. */
  deaths = NO_DEATHS;
  /** Its arguments while it waits in the backlog. */
  payload: Payload | undefined;
  beside: Attached | undefined;
  /** The member in whose lane it stands, and where. */
  member: Member | undefined;
  position = 0;
  /** It waits in the backlog, and between whom. */
  isWaiting = false;
  sooner: Job | undefined;
  later: Job | undefined;
  /** It can go nowhere else: a part of its arguments was moved to its member, or it is that member's initializer. */
  isBound = false;
  /** Nobody wants what comes of it any more. */
  isOver = false;

  constructor(task: TaskIdentity, call: CallSettings) {
    this.task = task;
    this.call = call;
  }

  /** How many outcomes it has. */
  get size(): number {
    return 1;
  }

  /** Its arguments as a message, valid until the next `encode`. @throws UnsendableError, ReachError */
  abstract encode(): Message;
  /** The value of a record of its results; `at` counts the outcomes before it. */
  abstract deliver(value: unknown, threw: boolean, at: number, count: number): void;
  /** Nothing more comes: its last record was delivered. `microseconds`: what the worker spent on it. */
  abstract finish(microseconds: number): void;
  /** It fails as a whole. `calledOff`: because somebody wanted it so. */
  abstract fail(error: unknown, calledOff?: boolean): void;
  /** Its worker died. What was in hand (of a chunk, one item) fails, or is tried again; gives what can be run elsewhere. */
  abstract lose(loss: Loss): readonly Job[];
  /** News from the task. */
  abstract progress(value: unknown): void;

  /** Another attempt of the same. */
  renew(): void {
    this.sequence = nextSequence();
    this.attempts++;
    this.outcomes = 0;
    this.endedAfter = undefined;
  }

  /** Records of its results whose classes are being loaded: it is over when they are delivered. */
  undelivered = 0;
  /** What its worker spent on it, once its last record has come. */
  endedAfter: number | undefined;
  /** How many outcomes have come. */
  outcomes = 0;
}
