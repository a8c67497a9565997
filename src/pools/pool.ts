import { type Boundary, decode, encode, takeTransfers } from "../codec/index.js";
import { ArgumentRangeError, ArgumentTypeError, CancelledError, StateError, WorkerDiedError } from "../errors/index.js";
import { Future, type Settler } from "../futures/future.js";
import { cpuCount } from "../workers/cpu-count.js";
import { checkGuard } from "../workers/task-module.js";
import { type AnyFunction, identityOf, type Task, type TaskIdentity } from "../workers/task.js";
import { MapRun } from "./map-run.js";
import type { EncodedArgs, PoolWorker, PoolWorkerEvents } from "./pool-worker.js";

/** How a pool is made. */
export interface PoolOptions {
  /** Most workers; as many as there are processors unless given. */
  workers?: number | undefined;
}

interface Job {
  readonly id: number;
  readonly task: TaskIdentity;
  readonly settler: Settler<unknown>;
  /** Absent once it is on its way. */
  args: EncodedArgs | undefined;
}

/** A worker and what it has in hand. */
interface Member {
  readonly worker: PoolWorker;
  job: Job | undefined;
}

let jobIds = 0;

/** What ThreadPool and ProcessPool share: jobs in order of submission, each to the first worker that is free. */
export abstract class Pool implements AsyncDisposable {
  /** Most workers. */
  readonly workers: number;
  readonly #members = new Set<Member>();
  readonly #idle: Member[] = [];
  readonly #pending: Job[] = [];
  /** Index of the first pending job: shifting a long array costs too much. */
  #next = 0;
  #closed = false;
  #ended: (() => void)[] = [];

  constructor(options: PoolOptions = {}) {
    if (typeof options !== "object" || options === null) throw new ArgumentTypeError(`options must be an object such as { workers: 4 }, got ${typeof options}`);
    const { workers = cpuCount() } = options;
    if (typeof workers !== "number") throw new ArgumentTypeError(`options.workers must be a number, got ${typeof workers}`);
    if (!Number.isInteger(workers) || workers < 1) throw new ArgumentRangeError(`options.workers must be a whole number from 1, got ${workers}`);
    this.workers = workers;
  }

  protected abstract readonly boundary: Boundary;
  protected abstract nextName(): string;
  protected abstract open(name: string, events: PoolWorkerEvents): PoolWorker;

