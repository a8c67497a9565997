/**
 * What a worker does whose pool was made with `tasksPerWorker`: it takes jobs from its lane as long as fewer than that
 * are under way, and sends what comes of them back in whichever order they end. Tasks that await take turns in its
 * event loop; one that computes holds up the others.
 *
 * It never blocks its thread: it waits for jobs in its loop. Modules are loaded one after the other, before the next
 * job is taken. An item of a chunk begins once the one before it has ended.
 */
import type { MessagePort } from "node:worker_threads";
import { type Boundary, encode, encodeError, type Message } from "../codec/index.js";
import { contain, realNow, setRealImmediate } from "../memory/index.js";
import { settleAllPermits, watchTaskPermits } from "../sync/task-permits.js";
import { childrenEnd, hasChildren, onChild } from "./children.js";
import { argsOf, DefinedTasks } from "./defined-tasks.js";
import { runExitHooks } from "./exit-hook.js";
import { giveSeasonedCode, JobService, microseconds, SPREAD } from "./job-service.js";
import { ALONE, CHUNK, CLOSE, DEFINE, type Lane, LAST, STOPS, THREW_FLAG } from "./lane.js";
import type { Orders } from "./orders.js";
import { TaskUnderWay } from "./task-under-way.js";
import { decodeWithClasses } from "./task-module.js";
import type { AnyFunction } from "./task.js";
import { WideLaneWorker } from "./wide-lane-worker.js";
import { tellUnsettled } from "./worker-death.js";
import { type RunningJob, workerState } from "./worker-state.js";

/** Longest that tasks under way wait for their timers and sockets while others are begun. */
const TURN_MS = 2;
/** Outcomes of a chunk wait no longer than this for those that follow. */
const FLUSH_MS = 1;

type Tracker = NonNullable<typeof workerState.tracker>;

export class WideService implements Pick<JobService, "run" | "refuse" | "crash"> {
  readonly #lane: WideLaneWorker;
  readonly #boundary: Boundary;
  readonly #exit: (code: number) => void;
  readonly #tasks = new DefinedTasks();
  readonly #underWay = new Set<TaskUnderWay>();
  readonly #tracker: Tracker;
  /** Resolves the wait for a task to end. */
  #ended = () => {};
  #isListening = false;
  #lastTurn = 0;

