/**
 * What a pool's worker does: takes jobs from its lane one after the other, runs them, and sends what comes of them
 * back.
 *
 * While nothing else goes on in this worker it waits for jobs by blocking its thread, for at most BLOCK_MS at a time,
 * since signals and finalizers need its event loop; while timers, sockets or waits are open, it waits in the loop.
 * Between two jobs all microtasks run.
 */
import { type MessagePort, parentPort } from "node:worker_threads";
import { type Boundary, encode, encodeError, type Message } from "../codec/index.js";
import { UnknownClassError, isThrown } from "../errors/index.js";
import { contain, realNow, setRealImmediate } from "../memory/index.js";
import { hasSpareCore } from "../platform/index.js";
import { isThenable } from "../sync/thenable.js";
import { settleAllPermits, settlePermits, watchTaskPermits } from "../sync/task-permits.js";
import { childrenEnd, hasChildren, onChild } from "./children.js";
import { runExitHooks } from "./exit-hook.js";
import { argsOf, DefinedTasks } from "./defined-tasks.js";
import { JobOfLane } from "./job-of-lane.js";
import { seasonedCode } from "./library-code.js";
import { CHUNK, CLOSE, DEFINE, type Lane, LAST, STOPS, THREW_FLAG } from "./lane.js";
import { LaneWorker } from "./lane-worker.js";
import type { Orders } from "./orders.js";
import { decodeWithClasses } from "./task-module.js";
import { tellUnsettled } from "./worker-death.js";
import { workerState } from "./worker-state.js";

/** How long the event loop stands still at most: longer after each turn in vain. A signal with a listener ends it. */
const BLOCK_MS = 100;
const LONGEST_BLOCK_MS = 1000;
/** Longest it stands still between short jobs. */
const TURN_MS = 50;
/** How long a worker looks for its next job before it sleeps: two to three times what a wake-up takes. */
const LOOK_MS = 0.05;
/** How long for the next that is moved: a port takes both sides longer. */
const MOVED_LOOK_MS = 0.15;
/** While looking does not pay, one wait of so many looks all the same. */
const TRIAL_EVERY = 16;
/** How long it makes way for a pool that it has woken. */
const NAP_MS = 1;
/** Outcomes of a chunk wait no longer than this for those that follow. */
const FLUSH_MS = 1;
/** Items shorter than this are timed in groups: the clock costs as much as they do. */
const SHORT_ITEM_MS = 0.005;
const GROUP = 32;

/** How an item of a chunk becomes arguments. */
export const AS_ONE = 0;
export const SPREAD = 1;

export class JobService {
  readonly #lane: LaneWorker;
  readonly #boundary: Boundary;
  readonly #exit: (code: number) => void;
  readonly #tasks = new DefinedTasks();
  /** Handles that are open while no task has run yet. */
  readonly #quiet: number;
  #lastTurn = 0;
  #blockMs = BLOCK_MS;
  #pays = true;
  #skipped = 0;
  #values: unknown[] = [];

