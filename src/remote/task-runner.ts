import { encodeError } from "../codec/index.js";
import { clearRealTimeout, setRealTimeout } from "../memory/index.js";
import {
  isAllcoresError,
  MemoryLimitError,
  StateError,
  TimeoutError,
  type WorkerDeath,
  WorkerDiedError,
} from "../errors/index.js";
import { hearProgress } from "../futures/future.js";
import type { Pool } from "../pools/pool.js";
import { ProcessPool } from "../pools/process-pool.js";
import { ThreadPool } from "../pools/thread-pool.js";
import type { Task } from "../workers/task.js";
import { taskModule } from "../workers/task-handles.js";
import type { AllowList } from "./allow-list.js";
import type { BodyCall, BodyOutcome } from "./body.js";
import type { Engine, LostWorker, RunResult, ServedRun } from "./engine.js";
import { parseName } from "./identity.js";
import { Payloads } from "./payloads.js";
import type { ServeOptionsChecked } from "./serve-options.js";
import { type Wire, WIRE_VERSION, type WireResult } from "./wire.js";

/** About so much work waits here for each slot, so that none waits for the queue between two short tasks. */
const AHEAD_MS = 20;
/** Never more tasks than this for each slot. */
const MOST_AHEAD = 32;
/** While no task ends for so long, what was taken ahead is left to workers that are free. */
const MOST_STILL_MS = 200;
/** How much the latest run counts in the mean of what they take. */
const WEIGHT = 0.1;

/** Names of tasks of which it was said that they are left to others. */
const MOST_SAID = 1000;

const BACK: RunResult = { to: "back" };

/** A pool, or calls of it that share their options. */
type PoolWith = Pick<Pool, "submit">;

type Body = (call: BodyCall, args: Uint8Array) => BodyOutcome | Promise<BodyOutcome>;

/** Runs the tasks that a queue gives out, in the threads or processes of a pool of its own. */
export class TaskRunner {
  readonly #pool: ThreadPool | ProcessPool;
  readonly #settings: ServeOptionsChecked;
  readonly #allow: AllowList;
  readonly #payloads: Payloads;
  readonly #said = new Set<string>();
  readonly #counts = { running: 0, done: 0, failed: 0, leftToOthers: 0 };
  readonly #body: Task<Body>;
  #limit = 0;
  #calls: PoolWith;
  #mean = AHEAD_MS;
  #slots: number;
  #still: NodeJS.Timeout | undefined;
  #isLeaving = false;
  /** The queue is to give out so many at a time. */
  onSlots: (slots: number) => void = () => {};