  /**
   * Has a worker run the task; the future gives its value or its error.
   * @throws UnsendableError or ReachError when an argument cannot cross, StateError after close; NotATaskError, MainGuardError
   */
  submit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<Awaited<ReturnType<F>>> {
    const identity = identityOf(task);
    if (this.#closed) throw new StateError(`this ${this.constructor.name} was closed: submit before close(), or make a new pool`);
    checkGuard();
    const all = identity.bound.length === 0 ? args : [...identity.bound, ...args];
    const message = encode(all, {
      to: this.boundary,
      root: "args",
      attach: this.boundary === "threads",
      transfer: this.boundary === "threads" ? takeTransfers(all) : [],
    });
    const id = ++jobIds;
    const settler = Future.open<unknown>((reason) => this.#cancel(job, reason));
    const job: Job = { id, task: identity, settler, args: undefined };
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      this.#assign(idle, job, message);
    } else {
      // Hiring encodes too, and a message is valid only until the next encode.
      const args = keep(message);
      if (this.#members.size < this.workers) this.#assign(this.#hire(), job, args);
      else {
        job.args = args;
        this.#pending.push(job);
      }
    }
    return settler.future as Future<Awaited<ReturnType<F>>>;
  }

  /**
   * Runs the task for each item; awaited, it gives all results in the order of the items; iterated, each as soon as its turn comes.
   * The items are taken only as fast as results are; the first error ends it and calls the rest off.
   */
  map<A, R>(task: Task<(item: A) => R>, items: Iterable<A> | AsyncIterable<A>): MapRun<Awaited<R>> {
    identityOf(task);
    if (this.#closed) throw new StateError(`this ${this.constructor.name} was closed: map before close(), or make a new pool`);
    return new MapRun<Awaited<R>>((item) => this.submit(task, item as A) as Future<Awaited<R>>, items, 2 * this.workers);
  }

  /** No more work is taken; what was submitted is done, then the workers end. */
  close(): void {
    this.#closed = true;
    this.#dismissIdle();
  }

  /** Ends all workers now. What was submitted and is not done fails with `CancelledError`. */
  terminate(): void {
    this.#closed = true;
    const pending = this.#pending.splice(this.#next);
    this.#pending.length = 0;
    this.#next = 0;
    for (const job of pending) this.#drop(job, terminated());
    for (const member of this.#members) {
      member.job?.settler.reject(terminated());
      member.job = undefined;
      member.worker.hold(true);
      member.worker.kill();
    }
  }

  /** Waits until the workers have ended. @throws StateError before close() or terminate() */
  async join(): Promise<void> {
    if (!this.#closed) throw new StateError(`join() of a ${this.constructor.name} would wait for ever: call close() or terminate() first`);
    if (this.#members.size === 0) return;
    await new Promise<void>((resolve) => this.#ended.push(resolve));
  }

  /** Closes it and waits for all that was submitted. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.join();
  }

  #hire(): Member {
    const name = this.nextName();
    const member: Member = {
      worker: this.open(name, {
        returned: (id, value) => this.#settle(member, id, (settler) => settler.resolve(value)),
        threw: (id, error) => this.#settle(member, id, (settler) => settler.reject(error)),
        ended: (exitCode, signal, cause) => this.#lost(member, exitCode, signal, cause),
      }),
      job: undefined,
    };
    this.#members.add(member);
    return member;
  }

  #assign(member: Member, job: Job, args: EncodedArgs): void {
    member.job = job;
    job.args = undefined;
    member.worker.hold(true);
    try {
      member.worker.send(job.id, job.task, args);
    } catch (error) {
      member.job = undefined;
      this.#rest(member);
      throw error;
    }
    job.settler.start();
  }

  /** For a job whose submitter is no longer there to be thrown at. */
  #assignOrFail(member: Member, job: Job): void {
    try {
      this.#assign(member, job, job.args!);
    } catch (error) {
      job.settler.reject(error);
    }
  }

  #settle(member: Member, id: number, end: (settler: Settler<unknown>) => void): void {
    const { job } = member;
    if (job?.id !== id) return;
    member.job = undefined;
    end(job.settler);
    this.#rest(member);
  }

  /** The worker is free: the next job, or none. */
  #rest(member: Member): void {
    if (!this.#members.has(member)) return;
    const job = this.#shift();
    if (job !== undefined) {
      this.#assignOrFail(member, job);
      return;
    }
    member.worker.hold(false);
    this.#idle.push(member);
    if (this.#closed) this.#dismissIdle();
  }

  #shift(): Job | undefined {
    const job = this.#pending[this.#next];
    if (job === undefined) {
      this.#pending.length = 0;
      this.#next = 0;
      return undefined;
    }
    this.#next++;
    if (this.#next > 1024 && this.#next * 2 > this.#pending.length) {
      this.#pending.splice(0, this.#next);
      this.#next = 0;
    }
    return job;
  }

  #dismissIdle(): void {
    for (const member of this.#idle.splice(0)) {
      member.worker.hold(true);
      member.worker.close();
    }
  }

  /** A worker ended: what it had in hand fails, and another takes its place if there is work. */
  #lost(member: Member, exitCode: number, signal: string | undefined, cause: unknown): void {
    this.#members.delete(member);
    const index = this.#idle.indexOf(member);
    if (index >= 0) this.#idle.splice(index, 1);
    const { job } = member;
    member.job = undefined;
    if (job !== undefined) {
      const how = signal !== undefined ? `was killed by ${signal}` : `ended with exit code ${exitCode}`;
      const details = { exitCode, signal, ...(cause === undefined ? {} : { cause }) };
      job.settler.reject(
        new WorkerDiedError(`${member.worker.name} ${how} while it ran the task "${job.task.name}"; the pool goes on with another worker`, details),
      );
    }
    const next = this.#shift();
    if (next !== undefined) this.#assignOrFail(this.#hire(), next);
    if (this.#members.size === 0) for (const resolve of this.#ended.splice(0)) resolve();
  }

  /** A job that waits is struck off; one that runs goes on in its worker, but nobody hears of it. */
  #cancel(job: Job, reason: unknown): boolean {
    const index = this.#pending.indexOf(job, this.#next);
    if (index < 0) return false;
    this.#pending.splice(index, 1);
    this.#drop(job, reason);
    return true;
  }

  /** A job that no worker will see: what its arguments hold is let go of by taking them in here. */
  #drop(job: Job, reason: unknown): void {
    job.settler.reject(reason);
    const args = job.args;
    job.args = undefined;
    if (args === undefined) return;
    try {
      decode(args.toBytes(), 0, args.length, args.attachments);
    } catch {
      // It could not have been run either.
    }
  }
}

/** A copy of the encoder's message that outlasts the next one. */
function keep(message: EncodedArgs): EncodedArgs {
  const bytes = message.toBytes();
  return {
    length: bytes.length,
    writeTo: (target, at) => target.set(bytes, at),
    toBytes: () => bytes,
    attachments: message.attachments,
    transfer: message.transfer,
  };
}

function terminated(): CancelledError {
  return new CancelledError("the pool was terminated before the task had ended");
}