  constructor(
    lane: Lane,
    boundary: Boundary,
    port: MessagePort | undefined,
    exit: (code: number) => void,
    orders?: Orders,
  ) {
    this.#lane = new LaneWorker(lane, port, orders);
    this.#boundary = boundary;
    this.#exit = exit;
    this.#quiet = process.getActiveResourcesInfo().length;
    watchTaskPermits();
    // A task that ends its worker: what its chunk has done before is not lost.
    process.once("exit", () => contain("giving what a chunk has done", () => void this.#flush(0)));
    tellUnsettled(() => workerState.job !== undefined);
    onChild(() => this.#lane.markParent());
  }

  async run(): Promise<void> {
    const lane = this.#lane;
    let now = realNow();
    this.#lastTurn = now;
    for (;;) {
      if (!lane.take()) {
        await this.#rest();
        now = realNow();
        continue;
      }
      if (lane.kind & CLOSE) break;
      if (lane.kind & DEFINE) {
        this.#tasks.define(lane);
      } else {
        const job = new JobOfLane(lane, this.#boundary);
        workerState.job = job;
        const later = lane.kind & CHUNK ? this.#chunk(now) : this.#single(now);
        if (later !== undefined) {
          await later;
          lane.awaits = false;
        }
        workerState.job = undefined;
        job.end();
      }
      lane.done();
      // Another worker is able to load what this one never will.
      if (workerState.isSpoilt) break;
      await undefined;
      now = realNow();
      if (now - this.#lastTurn > TURN_MS) await this.#turn();
    }
    await runExitHooks();
    if (hasChildren()) {
      lane.leave(this.#encode(undefined));
      await childrenEnd();
    }
    this.#exit(0);
  }

  /** The worker ends with an error that is no task's, and its pool fails of it. */
  refuse(error: Error): never {
    this.#lane.refuse(this.#encodeError(error));
    this.#exit(1);
    // A thread goes on for some instructions.
    throw error;
  }

  /** This worker ends with an error that nobody has caught: its pool hears of it. */
  crash(error: unknown): void {
    this.#flush(0);
    this.#lane.crash(this.#encodeError(error));
  }

  /** Runs a job; a promise only if it has to wait. */
  #single(start: number): Promise<void> | undefined {
    const fn = this.#tasks.get(this.#lane.task)?.fn;
    if (fn === undefined) return this.#singleSlow(start);
    let value: unknown;
    try {
      const args = argsOf(this.#lane.read());
      value = args.length === 1 ? fn(args[0]) : fn(...args);
      if (isThenable(value)) return this.#later(value, start);
    } catch (error) {
      if (isThrown(error, UnknownClassError)) return this.#singleSlow(start);
      this.#threw(error, start);
      return undefined;
    }
    this.#returned(value, start);
    return undefined;
  }

  async #singleSlow(start: number): Promise<void> {
    try {
      const fn = await this.#tasks.load(this.#lane);
      const args = argsOf(await decodeWithClasses(() => this.#lane.read()));
      let value = fn(...args);
      if (isThenable(value)) {
        this.#lane.awaits = true;
        value = await value;
      }
      this.#returned(value, start);
    } catch (error) {
      this.#threw(error, start);
    }
  }

  async #later(value: PromiseLike<unknown>, start: number): Promise<void> {
    this.#lane.awaits = true;
    try {
      this.#returned(await value, start);
    } catch (error) {
      this.#threw(error, start);
    }
  }

  #returned(value: unknown, start: number): void {
    settleAllPermits();
    try {
      const message = this.#encode(value);
      this.#lane.reply(LAST, 1, microseconds(start), message);
    } catch (error) {
      this.#threw(error, start);
    }
  }

  #threw(error: unknown, start: number): void {
    settleAllPermits();
    this.#lane.reply(THREW_FLAG | LAST, 1, microseconds(start), this.#encodeError(error));
  }

  /** Runs a task on each item of a chunk. Outcomes go back together, but none waits long for the next. */
  async #chunk(start: number): Promise<void> {
    const lane = this.#lane;
    const stops = (lane.kind & STOPS) !== 0;
    let items: readonly unknown[] = [];
    try {
      const fn = await this.#tasks.load(lane);
      const [bound, given, how] = argsOf(await decodeWithClasses(() => lane.read())) as [unknown[], unknown[], number];
      argsOf(bound);
      argsOf(given);
      items = given;
      const simple = bound.length === 0 && how === AS_ONE;
      let flushed = start;
      let last = start;
      let every = 1;
      for (let index = 0; index < items.length; index++) {
        lane.item = index;
        if (lane.isCancelled(lane.sequence)) break;
        try {
          const item = items[index];
          let value = simple ? fn(item) : fn(...bound, ...(how === SPREAD ? (item as unknown[]) : [item]));
          if (isThenable(value)) {
            lane.awaits = true;
            value = await value;
            lane.awaits = false;
          }
          settlePermits();
          this.#values.push(value);
        } catch (error) {
          lane.awaits = false;
          settlePermits();
          this.#flush(0);
          lane.reply(THREW_FLAG, 1, 0, this.#encodeError(error));
          if (stops) break;
        }
        if (index % every !== 0) continue;
        const now = realNow();
        every = (now - last) / every < SHORT_ITEM_MS ? GROUP : 1;
        last = now;
        if (now - flushed > FLUSH_MS && index + 1 < items.length) {
          flushed = now;
          this.#flush(0);
        }
      }
      settleAllPermits();
    } catch (error) {
      settleAllPermits();
      // Nothing was begun: the module, or the items, could not be had.
      lane.reply(THREW_FLAG | LAST, 0, microseconds(start), this.#encodeError(error));
      return;
    }
    if (!this.#flush(LAST, start)) lane.reply(LAST, 0, microseconds(start), this.#encode(undefined));
  }

  /** Sends the values of the chunk that have gathered; false if there are none. */
  #flush(kind: number, start = realNow()): boolean {
    const values = this.#values;
    if (values.length === 0) return false;
    this.#values = [];
    try {
      const message = this.#encode(values);
      this.#lane.reply(kind, values.length, microseconds(start), message);
    } catch {
      // One of them cannot be sent: each goes for itself.
      for (const value of values) {
        try {
          this.#lane.reply(0, 1, 0, this.#encode([value]));
        } catch (error) {
          this.#lane.reply(THREW_FLAG, 1, 0, this.#encodeError(error));
        }
      }
      if (kind & LAST) this.#lane.reply(LAST, 0, microseconds(start), this.#encode(undefined));
    }
    return true;
  }

  #encode(value: unknown): Message {
    return encode(value, { to: this.#boundary, root: "result", attach: this.#boundary === "threads", marks: "move" });
  }

  #encodeError(error: unknown): Message {
    return encodeError(error, { to: this.#boundary, attach: this.#boundary === "threads" });
  }

  /** Nothing is to be done: looks for a moment, then waits in whatever way leaves this worker's other work alone. */
  async #rest(): Promise<void> {
    const lane = this.#lane;
    // What was moved is likely to be posted again, and that wakes a loop sooner than a blocked thread.
    if (lane.hasMoved) {
      lane.hasMoved = false;
      if (!this.#look(MOVED_LOOK_MS)) await lane.wait();
      return;
    }
    const blockMs = this.#blockMs;
    this.#blockMs = BLOCK_MS;
    // The pool slept: it may wake on this very core, where looking would keep it waiting.
    if (lane.hasWoken ? lane.makeWay(NAP_MS) : this.#look()) return;
    const since = realNow();
    // Ticks and immediates of the last job have their turn before the thread stands still.
    await this.#turn();
    if (lane.hasJob) return;
    if (this.#tasks.size > 0) giveSeasonedCode();
    if (process.getActiveResourcesInfo().length > this.#quiet) await lane.wait();
    else if (lane.waitSync(blockMs)) {
      // Had it looked, it would have found this, and nobody would have had to wake it.
      if (realNow() - since < 2 * LOOK_MS) this.#pays = true;
      return;
    } else this.#blockMs = Math.min(2 * blockMs, LONGEST_BLOCK_MS);
    await this.#turn();
  }

  #look(ms = LOOK_MS): boolean {
    if (!hasSpareCore() || (!this.#pays && ++this.#skipped < TRIAL_EVERY)) return false;
    this.#skipped = 0;
    const until = realNow() + ms;
    do {
      for (let look = 0; look < 100; look++) if (this.#lane.hasJob) return (this.#pays = true);
    } while (realNow() < until);
    return (this.#pays = false);
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setRealImmediate(resolve));
    this.#lastTurn = realNow();
  }
}

/** What this worker has compiled by now is what the next one will need. */
export function giveSeasonedCode(): void {
  const code = parentPort === null ? undefined : seasonedCode();
  if (code !== undefined) parentPort!.postMessage({ allcores: code });
}

export function microseconds(start: number): number {
  return Math.min(0x7fffffff, Math.round((realNow() - start) * 1000));
}