  constructor(settings: ServeOptionsChecked, engine: Engine, allow: AllowList) {
    const Pool = settings.model === "thread" ? ThreadPool : ProcessPool;
    this.#pool = new Pool({ ...settings.pool, workers: settings.workers, name: "RemoteWorker" });
    this.#calls = this.#pool;
    this.#settings = settings;
    this.#slots = settings.workers;
    this.#allow = allow;
    this.#payloads = new Payloads(() => engine.values);
    this.#body = (
      taskModule<{ runRemote: Body }>(new URL("./body.js", import.meta.url)) as { runRemote: Task<Body> }
    ).runRemote;
  }

  get builds(): string[] {
    return this.#allow.builds;
  }

  get counts(): {
    readonly running: number;
    readonly done: number;
    readonly failed: number;
    readonly leftToOthers: number;
  } {
    return { ...this.#counts };
  }

  async run(run: ServedRun): Promise<RunResult> {
    this.#counts.running++;
    this.#watchAhead();
    try {
      const served = await this.#serve(run);
      if (served.to !== "back") this.#counts[served.to === "elsewhere" ? "leftToOthers" : served.to]++;
      return served;
    } catch (error) {
      this.#counts.failed++;
      return await this.#failed(run, error, 0);
    } finally {
      this.#counts.running--;
    }
  }

  async #serve(run: ServedRun): Promise<RunResult> {
    const { wire, losses } = run;
    if (wire.v !== WIRE_VERSION)
      return this.#elsewhere(
        wire,
        `it is written in version ${wire.v} of the wire, and this worker reads ${WIRE_VERSION}`,
      );
    const name = parseName(wire.task);
    const found = this.#allow.find(name);
    if ("elsewhere" in found) return this.#elsewhere(wire, found.elsewhere);
    if (losses.length > wire.lost) throw diedOf(wire, losses);
    const args = await this.#payloads.open(wire.args);
    const call: BodyCall = {
      url: found.url,
      name: name.export,
      chunk: wire.chunk,
      stops: wire.stops,
      attempt: wire.attempt + losses.length,
      key: wire.key === "" ? run.id : wire.key,
      first: wire.first,
      most: wire.most,
    };
    const outcome = await this.#runBody(run, call, args);
    if (outcome === undefined) return BACK;
    const { bytes, microseconds, reason } = outcome;
    this.#ran(microseconds / 1000);
    const result = await this.#result(run, bytes, microseconds);
    if (reason === undefined) await this.#payloads.drop(wire.args);
    return reason === undefined ? { to: "done", result, reason: "" } : { to: "failed", result, reason };
  }

  /**
   * Runs it until it has an outcome: a thread or process that dies under it is a loss as that of a machine. Undefined
   * where it was taken ahead and is given back.
   */
  async #runBody(run: ServedRun, call: BodyCall, args: Uint8Array): Promise<BodyOutcome | undefined> {
    const { wire, stop } = run;
    if (this.#isLeaving) return undefined;
    const calls = this.#callsOf(wire.limit);
    const known = [...run.losses];
    for (;;) {
      stop.throwIfAsked();
      try {
        const future = calls.submit(this.#body, { ...call, attempt: wire.attempt + known.length }, args);
        hearProgress(future, (bytes) => run.progress(Buffer.from(bytes as Uint8Array).toString("base64")));
        stop.tell((reason) => void future.cancel(reason));
        return await future;
      } catch (error) {
        if (stop.isAsked) throw error;
        // Nobody else calls it off. What was lost here before runs on here, since the queue knows nothing of that.
        if (isAllcoresError(error) && error.code === "ERR_ALLCORES_CANCELLED") {
          if (known.length === run.losses.length) return undefined;
          continue;
        }
        if (isAllcoresError(error) && error.code === "ERR_ALLCORES_TIMEOUT")
          throw new TimeoutError(
            `the task "${wire.task}" ran for longer than its taskTimeout of ${wire.limit} ms and was called off`,
          );
        const deaths = error instanceof WorkerDiedError || error instanceof MemoryLimitError ? error.deaths : [];
        const last = deaths.at(-1);
        if (last === undefined) throw error;
        const loss = lossOf(last);
        known.push(loss);
        run.lost(loss);
        if (known.length > wire.lost)
          throw last.reason === "memory" ? tooMuchMemory(wire, known, error) : diedOf(wire, known, error);
      }
    }
  }

  /** Those of the latest limit of time: tasks that follow each other mostly have the same. */
  #callsOf(limit: number): PoolWith {
    if (limit !== this.#limit) {
      this.#limit = limit;
      this.#calls = limit === 0 ? this.#pool : this.#pool.with({ taskTimeout: limit });
    }
    return this.#calls;
  }

  /** Short tasks are taken ahead of their time, long ones are left to a program that is free. */
  #ran(milliseconds: number): void {
    this.#mean += (milliseconds - this.#mean) * WEIGHT;
    const { workers } = this.#settings;
    this.#resize(workers + workers * Math.min(MOST_AHEAD, Math.floor(AHEAD_MS / Math.max(this.#mean, 0.01))));
  }

  #resize(slots: number): void {
    if (slots === this.#slots) return;
    this.#slots = slots;
    this.onSlots(slots);
  }

  /** A task that takes much longer than those before it shall not keep what was taken ahead from free workers. */
  #watchAhead(): void {
    const { workers } = this.#settings;
    if (this.#still !== undefined || this.#isLeaving || this.#counts.running <= workers) return;
    const { done, failed } = this.#counts;
    this.#still = setRealTimeout(() => {
      this.#still = undefined;
      if (done !== this.#counts.done || failed !== this.#counts.failed) return this.#watchAhead();
      this.#mean = MOST_STILL_MS;
      this.#resize(workers);
      this.#pool.clear();
    }, MOST_STILL_MS);
  }

  /** What was taken ahead and has not begun goes back to the queue, as will all that comes from now on. */
  leave(): void {
    this.#isLeaving = true;
    clearRealTimeout(this.#still);
    this.#pool.clear();
  }

  terminate(): void {
    this.#isLeaving = true;
    clearRealTimeout(this.#still);
    this.#pool.terminate();
  }

  async #result({ id, wire }: ServedRun, bytes: Uint8Array, microseconds: number): Promise<WireResult> {
    // What others have under that key is of the same task.
    return { v: WIRE_VERSION, t: microseconds, out: await this.#payloads.wrap(`${id}.out`, bytes, wire.keep) };
  }

  /** An error that is not of the task's own code. */
  async #failed(run: ServedRun, error: unknown, microseconds: number): Promise<RunResult> {
    const outcome = [[run.wire.chunk ? -1 : 0, error]];
    const bytes = encodeError(outcome, { to: "processes" }).toBytes();
    return {
      to: "failed",
      result: await this.#result(run, bytes, microseconds),
      reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    };
  }

  #elsewhere(wire: Wire, reason: string): RunResult {
    if (!this.#said.has(wire.task) && this.#said.size < MOST_SAID) {
      this.#said.add(wire.task);
      this.#settings.report(`left to others: ${wire.task.slice(0, 300)}: ${reason}`);
    }
    return { to: "elsewhere", reason };
  }

  async close(): Promise<void> {
    this.#pool.close();
    await this.#pool.join();
  }
}

