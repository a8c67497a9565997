/**
 * What the runner's thread does: it prepares, starts and judges one execution after the other, and chooses the
 * schedules.
 */
import { type MessagePort, parentPort, receiveMessageOnPort } from "node:worker_threads";
import { encode, encodeError } from "../codec/index.js";
import { TooLargeError } from "../errors/index.js";
import { compareExchange, notify, store, wait } from "../platform/atomics.js";
import { control } from "../platform/controlled-atomics.js";
import {
  clearThreadHeap,
  type Heap,
  realNow,
  renewThreadHeap,
  setRealTimeout,
  type ThreadHeapBuffers,
} from "../memory/index.js";
import { loadTask } from "../workers/task-module.js";
import type { TaskIdentity } from "../workers/task.js";
import { Causality } from "./causality.js";
import {
  ABSENT,
  CLOCK_START,
  CONTROL,
  ControlBlock,
  type ControlBuffers,
  DEAD,
  DEADLOCKED,
  DIVERGED,
  DONE,
  FAILED,
  TOO_LONG,
  THREAD,
} from "./control-block.js";
import type { FailureKind } from "./exploration.js";
import { labelsOf } from "./labels.js";
import { ownerOfRecord, Places } from "./places.js";
import { findRace } from "./races.js";
import { formatSchedule, parseSchedule } from "./schedule.js";
import { plan, walkByChance, walkByPriorities } from "./schedule-policy.js";
import { ScheduleTable } from "./schedule-table.js";
import { Search } from "./search.js";
import { RunnerController } from "./runner-controller.js";
import { Trace } from "./trace.js";
import { isThenable } from "../sync/thenable.js";
import { described, type WorkerNews } from "./program-worker.js";

/** One exploration, as the runner begins it. */
export interface RunnerStart {
  readonly control: ControlBuffers;
  readonly heap: ThreadHeapBuffers;
  readonly ports: readonly MessagePort[];
  readonly setup: TaskIdentity;
  readonly check: TaskIdentity | undefined;
  readonly bounds: ScheduleBounds;
}

/** The options of an exploration, checked and complete. */
export interface ScheduleBounds {
  readonly preemptions: number;
  readonly deaths: number;
  readonly mortal: number;
  readonly schedules: number;
  readonly timeLimit: number;
  readonly walks: number;
  readonly seed: number;
  readonly races: boolean;
  readonly internals: boolean;
  readonly steps: number;
  readonly replay: string | undefined;
}

export interface ScheduleFailure {
  readonly kind: FailureKind;
  readonly message: string;
  readonly error: { readonly name: string; readonly message: string; readonly stack: string } | undefined;
  readonly schedule: string;
  readonly table: string;
}

/** What the runner tells the thread that asked for the exploration. */
export type RunnerNews =
  | { readonly type: "progress"; readonly schedules: number; readonly preemptions: number; readonly waiting: number }
  | {
      readonly type: "end";
      readonly schedules: number;
      readonly steps: number;
      readonly isExhaustive: boolean;
      readonly walks: number;
      readonly failure: ScheduleFailure | undefined;
    }
  | { readonly type: "error"; readonly error: Uint8Array };

const PROGRESS_EVERY_MS = 500;
/** Walks before the search, which show it where workers meet. */
const SCOUTS = 24;
/** Schedules in which a simpler failure than a scout's is looked for. */
const SIMPLER = 5000;

interface Found {
  readonly kind: FailureKind;
  readonly message: string;
  readonly error?: ScheduleFailure["error"];
  /** Decisions that the failure is about. */
  readonly at?: readonly number[];
}

export async function runSchedules(start: RunnerStart): Promise<void> {
  try {
    await new ScheduleRunner(start).run();
  } catch (error) {
    parentPort!.postMessage({
      type: "error",
      error: encodeError(error, { to: "threads" }).toBytes(),
    } satisfies RunnerNews);
  }
}

class ScheduleRunner {
  readonly #start: RunnerStart;
  readonly #block: ControlBlock;
  readonly #scheduler: RunnerController;
  readonly #causality = new Causality();
  #setup: (...args: never[]) => unknown = () => undefined;
  #check: ((...args: never[]) => unknown) | undefined;
  #schedules = 0;
  #steps = 0;
  #walks = 0;
  #longest = 0;
  #began = 0;
  #reported = 0;
  #heap: Heap | undefined;
  #shared: unknown;
  #news: WorkerNews[] = [];

  constructor(start: RunnerStart) {
    this.#start = start;
    this.#block = new ControlBlock(start.control);
    this.#scheduler = new RunnerController(this.#block);
  }

