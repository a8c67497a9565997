import { print } from "../diagnosis/findings.js";
import type { Heap } from "../memory/index.js";
import type { Crew } from "./crew.js";
import type { Dispatch } from "./dispatch.js";
import type { Job } from "./job.js";
import type { Member } from "./member.js";
import { type Look, lookAt, type PoolWorker } from "./pool-worker.js";
import type { PoolSettings } from "./pool-options.js";
import type { Recall } from "./recall.js";
import { queueRealMicrotask, realDate, realNow, setRealTimeout } from "../memory/index.js";

/** So many looks in a row must find the same before it is believed. */
const LOOKS = 4;
/** They take this long, or as long as the worker's time if that is shorter. */
const DOUBT_MS = 1000;
/** Between two looks at least: some kernels count a thread's time in steps of 10 ms. */
const LEAST_MS = 20;
const LONGEST_TIMER_MS = 0x7fffffff;

/** A worker that has not responded for so long, for those who asked to be told. */
export interface UnresponsiveWorker extends PoolWorker {
  readonly state: "waiting" | "blocked" | "stopped";
  readonly task: string;
  /** Whether it is being killed. */
  readonly killed: boolean;
  /** All of it, for people. */
  readonly text: string;
}

type Watched = NonNullable<PoolSettings["unresponsive"]>;

/**
 * Tells workers that do not respond from those that are busy, by what the kernel says of their threads: one that is busy has a processor, or waits for one.
 *
 * Nobody looks before a job has been in hand for `after`; from then on every quarter of DOUBT_MS. A worker is believed to be stopped or blocked when LOOKS looks in a row
 * say so and its thread has had no processor in between, to be waiting when they say that.
 * Rejected: a heartbeat of the worker's. A loop that computes sends none, which is what was to be told apart; and each job would pay for it.
 */
export class Vigil {
  readonly #crew: Crew;
  readonly #heap: () => Heap;
  readonly #title: string;
  readonly #settings: PoolSettings;
  readonly #recall: Recall;
  readonly #dispatch: Dispatch;

  constructor(title: string, crew: Crew, heap: () => Heap, settings: PoolSettings, recall: Recall, dispatch: Dispatch) {
    this.#title = title;
    this.#crew = crew;
    this.#heap = heap;
    this.#settings = settings;
    this.#recall = recall;
    this.#dispatch = dispatch;
  }

  /** Watches a member as long as it has work. */
  over(member: Member): void {
    const watched = this.#settings.unresponsive!;
    const every = Math.max(LEAST_MS, Math.min(watched.after, DOUBT_MS) / LOOKS);
    /** The last look at the job in hand, how many before it found the same, and what was told of that job. */
    let before: { readonly look: Look; readonly sequence: number } | undefined;
    let alike = 0;
    const told = new Set<string>();
    const again = (ms: number) => setRealTimeout(check, Math.min(Math.max(1, ms), LONGEST_TIMER_MS)).unref();
    const check = () => {
      this.#dispatch.drain();
      const job = member.inFlight[0];
      if (!this.#crew.has(member) || job === undefined) {
        member.isWatched = false;
        return;
      }
      const left = watched.after - (realNow() - member.heardAt);
      if (left > 0) {
        before = undefined;
        told.clear();
        again(left);
        return;
      }
      const look = lookAt(member, this.#heap());
      const { sequence } = job;
      if (before !== undefined && before.sequence !== sequence) told.clear();
      alike = before?.sequence === sequence && isSame(before.look, look) ? alike + 1 : 0;
      before = { look, sequence };
      const { state } = look.worker;
      const isSilent = state === "waiting" || state === "blocked" || state === "stopped";
      if (isSilent && alike >= LOOKS && !told.has(state)) {
        told.add(state);
        if (this.#found(watched, member, job, look.worker, state)) {
          member.isWatched = false;
          return;
        }
      }
      again(every);
    };
    member.isWatched = true;
    again(watched.after);
  }

  /** Tells of it, and ends it if it is to be ended: true then. What waits may go on by what others do, and is never ended. */
  #found({ action, report }: Watched, member: Member, job: Job, worker: PoolWorker, state: UnresponsiveWorker["state"]): boolean {
    const killed = action === "kill" && state !== "waiting" && this.#end(member, job, state);
    const found = { ...worker, state, task: job.task.name, killed };
    const told: UnresponsiveWorker = { ...found, text: this.#textOf(found) };
    if (report !== undefined) queueRealMicrotask(() => report(told));
    else if (action === "report") print(`${told.text}\n`);
    return killed;
  }

  #end(member: Member, job: Job, state: "blocked" | "stopped"): boolean {
    const { sequence } = job;
    const isTaken = () => member.owner.isTaken(job.position);
    const wasBegun = isTaken();
    // It gets nothing more, whatever comes of this; and what it has not begun is not held against it.
    member.isRetiring = true;
    this.#recall.from(member, wasBegun ? 1 : 0);
    this.#dispatch.drain();
    const isInHand = member.inFlight[0] === job && job.sequence === sequence;
    const hasGoneOn = wasBegun ? !isInHand : isInHand && isTaken();
    if (hasGoneOn || !this.#crew.has(member)) {
      this.#dispatch.feedAnew();
      return false;
    }
    member.unresponsive = state;
    this.#dispatch.end(member);
    this.#dispatch.feedAnew();
    return true;
  }

  #textOf({ name, pid, threadId, state, since, task, waitsFor = [], sleepsIn, killed }: Omit<UnresponsiveWorker, "text">): string {
    const who = threadId === 0 ? `${name} (process ${pid})` : `${name} (thread ${threadId} of process ${pid})`;
    const what =
      state === "stopped"
        ? "is stopped"
        : state === "blocked"
          ? `is blocked${sleepsIn === undefined ? "" : ` in ${sleepsIn}`}`
          : `waits for ${waitsFor.length === 0 ? "an object of this library" : waitsFor.join(", ")}`;
    const seconds = (Math.max(0, realDate() - since) / 1000).toFixed(1);
    return `allcores: ${who} of this ${this.#title} ${what}; it has had the task "${task}" for ${seconds} s${killed ? " and is killed" : ""}`;
  }
}

function isSame(before: Look, now: Look): boolean {
  const { state } = now.worker;
  return before.worker.state === state && (state === "waiting" || before.ran === now.ran);
}