  constructor(
    lane: Lane,
    boundary: Boundary,
    port: MessagePort | undefined,
    exit: (code: number) => void,
    orders?: Orders,
  ) {
    this.#lane = new WideLaneWorker(lane, port, orders);
    this.#boundary = boundary;
    this.#exit = exit;
    const { AsyncLocalStorage } = process.getBuiltinModule("node:async_hooks");
    this.#tracker = workerState.tracker ??= new AsyncLocalStorage<RunningJob>();
    watchTaskPermits();
    // A task that ends its worker: what chunks have done before is not lost.
    process.once("exit", () => contain("giving what chunks have done", () => this.#flushAll()));
    tellUnsettled(() => this.#underWay.size > 0);
    onChild(() => this.#lane.markParent());
  }

  async run(): Promise<void> {
    const lane = this.#lane;
    this.#lastTurn = realNow();
    for (;;) {
      while (this.#underWay.size >= lane.table.width) await this.#end();
      if (!lane.take()) {
        if (this.#underWay.size === 0 && this.#tasks.size > 0) giveSeasonedCode();
        await lane.wait();
        continue;
      }
      if (lane.kind & CLOSE) break;
      let alone: Promise<void> | undefined;
      if (lane.kind & DEFINE) this.#tasks.define(lane);
      else {
        const isAlone = (lane.kind & ALONE) !== 0;
        const ended = await this.#begin();
        if (isAlone) alone = ended.ended;
      }
      lane.done();
      await alone;
      // Another worker is able to load what this one never will.
      if (workerState.isSpoilt) break;
      if (realNow() - this.#lastTurn > TURN_MS) await this.#turn();
    }
    while (this.#underWay.size > 0) await this.#end();
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
    this.#flushAll();
    this.#lane.crash(this.#encodeError(error));
  }

  /** A task under way has ended. */
  #end(): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  /** The loop hears of tasks that shall stop, and says so: as long as it turns, none of them ends the worker. */
  async #listen(): Promise<void> {
    const { table } = this.#lane;
    for (;;) {
      await this.#lane.news();
      const { asked } = table;
      for (const run of this.#underWay) run.hear();
      table.heard = asked;
    }
  }

  /** Begins the job that was taken. Its arguments are read when this resolves: with a wait for its end. */
  async #begin(): Promise<{ readonly ended: Promise<void> }> {
    const lane = this.#lane;
    const start = realNow();
    const { task, kind } = lane;
    const run = new TaskUnderWay(lane, this.#boundary);
    this.#underWay.add(run);
    if (!this.#isListening) {
      this.#isListening = true;
      // Where memory was written over nothing is heard, and who does not end what was called off is killed.
      void this.#listen().catch(() => {});
    }
    let fn: AnyFunction;
    let args: unknown[];
    try {
      fn = this.#tasks.get(task)?.fn ?? (await this.#tasks.load(lane));
      args = argsOf(await decodeWithClasses(() => lane.read()));
    } catch (error) {
      // Of a chunk nothing was begun: the module, or the items, could not be had.
      this.#last(run, THREW_FLAG, kind & CHUNK ? 0 : 1, start, this.#encodeError(error));
      return { ended: Promise.resolve() };
    }
    lane.awaits = false;
    const ended = this.#tracker.run(run, () =>
      kind & CHUNK ? this.#chunk(run, fn, args, (kind & STOPS) !== 0, start) : this.#single(run, fn, args, start),
    );
    lane.awaits = this.#underWay.size > 0;
    return { ended };
  }

  async #single(run: TaskUnderWay, fn: AnyFunction, args: unknown[], start: number): Promise<void> {
    let message: Message;
    try {
      message = this.#encode(await fn(...args));
    } catch (error) {
      this.#last(run, THREW_FLAG, 1, start, this.#encodeError(error));
      return;
    }
    try {
      this.#last(run, 0, 1, start, message);
    } catch (error) {
      this.#last(run, THREW_FLAG, 1, start, this.#encodeError(error));
    }
  }

  /** Runs a task on each item of a chunk. Outcomes go back together, but none waits long for the next. */
  async #chunk(run: TaskUnderWay, fn: AnyFunction, args: unknown[], stops: boolean, start: number): Promise<void> {
    let flushed = start;
    try {
      const [bound, items, how] = [argsOf(args[0]), argsOf(args[1]), args[2]];
      for (const [index, item] of items.entries()) {
        run.item = index;
        if (run.cancelled) break;
        try {
          run.values.push(await fn(...bound, ...(how === SPREAD ? (item as unknown[]) : [item])));
        } catch (error) {
          this.#flush(run);
          this.#lane.replyFor(run.sequence, THREW_FLAG, 1, 0, this.#encodeError(error));
          if (stops) break;
        }
        const now = realNow();
        if (now - flushed <= FLUSH_MS || index + 1 === items.length) continue;
        flushed = now;
        this.#flush(run);
      }
    } catch (error) {
      this.#last(run, THREW_FLAG, 0, start, this.#encodeError(error));
      return;
    }
    this.#flush(run);
    this.#last(run, 0, 0, start, this.#encode(undefined));
  }

  /** Sends the values of a chunk that have gathered. */
  #flush(run: TaskUnderWay): void {
    const { values } = run;
    if (values.length === 0) return;
    run.values = [];
    try {
      this.#lane.replyFor(run.sequence, 0, values.length, 0, this.#encode(values));
    } catch {
      // One of them cannot be sent: each goes for itself.
      for (const value of values) {
        try {
          this.#lane.replyFor(run.sequence, 0, 1, 0, this.#encode([value]));
        } catch (error) {
          this.#lane.replyFor(run.sequence, THREW_FLAG, 1, 0, this.#encodeError(error));
        }
      }
    }
  }

  #flushAll(): void {
    for (const run of this.#underWay) this.#flush(run);
  }

  /**
   * Sends the last result of a task. Its place is another's from here on. Nobody can tell which task has taken a
   * permit: what was not given back is used up when none is under way.
   */
  #last(run: TaskUnderWay, kind: number, count: number, start: number, message: Message): void {
    const lane = this.#lane;
    if (this.#underWay.size === 1) settleAllPermits();
    lane.replyFor(run.sequence, kind | LAST, count, microseconds(start), message);
    run.end();
    lane.empty(run.entry);
    this.#underWay.delete(run);
    lane.awaits = this.#underWay.size > 0;
    this.#ended();
  }

  #encode(value: unknown): Message {
    return encode(value, { to: this.#boundary, root: "result", attach: this.#boundary === "threads", marks: "move" });
  }

  #encodeError(error: unknown): Message {
    return encodeError(error, { to: this.#boundary, attach: this.#boundary === "threads" });
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setRealImmediate(resolve));
    this.#lastTurn = realNow();
  }
}

/** What serves a lane. */
export function serviceOf(...args: ConstructorParameters<typeof JobService>): JobService | WideService {
  return args[0].isWide ? new WideService(...args) : new JobService(...args);
}
