/**
 * The way between a pool and its workers. The core of a pool knows nothing else of them: what they run on, and how a
 * job gets there, is the link's.
 *
 * A link begins its jobs in the order in which they were given, up to `width` at a time, and may end them in any. A job
 * that it has not begun can be taken back. What it cannot carry it declares in `lacks`.
 */
import type { Boundary } from "../codec/index.js";
import type { DeadlockReport } from "../errors/deadlock-report.js";
import type { Agenda } from "./agenda.js";
import type { Job } from "./job.js";
import type { PoolSettings } from "./pool-options.js";
import type { WorkerLook } from "./pool-worker.js";

/** What a link may be unable to do. */
export type Ability =
  | "shared objects"
  | "moved buffers"
  | "a cancel inside a computation"
  | "a way past this event loop";

/** How a worker ended, as the platform tells it. */
export interface WorkerEnd {
  /** Undefined when it was given up before it had ended. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** What it failed of, as far as the platform says. */
  readonly cause: unknown;
  /** It was ended because it took too much memory. */
  readonly outOfMemory: boolean;
}

/** What a link tells of its worker. */
export interface LinkWatch {
  readonly name: string;
  /** Which of its pool's workers it is, from 1. */
  readonly number: number;
  /** What it was given and has not ended, in the order in which it was given. */
  readonly jobs: readonly Job[];
  /** When something last came from it. */
  readonly heardAt: number;
  /** What it was killed for: it did not respond, since it was in this state. */
  readonly unresponsive: "blocked" | "stopped" | undefined;
  /** It has not ended the pool's initializer. */
  readonly isPreparing: boolean;
  /** Something may have come that `receive` hands over. */
  arrived(): void;
  /**
   * Outcomes of a job: of a chunk, as many values as `count` says. `microseconds`: it has ended at the time `now`, and
   * its worker has spent so much on it; -1: it goes on.
   */
  outcome(job: Job, value: unknown, threw: boolean, count: number, microseconds: number, now: number): void;
  /** The same, once classes of the values are loaded. A promise that is rejected is an error of the job. */
  outcomeLater(
    job: Job,
    value: Promise<unknown>,
    threw: boolean,
    count: number,
    microseconds: number,
    now: number,
  ): void;
  /** News of a job, and of which of its items. */
  progress(job: Job, value: unknown, item: number): void;
  /** It has ended its work, and only waits for workers that its tasks started. */
  left(): void;
  /** It has said what the pool fails of. */
  refused(error: unknown): void;
  /** It has told the uncaught error that it is about to end with. */
  crashed(error: unknown): void;
  /** What came is nothing that a worker says: it is to be ended. */
  corrupt(): void;
  /** Called once, never within the call that opens the link. */
  ended(end: WorkerEnd): void;
}

/** The link to one worker. */
export interface WorkerLink {
  /** Its process; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Node's number of its thread, 0 for a process's main thread. */
  readonly threadId: number;
  /** The number by which it calls back (`pool.handle()`), 0 for none. */
  readonly worker: number;
  /** Most jobs that it has begun at a time. */
  readonly width: number;
  /** Most jobs that stand behind those. */
  readonly depth: number;
  /** Whether it may begin a job now, if it has a place for it. */
  readonly isOpen: boolean;
  /** Whether it has to be asked later: it decides in a turn of its own who begins. */
  readonly isDeferred: boolean;
  /** Whether it has begun: a new worker takes a while. */
  readonly isReady: boolean;
  /** Whether it would have to be woken for a job. */
  readonly isAsleep: boolean;
  /** Whether its tasks have started workers that are no daemons. */
  readonly isParent: boolean;
  /** Has it know the job's task. Comes before the job is packed. False: not now. */
  prepare(job: Job): boolean;
  /** Gives it a job that was packed. False: there is no room now. @throws what cannot be sent */
  send(job: Job): boolean;
  /** Takes back a job that it has not begun, with its arguments. False when it has. */
  takeBack(job: Job): boolean;
  /** Takes back a job that has its place already, and whose function was not called. False when it was called. */
  recall(job: Job): boolean;
  /** Whether it has begun the job. */
  hasBegun(job: Job): boolean;
  /** Milliseconds that a job which it has begun has run. */
  runningFor(job: Job): number;
  /** Asks a job that it has begun to stop. Whether it is gone by that. */
  cancel(job: Job, reason: unknown): boolean;
  /**
   * Whether its worker's event loop has heard that this job is to stop: such a loop turns, and the others that the
   * worker has begun go on in it. Absent where there are no others, or a job that goes on is given up.
   */
  hasHeard?(job: Job): boolean;
  /**
   * A job that was asked to stop goes on. Whether it can be left alone, so that others may have its place; else its
   * worker is to be ended.
   */
  giveUp(job: Job): boolean;
  /** Hands over what has come. Gives how much that was. */
  receive(): number;
  /** What it does at this moment, told from outside; undefined where nothing tells. */
  look(): WorkerLook | undefined;
  /** Has it end once it has done what it has. False when that cannot be said now. */
  close(): boolean;
  /** Whether it keeps the program alive. A new one does not. */
  hold(alive: boolean): void;
  /**
   * Ends it now. Where that has to be held back, `gaveUp` is called after `killGrace` ms. `reason`: what its tasks may
   * hear of it.
   */
  kill(killGrace: number, gaveUp: () => void, reason: unknown): void;
  /** It has ended: what it held is free. */
  bury(): void;
  /** Nothing is expected of it any more: it has ended, or was given up. */
  detach(): void;
  /** It can do no more: the arguments of a job go back to the pool, to be sent elsewhere. False when they cannot. */
  salvage(job: Job): boolean;
  /** It can do no more: lets go of a job's arguments. Which item it ran; undefined when it had not begun the job. */
  drop(job: Job): number | undefined;
  /** The last thing: gives back what the link itself takes. */
  free(): void;
}

