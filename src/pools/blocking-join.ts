/**
 * Blocks a thread until its pool's work is done, and does meanwhile what the event loop does for the pool: it takes
 * results in, keeps the pool's appointments, and looks which workers have ended. What follows is the pool's own code.
 *
 * What needs the event loop itself cannot go on. What the pool knows of such things is refused, before it blocks or
 * while it does, instead of being waited for.
 */
import { openCalls } from "../channels/served.js";
import { DeadlockError, TimeoutError } from "../errors/index.js";
import { atomics, monotonicMs, realNow } from "../memory/index.js";
import { programNow } from "../parking/index.js";
import { type Agenda, outOfTurn } from "./agenda.js";
import type { CallLimits } from "./call-limits.js";
import { unheard } from "./interrupt.js";
import type { BlockingLinks } from "./link.js";
import type { WorkerSlot } from "./worker-slot.js";

/** Between two looks at workers that are about to end, at first; twice as long each time, up to the other. */
const LEAST_LOOK_MS = 1;
const MOST_LOOK_MS = 25;
/** Between two looks at workers that nobody expects to end, and at calls of what this thread serves. */
const IDLE_LOOK_MS = 100;
/** Where what has come cannot be taken in yet: a part of it is still on its way. */
const NAP_MS = 1;

/** A map that may need this thread's event loop. */
export interface OpenMap {
  readonly limits: CallLimits | undefined;
  /** What it waits for that only the event loop brings, and what to do instead; undefined where nothing is. */
  readonly needsLoop: string | undefined;
  /** Takes from its input again, after a pause of its pool. */
  goOn(): void;
  /** Fails its items that wait for another attempt. */
  failDelayed(reason: unknown): void;
}

/** What blocking for a pool needs of it. */
export interface BlockingPool {
  readonly title: string;
  readonly agenda: Agenda;
  /** Of the calls and maps that are not over. None is added, since the pool takes no more. */
  readonly limits: Iterable<CallLimits>;
  readonly slots: Iterable<WorkerSlot>;
  /** Nothing is left to be done, and all workers have ended. */
  readonly isDone: boolean;
  /** It is calling the user's code, and is in the middle of its own. */
  readonly isBusy: boolean;
  drain(): number;
}

/** Blocks until the pool is done. @throws TimeoutError when it is not in time; DeadlockError */
export function joinBlocking(
  pool: BlockingPool,
  links: BlockingLinks,
  deadline: number,
  timeout: number | undefined,
): void {
  if (pool.isDone || unheard(() => blockUntilDone(pool, links, deadline))) return;
  const what = `the work of this ${pool.title} was not done within ${timeout} ms`;
  throw new TimeoutError(`${what}; it goes on: join it again, or call terminate()`);
}

/** Whether the pool was done by this moment of `realNow()`. @throws DeadlockError where it needs this event loop */
function blockUntilDone(pool: BlockingPool, links: BlockingLinks, deadline: number): boolean {
  refuseWithin(pool);
  const times = new TimesLeft(pool.limits);
  let every = LEAST_LOOK_MS;
  let looked = Number.NEGATIVE_INFINITY;
  let isEarly = false;
  try {
    for (;;) {
      const found = pool.drain();
      const next = Math.min(times.serve(), pool.agenda.serve());
      if (pool.isDone) return true;
      const now = realNow();
      if (found > 0) every = LEAST_LOOK_MS;
      else if (isEarly) {
        // Somebody has died, or what came is not complete.
        looked = Number.NEGATIVE_INFINITY;
        atomics.pause(NAP_MS);
      }
      const isEnding = [...pool.slots].some((slot) => slot.isRetiring);
      if (now - looked >= (isEnding ? every : IDLE_LOOK_MS)) {
        links.noticeEnds();
        if (pool.isDone) return true;
        refuseServedCalls(pool);
        looked = realNow();
        every = isEnding ? Math.min(2 * every, MOST_LOOK_MS) : LEAST_LOOK_MS;
      }
      if (realNow() >= deadline) return false;
      const until = Math.min(deadline, next, looked + (isEnding ? every : IDLE_LOOK_MS));
      links.block(until);
      isEarly = realNow() < until;
    }
  } finally {
    links.unblock();
  }
}

/**
 * The times of calls and maps, the next first. Rejected: to keep them in the agenda, which would cost each call that
 * has a time more than its timer does.
 */
class TimesLeft {
  readonly #next: CallLimits[];

  constructor(limits: Iterable<CallLimits>) {
    this.#next = [...limits].filter(({ when }) => when < Number.POSITIVE_INFINITY).sort((a, b) => b.when - a.when);
  }

  /** Ends those whose time is over. Gives the moment of `realNow()` at which the next may be. */
  serve(): number {
    for (let next = this.#next.at(-1); next !== undefined; next = this.#next.at(-1)) {
      const left = next.when - programNow();
      if (left > 0) return realNow() + left;
      this.#next.pop();
      outOfTurn(next.expire);
    }
    return Number.POSITIVE_INFINITY;
  }
}

function refuseWithin({ title, isBusy }: BlockingPool): void {
  if (isBusy)
    throw new DeadlockError(
      `joinSync() of this ${title} was called by what the pool itself calls (retries.when, the input of a map): it would wait for its own caller. Call it from outside, or join() there`,
    );
}

/** @throws DeadlockError where a map would have to go on, and needs this thread's event loop */
export function refuseMaps(title: string, maps: Iterable<OpenMap>): void {
  for (const { needsLoop } of maps)
    if (needsLoop !== undefined)
      throw new DeadlockError(`joinSync() of this ${title} would wait for ever: ${needsLoop}`);
}

/** Only a call of the running task can hold it up. One that computes may not wait for the answer, and comes back. */
function refuseServedCalls({ title, slots }: BlockingPool): void {
  const calls = openCalls();
  if (calls.length === 0) return;
  const now = monotonicMs();
  for (const { name, link, firstBegun } of slots) {
    if (firstBegun === undefined) continue;
    const age = link.runningFor(firstBegun);
    const call = calls.find(
      ({ pid, threadId, sentAt }) => pid === link.pid && threadId === link.threadId && ((now - sentAt) | 0) <= age,
    );
    if (call === undefined) continue;
    const state = link.look()?.worker.state;
    if (state !== "awaiting" && state !== "waiting") continue;
    throw new DeadlockError(
      `joinSync() of this ${title} would wait for ever: the task "${firstBegun.task.name}" in ${name} waits for "${call.method}" of an object that this thread serves, ` +
        "and a thread that blocks answers nobody. Await join() instead, or serve the object in another worker",
    );
  }
}
