import type { MessagePort } from "node:worker_threads";
import type { Boundary } from "../../codec/index.js";
import type { Heap } from "../../memory/index.js";
import type { Agenda } from "../agenda.js";
import type { WorkerEnd } from "../link.js";
import type { PoolSettings } from "../pool-options.js";

/** A worker that was started to serve a lane, as the platform handles it. */
export interface StartedWorker {
  /** Its process; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Node's number of its thread, 0 for a process's main thread. */
  readonly threadId: number;
  /** Carries what cannot stand in memory; threads only. */
  readonly port: MessagePort | undefined;
  /**
   * Tells the worker, by a way that nobody else can write to, that tasks of this pool may be this one. See
   * workers/orders.ts
   */
  order(order: string): void;
  /** Whether all orders are where the worker finds them. */
  readonly isOrdered: boolean;
  /** Looks whether it has ended, without help of the event loop. If so it is told, and what it took here is free. */
  noticeEnd(): void;
  /** Whether it keeps the program alive. A new one does not. */
  hold(alive: boolean): void;
  /** Ends it now; where that has to be held back, `givenUp` is called after `killGrace` ms. */
  kill(killGrace: number, givenUp: () => void): void;
}

/** What a worker is called in its pool. */
export interface Named {
  readonly name: string;
  /** Which of the pool's workers it is, from 1. */
  readonly number: number;
}

/** Starts workers that serve lanes: all in which threads and processes differ. */
export interface WorkerStarter {
  readonly boundary: Boundary;
  readonly heap: Heap;
  /** @throws ArgumentTypeError when the pool's `worker` is none that can be started so */
  check(settings: PoolSettings): void;
  /** Starts a worker that serves the lane at `laneAt`; `ended` is called once. */
  start(
    who: Named,
    laneAt: number,
    settings: PoolSettings,
    agenda: Agenda,
    ended: (end: WorkerEnd) => void,
  ): StartedWorker;
}
