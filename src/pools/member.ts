import { encode, lose, type Message } from "../codec/index.js";
import { loseMessage } from "../codec/stored-message.js";
import { type Heap, monotonicMs, realNow } from "../memory/index.js";
import { DEFINE, type Lane, MOST_AHEAD } from "../workers/lane.js";
import { LaneOwner, type Payload } from "../workers/lane-owner.js";
import { orderOf } from "../workers/orders.js";
import type { TaskIdentity } from "../workers/task.js";
import type { Job } from "./job.js";
import type { StartedWorker } from "./worker-model.js";

/** One worker of a pool and the jobs in its lane, in their order. */
export class Member {
  readonly name: string;
  readonly owner: LaneOwner;
  readonly worker: StartedWorker;
  /** Jobs whose last result has not come. The worker takes them in this order. */
  readonly inFlight: Job[] = [];
  readonly #defined = new Set<number>();
  readonly #ordered = new Set<number>();
  /** When something last came from it. */
  heardAt = realNow();
  /** What it has in hand takes long: nothing goes behind it. */
  isStalled = false;
  /** It gets no more work, and ends when it has done what it has. */
  isRetiring = false;
  isClosed = false;
  /** It has ended its work, and only waits for workers that its tasks started. */
  hasLeft = false;
  /** The call of the pool's initializer, until it is done. */
  initializer: Job | undefined;
  /** Until the job in hand, which was called off, is to have ended. */
  grace: NodeJS.Timeout | undefined;
  /** Called once it has ended, or was given up. */
  readonly onEnd: (() => void)[] = [];
  /** How many jobs it was given and did not give back. */
  served = 0;
  /** It is being ended by the pool. */
  isKilled = false;
  /** Somebody watches how long its jobs run. */
  isGuarded = false;
  /** Somebody watches whether it responds. */
  isWatched = false;
  /** The uncaught error that ended it, as it has told itself. */
  crash: { readonly error: unknown } | undefined;
  /** What it was killed for: it did not respond, since it was in this state. */
  unresponsive: "blocked" | "stopped" | undefined;
  /** What its job last told, and of which of its items. Kept until that job has ended. */
  news: { readonly sequence: number; readonly item: number; readonly value: unknown } | undefined;

  constructor(name: string, lane: Lane, worker: StartedWorker) {
    this.name = name;
    this.owner = new LaneOwner(lane, worker.port);
    this.worker = worker;
  }

  get lane(): Lane {
    return this.owner.lane;
  }

  get isIdle(): boolean {
    return this.inFlight.length === 0 && !this.isRetiring;
  }

  /** Whether it has begun: a new worker takes a while. */
  get isReady(): boolean {
    return this.lane.worker !== 0;
  }

  /** The job in its hands, as far as it has one. */
  get inHand(): Job | undefined {
    const job = this.inFlight[0];
    return job !== undefined && this.owner.isTaken(job.position) ? job : undefined;
  }

  /** Milliseconds that the job in hand has run. */
  get runningFor(): number {
    const { begunAt } = this.owner;
    return begunAt === 0 ? 0 : (monotonicMs() - begunAt) | 0;
  }

  /** Makes a task known to the worker. Encodes; must come before the message of a job is encoded. False when the lane is full, or its orders do not reach it yet. */
  define(task: number, identity: TaskIdentity, boundary: "threads" | "processes"): boolean {
    if (this.#defined.has(task)) return true;
    // First the order: the worker looks for it as soon as it finds the definition.
    if (!this.#ordered.has(task)) {
      this.worker.order(orderOf(identity.url, identity.name));
      this.#ordered.add(task);
    }
    if (!this.worker.isOrdered) return false;
    if (this.owner.send(0, task, DEFINE, 0, encode([task, identity.url, identity.name], { to: boundary })) === undefined) return false;
    this.#defined.add(task);
    return true;
  }

  knows(task: number): boolean {
    return this.#defined.has(task);
  }

  /** Puts a job into the lane; false when it is full. */
  send(job: Job, task: number, payload: Payload | Message): boolean {
    if (this.inFlight.length >= MOST_AHEAD) return false;
    const position = this.owner.send(job.sequence, task, job.kind, job.attempts, payload, job.beside);
    if (position === undefined) return false;
    job.member = this;
    job.position = position;
    if (this.inFlight.length === 0) this.heardAt = realNow();
    this.inFlight.push(job);
    this.served++;
    return true;
  }

  /** Takes back a job that it has not begun, with its arguments; false when it has. */
  recall(job: Job): boolean {
    const payload = this.owner.recall(job.position);
    if (payload === undefined) return false;
    this.inFlight.splice(this.inFlight.lastIndexOf(job), 1);
    this.served--;
    job.payload = payload;
    job.member = undefined;
    return true;
  }
}

/** Lets go of what a job's arguments hold that nobody will decode: an end of a pipe is back. */
export function discard(heap: Heap, payload: Payload): void {
  if (typeof payload === "number") {
    try {
      loseMessage(heap, payload, "returned");
      heap.allocator.free(payload);
    } catch {
      // Its memory was written over: it could not have been run either.
    }
    return;
  }
  const bytes = new Uint8Array(payload.length);
  payload.writeTo(bytes, 0);
  lose(bytes, 0, bytes.length, "returned");
}
