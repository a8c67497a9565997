import { realDate, realNow } from "../memory/index.js";
import { print } from "../diagnosis/findings.js";
import type { WorkerSet } from "./worker-set.js";
import type { Dispatch } from "./dispatch.js";
import type { Job } from "./job.js";
import type { WorkerSlot } from "./worker-slot.js";
import type { PoolWorker, WorkerLook } from "./pool-worker.js";
import type { PoolSettings } from "./pool-options.js";
import type { Rebalancer } from "./rebalancer.js";
import type { UnresponsiveWorker } from "./unresponsive-worker.js";

/** So many looks in a row must find the same before it is believed. */
const LOOKS = 4;
/** They take this long, or as long as the worker's time if that is shorter. */
const DOUBT_MS = 1000;
/** Between two looks at least: some kernels count a thread's time in steps of 10 ms. */
const LEAST_MS = 20;

type Watched = NonNullable<PoolSettings["unresponsive"]>;

/**
 * Tells workers that do not respond from those that are busy, by what the kernel says of their threads: one that is
 * busy has a processor, or waits for one.
 *
 * Nobody looks before a job has run for `after`; from then on every quarter of DOUBT_MS. A worker is believed to be
 * stopped or blocked when LOOKS looks in a row say so and its thread has had no processor in between, to be waiting
 * when they say that.
 * Rejected: a heartbeat of the worker's. A loop that computes sends none, which is what was to be told apart; and each
 * job would pay for it.
 */
export class HangDetector {
  readonly #workers: WorkerSet;
  readonly #title: string;
  readonly #settings: PoolSettings;
  readonly #rebalancer: Rebalancer;
  readonly #dispatch: Dispatch;
  /** Workers that are watched. */
  readonly #watched = new WeakSet<WorkerSlot>();

  constructor(title: string, workers: WorkerSet, settings: PoolSettings, rebalancer: Rebalancer, dispatch: Dispatch) {
    this.#title = title;
    this.#workers = workers;
    this.#settings = settings;
    this.#rebalancer = rebalancer;
    this.#dispatch = dispatch;
  }

  /** Watches a worker as long as it has work. */
  over(slot: WorkerSlot): void {
    if (this.#watched.has(slot)) return;
    const watched = this.#settings.unresponsive!;
    const every = Math.max(LEAST_MS, Math.min(watched.after, DOUBT_MS) / LOOKS);
    /** The last look at the running job, how many before it found the same, and what was told of that job. */
    let before: { readonly look: WorkerLook; readonly sequence: number } | undefined;
    let alike = 0;
    const told = new Set<string>();
    const again = (ms: number) => this.#dispatch.agenda.after(Math.max(1, ms), check).unref();
    const check = () => {
      this.#dispatch.drain();
      const job = slot.jobs[0];
      if (!this.#workers.has(slot) || job === undefined) {
        this.#watched.delete(slot);
        return;
      }
      const left = watched.after - (realNow() - slot.heardAt);
      if (left > 0) {
        before = undefined;
        told.clear();
        again(left);
        return;
      }
      const look = slot.link.look();
      if (look === undefined) return;
      const { sequence } = job;
      if (before !== undefined && before.sequence !== sequence) told.clear();
      alike = before?.sequence === sequence && isSame(before.look, look) ? alike + 1 : 0;
      before = { look, sequence };
      const { state } = look.worker;
      const isSilent = state === "waiting" || state === "blocked" || state === "stopped";
      if (isSilent && alike >= LOOKS && !told.has(state)) {
        told.add(state);
        if (this.#found(watched, slot, job, look.worker, state)) {
          this.#watched.delete(slot);
          return;
        }
      }
      again(every);
    };
    this.#watched.add(slot);
    again(watched.after);
  }

  /**
   * Tells of it, and ends it if it is to be ended: true then. What waits may go on by what others do, and is never
   * ended.
   */
  #found(
    { action, report }: Watched,
    slot: WorkerSlot,
    job: Job,
    worker: PoolWorker,
    state: UnresponsiveWorker["state"],
  ): boolean {
    const killed = action === "kill" && state !== "waiting" && this.#end(slot, job, state);
    const found = { ...worker, state, task: job.task.name, killed };
    const told: UnresponsiveWorker = { ...found, text: this.#textOf(found) };
    if (report !== undefined) this.#dispatch.agenda.soon(() => report(told));
    else if (action === "report") print(`${told.text}\n`);
    return killed;
  }

  #end(slot: WorkerSlot, job: Job, state: "blocked" | "stopped"): boolean {
    const { sequence } = job;
    const isTaken = () => slot.hasBegun(job);
    const wasBegun = isTaken();
    // It gets nothing more, whatever comes of this; and what it has not begun is not held against it.
    slot.retire();
    this.#rebalancer.from(slot, wasBegun ? 1 : 0);
    this.#dispatch.drain();
    const isFirst = slot.jobs[0] === job && job.sequence === sequence;
    const hasGoneOn = wasBegun ? !isFirst : isFirst && isTaken();
    if (hasGoneOn || !this.#workers.has(slot)) {
      this.#dispatch.feedAnew();
      return false;
    }
    slot.condemn(state);
    this.#dispatch.end(slot);
    this.#dispatch.feedAnew();
    return true;
  }

  #textOf({
    name,
    pid,
    threadId,
    state,
    since,
    task,
    waitsFor = [],
    sleepsIn,
    killed,
  }: Omit<UnresponsiveWorker, "text">): string {
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

function isSame(before: WorkerLook, now: WorkerLook): boolean {
  const { state } = now.worker;
  return before.worker.state === state && (state === "waiting" || before.ran === now.ran);
}
