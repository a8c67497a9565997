import { waitsOf } from "../../diagnosis/waits.js";
import { realTimeOrigin, RECORD } from "../../memory/index.js";
import { type ThreadStat, threadStatOf } from "../../platform/index.js";
import type { LaneOwner } from "../../workers/lane-owner.js";
import type { Job } from "../job.js";
import type { LinkWatch } from "../link.js";
import type { PoolWorker, WorkerLook } from "../pool-worker.js";

/** An event loop sleeps in one of these. So does a synchronous child process, but then the task has not returned. */
const LOOP_SLEEPS_IN = /epoll|ep_poll/;

/** The link to a worker. */
interface LookedAt {
  readonly watch: LinkWatch;
  readonly pid: number | undefined;
  readonly threadId: number;
  hasBegun(job: Job): boolean;
}

/** A worker as its lane and the kernel tell of it. */
export function lookAt(link: LookedAt, owner: LaneOwner): WorkerLook {
  const { watch, pid, threadId } = link;
  const tid = threadId === 0 ? pid : threadOf(owner);
  const stat = pid === undefined || tid === undefined ? undefined : threadStatOf(pid, tid);
  const job = watch.jobs[0];
  const waits = job === undefined || pid === undefined || tid === undefined ? [] : waitsOf(pid, tid);
  const state = stateOf(link, owner, stat, waits);
  const how = state === "waiting" ? "blocking" : state === "awaiting" ? "awaiting" : undefined;
  const waitsFor = waits.flatMap((wait) => (wait.how === how && wait.object !== undefined ? [wait.object] : []));
  const sleepsIn = state === "blocked" ? stat?.sleepsIn : undefined;
  return {
    worker: {
      name: watch.name,
      pid,
      threadId,
      state,
      since: Math.round(realTimeOrigin + watch.heardAt),
      ...(job === undefined ? {} : { task: job.task.name }),
      ...(waitsFor.length === 0 ? {} : { waitsFor }),
      ...(sleepsIn === undefined ? {} : { sleepsIn }),
    },
    ran: stat?.ran,
    delayed: stat?.delayed,
  };
}

function stateOf(
  link: LookedAt,
  owner: LaneOwner,
  stat: ThreadStat | undefined,
  waits: readonly { readonly how: string }[],
): PoolWorker["state"] {
  const { watch } = link;
  if (stat !== undefined && /^t/i.test(stat.state)) return "stopped";
  // Killed, and still blocked: its task was taken from it.
  if (watch.unresponsive !== undefined) return watch.unresponsive;
  if (owner.lane.worker === 0) return "starting";
  const job = watch.jobs[0];
  if (job === undefined) return "idle";
  // Between two looks here it takes the job that it was woken for.
  if (!link.hasBegun(job) && owner.isAsleep) return "idle";
  // Though it may run just now: it wakes now and then to look whether those that it waits for are alive.
  if (waits.some(({ how }) => how === "blocking")) return "waiting";
  if (stat === undefined) return owner.awaits ? "awaiting" : "busy";
  if (stat.state === "R") return "busy";
  if (owner.awaits && (stat.sleepsIn === undefined || LOOP_SLEEPS_IN.test(stat.sleepsIn))) return "awaiting";
  return "blocked";
}

/** The system's number of a worker's thread; a thread that has not begun has not told. */
function threadOf({ lane }: LaneOwner): number | undefined {
  const { registry, words } = lane.heap;
  const id = lane.worker;
  return id !== 0 && registry.isAlive(id) ? words[registry.recordOf(id) + RECORD.tid] : undefined;
}
