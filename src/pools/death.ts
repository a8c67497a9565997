import { realDate } from "../memory/index.js";
import {
  InitializerError,
  MemoryLimitError,
  textOfThrown,
  type WorkerDeath,
  WorkerDiedError,
} from "../errors/index.js";
import { endOfCode } from "../workers/worker-death.js";
import type { WorkerEnd } from "./link.js";
import type { Loss, LostJob } from "./loss.js";
import type { WorkerSlot } from "./worker-slot.js";
import type { ResourceLimits } from "./pool-options.js";

/** Longest text of what a task last told. */
const MOST_NEWS = 120;

/** What the end of a worker means for the jobs that it takes along. Made before its link is freed. */
export class WorkerLoss implements Loss {
  /** Which item of a chunk it ran. */
  readonly item: number;
  readonly #slot: WorkerSlot;
  readonly #end: WorkerEnd;
  readonly #limits: ResourceLimits;
  readonly #hasBegun: boolean;
  readonly #ranFor: number;

  constructor(slot: WorkerSlot, end: WorkerEnd, limits: ResourceLimits, item: number, ranFor: number) {
    this.item = item;
    this.#ranFor = ranFor;
    this.#slot = slot;
    this.#end = end;
    this.#limits = limits;
    this.#hasBegun = slot.link.isReady;
  }

  /** What a job fails of that was running: it is held against it from here on. */
  errorFor(job: LostJob): Error {
    const { exitCode, signal, cause } = this.#end;
    const death = this.#deathBy(job);
    job.bear(death);
    const { deaths } = job;
    const last = `${death.worker} ${this.#how(death)}`;
    const during = this.#hasBegun
      ? `while it ran the task "${job.task.name}"`
      : `before it could run the task "${job.task.name}"`;
    const news =
      deaths.length === 1 && death.lastProgress !== undefined
        ? `, which had last told ${shown(death.lastProgress)}`
        : "";
    const text = `${last} ${during}${news}; the pool goes on with another worker${hintOf(cause)}${historyOf(deaths)}`;
    const details = { deaths, ...(cause === undefined ? {} : { cause }) };
    return death.reason === "memory"
      ? new MemoryLimitError(text, details)
      : new WorkerDiedError(text, { ...details, exitCode, signal });
  }

  /** What an item of a chunk fails of that was done, and whose outcome had not been sent. It is not guilty. */
  errorForDone(job: LostJob): Error {
    const { exitCode, signal, cause } = this.#end;
    return new WorkerDiedError(
      `an item of the task "${job.task.name}" was done, but its outcome was lost with ${this.#slot.name}, which ${this.#how(this.#deathBy(job))} at a later item of the same chunk; ` +
        "with retries it is run again",
      { exitCode, signal, deaths: job.deaths, ...(cause === undefined ? {} : { cause }) },
    );
  }

  #deathBy(job: LostJob): WorkerDeath {
    const { exitCode, signal, outOfMemory } = this.#end;
    const { name, link, unresponsive } = this.#slot;
    const news = this.#slot.newsOf(job.sequence);
    const reason = outOfMemory
      ? "memory"
      : unresponsive !== undefined
        ? "unresponsive"
        : !this.#hasBegun
          ? "start"
          : signal !== undefined
            ? "signal"
            : "exit";
    return {
      attempt: job.attempts,
      worker: name,
      pid: link.pid,
      threadId: link.threadId,
      reason,
      signal,
      exitCode,
      time: realDate(),
      ranFor: this.#hasBegun ? this.#ranFor : 0,
      lastProgress: news?.item === this.item ? news.value : undefined,
    };
  }

  #how(death: WorkerDeath): string {
    if (death.reason === "memory") {
      const { heap, rss } = this.#limits;
      const limits = [heap === undefined ? "" : `heap: ${heap} MB`, rss === undefined ? "" : `rss: ${rss} MB`]
        .filter((text) => text !== "")
        .join(", ");
      return limits === ""
        ? "ran out of memory (resourceLimits set how much it may take)"
        : `took more memory than resourceLimits allow (${limits})`;
    }
    return howOf(death, this.#slot.unresponsive);
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
export function stillbirthOf(slot: WorkerSlot, { exitCode, signal }: WorkerEnd): WorkerDeath {
  const { name, link } = slot;
  return {
    attempt: 1,
    worker: name,
    pid: link.pid,
    threadId: link.threadId,
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
  if (reason === "unresponsive")
    return state === undefined ? "did not respond and was killed" : `was ${state} and did not respond, and was killed`;
  return signal !== undefined ? `was killed by ${signal}` : endOfCode(exitCode);
}

/** What to do about it, where the cause tells. */
function hintOf(cause: unknown): string {
  if (cause === undefined || !/\bEADDRINUSE\b/.test(textOfThrown(cause))) return "";
  return ". A worker runs all of the file that its task is in: start servers behind isMain, keep the tasks in a file of their own, or give the pool a file for its workers (options.worker)";
}

/** All deaths, where there is more than one. */
function historyOf(deaths: readonly WorkerDeath[]): string {
  if (deaths.length < 2) return "";
  const lines = deaths.map((death) => {
    const { attempt, worker, pid, threadId, reason, ranFor, lastProgress } = death;
    const who =
      threadId === 0 ? (pid === undefined ? worker : `${worker} (process ${pid})`) : `${worker} (thread ${threadId})`;
    const when = reason === "start" ? "before it had begun" : `after ${ranFor} ms`;
    const news = lastProgress === undefined ? "" : `, last progress ${shown(lastProgress)}`;
    return `\n  attempt ${attempt}: ${who} ${howOf(death)} ${when}${news}`;
  });
  return `. The task has taken ${deaths.length} workers along:${lines.join("")}`;
}

/** A value in a message: short, on one line, and without calling into it. */
function shown(value: unknown): string {
  const { inspect } = process.getBuiltinModule("node:util");
  const text = inspect(value, {
    depth: 2,
    breakLength: Number.POSITIVE_INFINITY,
    compact: true,
    customInspect: false,
    maxArrayLength: 5,
    maxStringLength: 60,
  });
  return text.length > MOST_NEWS ? `${text.slice(0, MOST_NEWS)}…` : text;
}