/** How a pool's links serve a thread that blocks until the pool's work is done. */
export interface BlockingLinks {
  /** Blocks this thread until something may have come from a worker; at most until this moment of `realNow()`. */
  block(until: number): void;
  /** Tells of workers that have ended (`LinkWatch.ended`), without help of the event loop. */
  noticeEnds(): void;
  /** From here on the event loop serves the links again. */
  unblock(): void;
}

/** How a map cuts its items where the way to a worker is long. */
export interface Chunking {
  /** Milliseconds of work that a chunk is to be. */
  readonly milliseconds: number;
  /** Most chunks on their way; before it is known what items take, `first`. */
  readonly most: number;
  readonly first: number;
}

/** The links of one pool. */
export interface Links {
  /** Undefined where a chunk's way is short, and each worker has two. */
  readonly chunking?: Chunking;
  /** Undefined where nothing comes from the workers while this event loop stands still. */
  readonly blocking?: BlockingLinks;
  /** By which reports name the pool; 0 until it has a worker. */
  readonly id: number;
  /** Names differ within the program. */
  nextName(): number;
  /** The time of a submission. */
  now(): number;
  /** Starts a worker. @throws when there is none to be had now */
  open(watch: LinkWatch, settings: PoolSettings): WorkerLink;
  /** Where one worker takes all jobs: it shall begin so many at a time. */
  resize(width: number): void;
  /**
   * Makes a job's arguments ready to travel; valid until the next call. @throws UnsendableError, ReachError: nothing
   * has changed then
   */
  pack(job: Job): void;
  /** It has to wait: what was packed outlasts what is packed next. */
  keep(job: Job): void;
  /** Lets go of the arguments of a job that nobody will run. */
  discard(job: Job): void;
  /**
   * Something is expected, as long as workers have jobs: it is looked for, or the program kept alive till it comes.
   * `sleeps`: looking for it will not pay.
   */
  expect(sleeps: boolean): void;
  /** Nothing is expected any more, if no worker has a job. */
  settle(): void;
  /** Whether the worker of this number lives. */
  isAlive(worker: number): boolean;
  /** What a call fails of whose `timeout` is over, where that is another error. */
  lateError?(job: Job, late: Error): Error | undefined;
  /** What is wrong when these workers wait for each other. */
  reportOf(workers: readonly number[], title: string): DeadlockReport;
  /** The pool is over. */
  end(): void;
}

/** What links need of their pool. */
export interface LinkedPool {
  /** What the pool has to do later. */
  readonly agenda: Agenda;
  /** Whether a worker has a job. */
  readonly isExpecting: boolean;
  /** Whether a job waits for a worker, and may be given to one. */
  readonly isWaiting: boolean;
  /** Nothing waits, and nobody waits for the end or for less work: what has come back leaves nothing to be done. */
  readonly isQuiet: boolean;
  /** Gives what waits to the workers that can take it. */
  feedAnew(): void;
  /** Takes in what has come; gives how much that was. */
  drain(): number;
}

/** What a pool's workers run on. */
export interface LinkKind {
  /** What a message has to be fit for. */
  readonly boundary: Boundary;
  readonly lacks: readonly Ability[];
  /**
   * One worker takes all jobs, and runs in this thread: a place is one of those that it may begin at a time. Else each
   * worker has a place.
   */
  readonly isShared: boolean;
  /** @throws ArgumentTypeError when the pool's `worker` is none that this kind can start */
  check(settings: PoolSettings): void;
  connect(pool: LinkedPool): Links;
}
