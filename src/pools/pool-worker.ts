import { waitsOf } from "../diagnosis/waits.js";
import { type Heap, realTimeOrigin, RECORD } from "../memory/index.js";
import { type Vitals, vitalsOf } from "../platform/index.js";
import type { Member } from "./member.js";

/**
 * One worker of a pool at one moment, as far as it can be told without asking it: one that does not respond could not answer.
 *
 * @example
 * ```ts
 * import { Event, isMain, sleep, task, ThreadPool } from "allcores";
 * const hold = task(import.meta, function hold(go: Event) {
 *   go.waitSync();
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   const go = new Event({ label: "go" });
 *   const held = pool.submit(hold, go);
 *   while (pool.stats().perWorker[0]?.state !== "waiting") await sleep(10);
 *   console.log(pool.stats().perWorker[0]?.waitsFor); // [ 'Event "go"' ]
 *   go.set();
 *   await held;
 * }
 * ```
 */
export interface PoolWorker {
  readonly name: string;
  /** Its process; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Node's number of its thread, 0 for a process's main thread. */
  readonly threadId: number;
  /**
   * - `"starting"`: it has not begun;
   * - `"idle"`: it has no task;
   * - `"busy"`: its task computes, or would if a processor were free. Where the system tells nothing of threads (elsewhere than on Linux), also when it is blocked or stopped;
   * - `"awaiting"`: its task has returned a promise, and its event loop waits for what comes;
   * - `"waiting"`: its thread is blocked in a wait of this library, as for a lock;
   * - `"blocked"`: its thread sleeps elsewhere, as in a synchronous child process, a read of a pipe, `Atomics.wait` or `sleepSync`;
   * - `"stopped"`: it was stopped, as by SIGSTOP or a debugger.
   */
  readonly state: "starting" | "idle" | "busy" | "awaiting" | "waiting" | "blocked" | "stopped";
  /** When it was given its task, or ended the last one: milliseconds since 1970. */
  readonly since: number;
  /** Its task. */
  readonly task?: string;
  /** What it waits for or awaits, as in `Lock "accounts"`, where that is an object of this library and known here. */
  readonly waitsFor?: readonly string[];
  /** The function of the kernel in which it sleeps, as in "pipe_read", where the kernel tells. */
  readonly sleepsIn?: string;
}

/** A worker, and for how many nanoseconds its thread has had a processor by then. */
export interface Look {
  readonly worker: PoolWorker;
  readonly ran: number | undefined;
}

/** An event loop sleeps in one of these. So does a synchronous child process, but then the task has not returned. */
const LOOP_SLEEPS_IN = /epoll|ep_poll/;

export function lookAt(member: Member, heap: Heap): Look {
  const { name, worker } = member;
  const { pid, threadId } = worker;
  const tid = tidOf(member, heap);
  const vitals = pid === undefined || tid === undefined ? undefined : vitalsOf(pid, tid);
  const job = member.inFlight[0];
  const waits = job === undefined || pid === undefined || tid === undefined ? [] : waitsOf(pid, tid);
  const state = stateOf(member, vitals, waits);
  const how = state === "waiting" ? "blocking" : state === "awaiting" ? "awaiting" : undefined;
  const waitsFor = waits.flatMap((wait) => (wait.how === how && wait.object !== undefined ? [wait.object] : []));
  const sleepsIn = state === "blocked" ? vitals?.sleepsIn : undefined;
  return {
    worker: {
      name,
      pid,
      threadId,
      state,
      since: Math.round(realTimeOrigin + member.heardAt),
      ...(job === undefined ? {} : { task: job.task.name }),
      ...(waitsFor.length === 0 ? {} : { waitsFor }),
      ...(sleepsIn === undefined ? {} : { sleepsIn }),
    },
    ran: vitals?.ran,
  };
}

function stateOf(member: Member, vitals: Vitals | undefined, waits: readonly { readonly how: string }[]): PoolWorker["state"] {
  if (vitals !== undefined && /^t/i.test(vitals.state)) return "stopped";
  // Killed, and still blocked: its task was taken from it.
  if (member.unresponsive !== undefined) return member.unresponsive;
  if (!member.isReady) return "starting";
  if (member.inFlight.length === 0) return "idle";
  // Between two looks here it takes the job that it was woken for.
  if (member.inHand === undefined && member.owner.isAsleep) return "idle";
  // Though it may run just now: it wakes now and then to look whether those that it waits for are alive.
  if (waits.some(({ how }) => how === "blocking")) return "waiting";
  if (vitals === undefined) return member.owner.awaits ? "awaiting" : "busy";
  if (vitals.state === "R") return "busy";
  if (member.owner.awaits && (vitals.sleepsIn === undefined || LOOP_SLEEPS_IN.test(vitals.sleepsIn))) return "awaiting";
  return "blocked";
}

/** The system's number of a worker's thread; a thread that has not begun has not told. */
function tidOf({ worker, lane }: Member, heap: Heap): number | undefined {
  if (worker.threadId === 0) return worker.pid;
  const id = lane.worker;
  return id !== 0 && heap.registry.isAlive(id) ? heap.words[heap.registry.recordOf(id) + RECORD.tid] : undefined;
}