  async run(): Promise<void> {
    const { setup, check, bounds } = this.#start;
    control(this.#scheduler);
    this.#setup = bound(await loadTask(setup.url, setup.name), setup);
    if (check !== undefined) this.#check = bound(await loadTask(check.url, check.name), check);
    for (const port of this.#start.ports) {
      while (receiveMessageOnPort(port) === undefined) await new Promise((resolve) => setRealTimeout(resolve, 1));
    }
    this.#began = realNow();
    let failure: ScheduleFailure | undefined;
    let isExhaustive = false;
    if (bounds.replay !== undefined) {
      failure = await this.#try(() => plan(this.#block, parseSchedule(bounds.replay!)));
    } else {
      const scouted = await this.#walk(bounds.walks === 0 ? 0 : SCOUTS);
      const most = scouted === undefined ? bounds.schedules : Math.min(bounds.schedules, this.#schedules + SIMPLER);
      for (let preemptions = 0; failure === undefined && preemptions <= bounds.preemptions; preemptions++) {
        const search = new Search({ preemptions, deaths: bounds.deaths, mortal: bounds.mortal }, this.#causality);
        isExhaustive = false;
        for (let schedule = search.next(); ; schedule = search.next()) {
          if (schedule === undefined) {
            isExhaustive = true;
            break;
          }
          if (this.#schedules >= most || realNow() - this.#began > bounds.timeLimit) break;
          const planned = schedule;
          failure = await this.#try(() => plan(this.#block, planned), search);
          if (failure !== undefined) break;
          this.#report(preemptions, search.waiting);
        }
        if (!isExhaustive) break;
      }
      failure ??= scouted ?? (await this.#walk(bounds.walks));
    }
    // The threads return to their loops, where they hear of the next exploration.
    this.#block.words[CONTROL.unwind] = 2;
    for (let thread = 0; thread < this.#threads; thread++) {
      this.#give(this.#block.thread(thread) + THREAD.turn);
      this.#awaitTurn();
    }
    parentPort!.postMessage({
      type: "end",
      schedules: this.#schedules,
      steps: this.#steps,
      isExhaustive: isExhaustive && failure === undefined,
      walks: this.#walks,
      failure,
    } satisfies RunnerNews);
  }

  get #threads(): number {
    return this.#block.words[CONTROL.threads]!;
  }

  #report(preemptions: number, waiting: number): void {
    const now = realNow();
    if (now - this.#reported < PROGRESS_EVERY_MS) return;
    this.#reported = now;
    parentPort!.postMessage({
      type: "progress",
      schedules: this.#schedules,
      preemptions,
      waiting,
    } satisfies RunnerNews);
  }

  /** So many schedules by chance: every other one by priorities. */
  async #walk(count: number): Promise<ScheduleFailure | undefined> {
    for (let walk = 0; walk < count; walk++, this.#walks++) {
      const seed = this.#start.bounds.seed + this.#walks;
      const byPriorities = this.#walks % 2 === 1;
      const failure = await this.#try(() =>
        byPriorities ? walkByPriorities(this.#block, seed, this.#longest) : walkByChance(this.#block, seed),
      );
      if (failure !== undefined) return failure;
      this.#report(Number.POSITIVE_INFINITY, 0);
    }
    return undefined;
  }

  /** One execution; a failure is run once more, to be shown in full. */
  async #try(policy: () => void, search?: Search): Promise<ScheduleFailure | undefined> {
    await this.#execute(policy, false);
    const trace = new Trace(this.#block);
    this.#schedules++;
    this.#steps += trace.length;
    this.#longest = Math.max(this.#longest, trace.length);
    const found = await this.#judge(trace);
    if (found === undefined) {
      if (search !== undefined) search.learn(trace);
      else this.#take(trace);
      return undefined;
    }
    const schedule = trace.schedule();
    await this.#execute(() => plan(this.#block, schedule), true);
    const again = new Trace(this.#block);
    const seen = (await this.#judge(again)) ?? found;
    const table = new ScheduleTable(
      again,
      new Places(this.#heap!, labelsOf(this.#shared)),
      mergedStacks(this.#news),
      found.at ?? [],
      this.#start.bounds.internals,
    );
    return {
      kind: seen.kind,
      message: this.#explained(seen, again, table),
      error: seen.error,
      schedule: formatSchedule(schedule),
      table: table.toString(),
    };
  }

  #take(trace: Trace): void {
    this.#causality.restart();
    for (let decision = 0; decision < trace.length; decision++) this.#causality.add(trace, decision);
  }

  #explained(found: Found, trace: Trace, table: ScheduleTable): string {
    if (found.kind !== "deadlock" && found.kind !== "lost wake-up")
      return found.kind === "race" ? `${found.message}: ${table.placesOf(found.at ?? [])}` : found.message;
    // Everybody who slept was woken then, and could run.
    const asleep = trace.could(trace.rescuedAt());
    const sleepers: string[] = [];
    for (let thread = 0; thread < this.#threads; thread++) {
      const last = (asleep >> thread) & 1 ? table.lastOf(thread) : undefined;
      if (last !== undefined) sleepers.push(`worker ${thread} ${last}`);
    }
    return `${found.message}: ${sleepers.join("; ")}`;
  }

  async #execute(policy: () => void, traced: boolean): Promise<void> {
    const block = this.#block;
    const { words, times } = block;
    const threads = this.#threads;
    const execution = words[CONTROL.execution]! + 1;
    words.fill(0);
    words[CONTROL.threads] = threads;
    words[CONTROL.execution] = execution;
    words[CONTROL.mostDecisions] = this.#start.bounds.steps;
    words[CONTROL.traced] = traced ? 1 : 0;
    times.fill(Number.POSITIVE_INFINITY);
    times[0] = CLOCK_START;
    policy();

    clearThreadHeap(this.#start.heap);
    this.#heap = renewThreadHeap(this.#start.heap);
    this.#scheduler.doing = "setup";
    const setup = this.#setup();
    this.#shared = isThenable(setup) ? await setup : setup;
    for (let thread = 0; thread < threads; thread++) {
      const message = encode(this.#shared, { to: "threads", root: "setup()" });
      const place = block.messageFor(thread);
      if (message.length + 4 > place.byteLength)
        throw new TooLargeError(
          `what setup() returns takes ${message.length} bytes: an explored program shares at most ${place.byteLength - 4}`,
        );
      place.setInt32(0, message.length);
      message.writeTo(new Uint8Array(place.buffer, place.byteOffset, place.byteLength), 4);
    }
    this.#give(block.thread(0) + THREAD.turn);
    this.#awaitTurn();

    words[CONTROL.unwind] = 1;
    for (let thread = 0; thread < threads; thread++) {
      const status = words[block.thread(thread) + THREAD.status];
      if (status === DONE || status === DEAD || status === ABSENT) continue;
      this.#give(block.thread(thread) + THREAD.turn);
      this.#awaitTurn();
    }
    this.#news = this.#start.ports.map((port) => (receiveMessageOnPort(port)?.message as WorkerNews | undefined) ?? {});
  }

  #give(turn: number): void {
    store(this.#block.words, turn, 1);
    notify(this.#block.words, turn, 1);
  }

  #awaitTurn(): void {
    const { words } = this.#block;
    while (compareExchange(words, CONTROL.turn, 1, 0) !== 1) wait(words, CONTROL.turn, 0);
  }

  async #judge(trace: Trace): Promise<Found | undefined> {
    switch (trace.verdict) {
      case FAILED: {
        const thread = this.#news.findIndex((news) => news.error !== undefined);
        const error = this.#news[thread]?.error;
        return { kind: "exception", message: `worker ${thread} threw ${error?.name}: ${error?.message}`, error };
      }
      case DEADLOCKED:
        return { kind: "deadlock", message: "every worker that has not ended waits, and nobody is left to wake them" };
      case TOO_LONG:
        return { kind: "livelock", message: `the workers had not ended after ${trace.length} steps` };
      case DIVERGED:
        return {
          kind: "divergence",
          message:
            "the program did not do the same under the same schedule: everything that differs from run to run must come from setup()",
        };
    }
    if (trace.rescued)
      return { kind: "lost wake-up", message: "a worker slept on although what it waited for was there" };
    if (this.#start.bounds.races) {
      const heap = this.#heap!;
      const race = findRace(trace, (place) => ownerOfRecord(heap, place));
      if (race !== undefined)
        return {
          kind: "race",
          message: "two workers use the same cell, and nothing orders them",
          at: [race.first, race.second],
        };
    }
    if (this.#check === undefined) return undefined;
    this.#scheduler.doing = "check";
    try {
      await this.#check(this.#shared as never);
      return undefined;
    } catch (error) {
      const known = described(error);
      return { kind: "check", message: `check() threw ${known.name}: ${known.message}`, error: known };
    }
  }
}

function bound(fn: (...args: never[]) => unknown, { bound: first }: TaskIdentity): (...args: never[]) => unknown {
  return first.length === 0 ? fn : (...rest: never[]) => fn(...(first as never[]), ...rest);
}

function mergedStacks(news: readonly WorkerNews[]): Map<number, string> {
  return new Map(news.flatMap((each) => [...(each.stacks ?? [])]));
}