function lossOf({ worker, pid, time, ranFor, reason, signal, exitCode }: WorkerDeath): LostWorker {
  return {
    worker,
    pid: pid ?? 0,
    time,
    ranFor,
    reason: reason === "memory" || reason === "signal" ? reason : "exit",
    signal,
    exitCode,
  };
}

/** The deaths that a task has behind it, as every pool tells them. */
function deathsOf(wire: Wire, losses: readonly LostWorker[]): WorkerDeath[] {
  return losses.map(({ worker, pid, time, ranFor, reason, signal, exitCode }, index) => ({
    attempt: wire.attempt + index,
    worker,
    pid: pid === 0 ? undefined : pid,
    threadId: 0,
    reason,
    signal,
    exitCode,
    time,
    ranFor,
    lastProgress: undefined,
  }));
}

function textOf(wire: Wire, losses: readonly LostWorker[]): string {
  const times = losses.length === 1 ? "its worker was lost" : `${losses.length} workers were lost`;
  const lines = losses.map(
    ({ worker, pid, reason, signal, ranFor }, index) =>
      `\n  attempt ${wire.attempt + index}: ${worker} (process ${pid}) ${signal ?? reason} after ${ranFor} ms`,
  );
  return `${times} while they ran the task "${wire.task}", and lostRetries allows ${wire.lost}${lines.join("")}`;
}

function diedOf(wire: Wire, losses: readonly LostWorker[], cause?: unknown): WorkerDiedError {
  const last = losses.at(-1);
  return new WorkerDiedError(textOf(wire, losses), {
    deaths: deathsOf(wire, losses),
    signal: last?.signal,
    exitCode: last?.exitCode,
    ...(cause === undefined
      ? {}
      : { cause: cause instanceof Error ? new StateError(cause.message.split("\n")[0]!) : cause }),
  });
}

function tooMuchMemory(wire: Wire, losses: readonly LostWorker[], cause: unknown): MemoryLimitError {
  return new MemoryLimitError(textOf(wire, losses), { deaths: deathsOf(wire, losses), cause });
}
