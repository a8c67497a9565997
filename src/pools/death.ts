import { InitializerError, MemoryLimitError, type WorkerDeath, WorkerDiedError } from "../errors/index.js";
import type { Job } from "./job.js";
import type { Member } from "./member.js";
import type { ResourceLimits } from "./pool-options.js";
import type { WorkerEnd } from "./worker-model.js";
import { realDate } from "../memory/index.js";

/** Longest text of what a task last told. */
const MOST_NEWS = 120;

/** What it costs a job that it cannot be run where it was to run. */
export interface Loss {
  /** Which item of a chunk was in hand. */
  readonly item: number;
  /** What a job fails of that was in hand. */
  errorFor(job: Job): Error;
  /** What an item of a chunk fails of that was done, and whose outcome had not been sent. */
  errorForDone(job: Job): Error;
}

/** No worker could be started, and none is there: costs the first job that waits. */
export function refused(error: Error): Loss {
  return { item: 0, errorFor: () => error, errorForDone: () => error };
}

/** What the end of a worker means for the jobs that it takes along. Made before its lane is freed. */
export class WorkerLoss implements Loss {
  /** Which item of a chunk it had in hand. */
  readonly item: number;
  readonly #member: Member;
  readonly #end: WorkerEnd;
  readonly #limits: ResourceLimits;
  readonly #hasBegun: boolean;

  constructor(member: Member, end: WorkerEnd, limits: ResourceLimits, item: number) {
    this.item = item;
    this.#member = member;
    this.#end = end;
    this.#limits = limits;
    this.#hasBegun = member.isReady;
  }

  /** What a job fails of that was in hand: it is held against it from here on. */
  errorFor(job: Job): Error {
    const death = this.#deathBy(job);
    job.deaths = [...job.deaths, death];
    const { deaths } = job;
    const last = `${death.worker} ${this.#how(death)}`;
    const during = this.#hasBegun ? `while it ran the task "${job.task.name}"` : `before it could run the task "${job.task.name}"`;
    const news = deaths.length === 1 && death.lastProgress !== undefined ? `, which had last told ${shown(death.lastProgress)}` : "";
    const text = `${last} ${during}${news}; the pool goes on with another worker${historyOf(deaths)}`;
    const { exitCode, signal, cause } = this.#end;
    const details = { deaths, ...(cause === undefined ? {} : { cause }) };
    return death.reason === "memory" ? new MemoryLimitError(text, details) : new WorkerDiedError(text, { ...details, exitCode, signal });
  }

  /** What an item of a chunk fails of that was done, and whose outcome had not been sent. It is not guilty. */
  errorForDone(job: Job): Error {
    const { exitCode, signal, cause } = this.#end;
    return new WorkerDiedError(
      `an item of the task "${job.task.name}" was done, but its outcome was lost with ${this.#member.name}, which ${this.#how(this.#deathBy(job))} at a later item of the same chunk; ` +
        "with retries it is run again",
      { exitCode, signal, deaths: job.deaths, ...(cause === undefined ? {} : { cause }) },
    );
  }

  #deathBy(job: Job): WorkerDeath {
    const { exitCode, signal, outOfMemory } = this.#end;
    const { name, worker, unresponsive, news } = this.#member;
    const reason = outOfMemory ? "memory" : unresponsive !== undefined ? "unresponsive" : !this.#hasBegun ? "start" : signal !== undefined ? "signal" : "exit";
    const isNews = news !== undefined && news.sequence === job.sequence && news.item === this.item;
    return {
      attempt: job.attempts,
      worker: name,
      pid: worker.pid,
      threadId: worker.threadId,
      reason,
      signal,
      exitCode,
      time: realDate(),
      ranFor: this.#hasBegun ? this.#member.runningFor : 0,
      lastProgress: isNews ? news.value : undefined,
    };
  }

  #how(death: WorkerDeath): string {
    if (death.reason === "memory") {
      const { heap, rss } = this.#limits;
      const limits = [heap === undefined ? "" : `heap: ${heap} MB`, rss === undefined ? "" : `rss: ${rss} MB`].filter((text) => text !== "").join(", ");
      return limits === "" ? "ran out of memory (resourceLimits set how much it may take)" : `took more memory than resourceLimits allow (${limits})`;
    }
    return howOf(death, this.#member.unresponsive);
  }
}

/** What all that waits fails of when one worker after the other ends before it has begun. */
export function stillbornError(title: string, deaths: readonly WorkerDeath[], cause: unknown): WorkerDiedError {
  const last = deaths.at(-1)!;
  return new WorkerDiedError(
    `${deaths.length} workers of this ${title} in a row ended before they could take a task, the last one, ${last.worker}, ${howOf(last)}: ` +
      "what waited has failed. Can this program start workers at all, and does the file that they run load?",
    { exitCode: last.exitCode, signal: last.signal, deaths, ...(cause === undefined ? {} : { cause }) },
  );
}

/** What the pool fails of when one worker after the other ends while it runs the initializer. */
export function unpreparedError(title: string, deaths: readonly WorkerDeath[], cause: unknown): InitializerError {
  const last = deaths.at(-1)!;
  return new InitializerError(
    `the initializer of this ${title} did not throw, but ${deaths.length} workers in a row ended while they ran it, the last one, ${last.worker}, ${howOf(last)}: ` +
      "see what in it ends the process or the thread, or takes too much memory",
    {
      cause: new WorkerDiedError(`${last.worker} ${howOf(last)} while it ran the initializer`, {
        exitCode: last.exitCode,
        signal: last.signal,
        deaths,
        ...(cause === undefined ? {} : { cause }),
      }),
    },
  );
}

/** The death of a worker that has done no work. */
export function stillbirthOf(member: Member, { exitCode, signal }: WorkerEnd): WorkerDeath {
  const { name, worker } = member;
  return {
    attempt: 1,
    worker: name,
    pid: worker.pid,
    threadId: worker.threadId,
    reason: "start",
    signal,
    exitCode,
    time: realDate(),
    ranFor: 0,
    lastProgress: undefined,
  };
}

function howOf({ reason, signal, exitCode }: WorkerDeath, state?: string): string {
  if (reason === "memory") return "ran out of memory";
  if (reason === "unresponsive") return state === undefined ? "did not respond and was killed" : `was ${state} and did not respond, and was killed`;
  return signal !== undefined ? `was killed by ${signal}` : `ended with exit code ${exitCode}`;
}

/** All deaths, where there is more than one. */
function historyOf(deaths: readonly WorkerDeath[]): string {
  if (deaths.length < 2) return "";
  const lines = deaths.map((death) => {
    const { attempt, worker, pid, threadId, reason, ranFor, lastProgress } = death;
    const who = threadId === 0 ? (pid === undefined ? worker : `${worker} (process ${pid})`) : `${worker} (thread ${threadId})`;
    const when = reason === "start" ? "before it had begun" : `after ${ranFor} ms`;
    const news = lastProgress === undefined ? "" : `, last progress ${shown(lastProgress)}`;
    return `\n  attempt ${attempt}: ${who} ${howOf(death)} ${when}${news}`;
  });
  return `. The task has taken ${deaths.length} workers along:${lines.join("")}`;
}

/** A value in a message: short, on one line, and without calling into it. */
function shown(value: unknown): string {
  const { inspect } = process.getBuiltinModule("node:util");
  const text = inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY, compact: true, customInspect: false, maxArrayLength: 5, maxStringLength: 60 });
  return text.length > MOST_NEWS ? `${text.slice(0, MOST_NEWS)}…` : text;
}
