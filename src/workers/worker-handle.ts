import { portray, refuseClones } from "../codec/portrait.js";
import { encode, type Message } from "../codec/index.js";
import {
  ArgumentRangeError,
  ArgumentTypeError,
  CorruptError,
  StateError,
  TimeoutError,
  UnknownClassError,
  WorkerDiedError,
  KnownOptions,
  ownOptions,
} from "../errors/index.js";
import { contain, type Heap, RECORD } from "../memory/index.js";
import { type Attempt, awaitDeadlineOf, deadlineOf, sliceHooks, signalOf, type SyncWait, type WaitOptions } from "../parking/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "../sync/selectable.js";
import { activeHandles } from "./active-workers.js";
import { childStarted } from "./children.js";
import { Completion, GONE, RETURNED, RUNNING, THREW } from "./completion.js";
import { type AnyFunction, identityOf, type Task, type TaskIdentity } from "./task.js";
import { decodeWithClasses } from "./task-module.js";
import { findOwnerFor } from "../futures/unhandled-failures.js";

/** How a Thread or Process is made. */
export interface WorkerStart<F extends AnyFunction> {
  /** What the task is called with. */
  args?: Parameters<F> | undefined;
  /** "Thread-1", "Process-1", … unless given. */
  name?: string | undefined;
  /** A daemon keeps neither the program nor the worker that started it alive, and ends with its starter. */
  daemon?: boolean | undefined;
  /** Milliseconds that `terminate()` leaves a process for its own way out before it is killed; 1000 unless given. */
  killGrace?: number | undefined;
}

/** How a Process is made. */
export const WORKER_START = new KnownOptions<WorkerStart<AnyFunction>>({ args: true, name: true, daemon: true, killGrace: true });

/** What the platform needs to start a worker. */
export interface Start {
  readonly name: string;
  readonly task: TaskIdentity;
  readonly completion: Completion;
  readonly daemon: boolean;
  readonly args: readonly unknown[];
}

/** What the handle was doing, if words of shared memory are spoilt. */
const ENDING = "noting that a worker ended";
const DEFAULT_KILL_GRACE_MS = 1000;

type Outcome<F extends AnyFunction> = { ok: true; value: Awaited<ReturnType<F>> } | { ok: false; error: unknown };

/** What Thread and Process share: one worker that runs one task. */
export abstract class WorkerHandle<F extends AnyFunction> implements AsyncDisposable, Selectable<Awaited<ReturnType<F>>> {
  /** What it is called. */
  readonly name: string;
  /** Whether the program may end without it. */
  readonly daemon: boolean;
  /** @internal How long `terminate()` waits before it kills. */
  protected readonly killGrace: number;
  /** What it runs on. */
  abstract readonly model: "thread" | "process";
  readonly #task: TaskIdentity;
  readonly #args: readonly unknown[];
  #completion: Completion | undefined;
  #outcome: Outcome<F> | undefined;
  #joined = false;
  #signal: string | undefined;
  #cause: unknown;
  #ended: Promise<void> | undefined;

  /** @internal */
  constructor(task: Task<F>, options: WorkerStart<F> = {}, known: KnownOptions<object> = WORKER_START) {
    refuseClones(this);
    this.#task = identityOf(task);
    if (typeof options !== "object" || options === null)
      throw new ArgumentTypeError(`options must be an object such as { args: [1] }, got ${options === null ? "null" : typeof options}`);
    known.check(options);
    options = ownOptions(options);
    const { args = [], name, daemon = false, killGrace = DEFAULT_KILL_GRACE_MS } = options;
    if (!Array.isArray(args)) throw new ArgumentTypeError(`options.args must be an array of arguments, got ${typeof args}`);
    if (name !== undefined && (typeof name !== "string" || name === "")) throw new ArgumentTypeError("options.name must be a string that is not empty");
    if (typeof killGrace !== "number") throw new ArgumentTypeError(`options.killGrace must be a number of milliseconds, got ${typeof killGrace}`);
    if (Number.isNaN(killGrace) || killGrace < 0) throw new ArgumentRangeError(`options.killGrace must be 0 or more milliseconds, got ${killGrace}`);
    this.#args = args;
    this.daemon = daemon;
    this.killGrace = killGrace;
    this.name = name ?? this.nextName();
  }

  /** @internal */
  protected abstract nextName(): string;
  /** @internal */
  protected abstract get heap(): Heap;
  /** @internal Starts the worker; must report its end through `ended`. */
  protected abstract launch(start: Start): void;
  /** @internal Its exit code, as far as the platform tells without help of the event loop. */
  protected abstract exitCodeNow(): number | undefined;
  /** @internal Whether it keeps the program alive. */
  protected abstract hold(alive: boolean): void;
  /** @internal The result that the worker sent with its completion. Asked for again when it could not be decoded. */
  protected abstract takeResult(completion: Completion): unknown;
  /** @internal Whether a thread of the kernel may be its: the first of a process. */
  protected abstract runsAs(pid: number, tid: number): boolean;
  /** @internal Whether the platform knows that the worker is gone, without help of the event loop. */
  protected abstract isGone(): boolean;
  /** @internal Ends it. */
  protected abstract end(signal: "SIGTERM" | "SIGKILL"): void;
  /** @internal A caller waits for its end: kills it once `killGrace` is over. A thread that blocks runs no timers. */
  protected press(): void {}

  /**
   * Starts it.
   * @throws StateError when it was started before; UnsendableError or ReachError when an argument cannot cross;
   *   NestingError
   */
  start(): this {
    if (this.#completion !== undefined) throw new StateError(`${this.name} was started already: make a new ${this.constructor.name} for another run`);
    const completion = Completion.create(this.heap);
    try {
      this.launch({ name: this.name, task: this.#task, completion, daemon: this.daemon, args: [...this.#task.bound, ...this.#args] });
    } catch (error) {
      // What travelled in the arguments is this worker's again.
      completion.loseArgs("returned");
      this.heap.references.letGo(completion.at);
      throw error;
    }
    this.heap.references.hold(completion.at, this);
    this.#completion = completion;
    sliceHooks.add(this.#sliceHook);
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    activeHandles.set(this, this.#ended);
    if (!this.daemon) childStarted();
    return this;
  }
  #resolveEnded: () => void = () => {};

  /** @internal The worker has ended, as the platform reports it. */
  protected ended(exitCode: number, signal?: string, cause?: unknown): void {
    const completion = this.#completion!;
    this.#signal ??= signal;
    this.#cause ??= cause;
    // Each for itself: whoever joins waits for the last of it, whatever stands in memory.
    contain(ENDING, () => {
      const worker = this.#workerOf(completion);
      if (worker !== 0) completion.heap.registry.declareDead(worker);
    });
    this.#isOver(completion, exitCode);
  }

  /** @internal Its end takes too long: it counts as ended. What it holds passes on once it is gone for the kernel. */
  protected givenUp(exitCode: number): void {
    this.#isOver(this.#completion!, exitCode);
  }

  #isOver(completion: Completion, exitCode: number): void {
    if (!activeHandles.has(this)) return;
    contain(ENDING, () => {
      completion.exitCode = exitCode;
      completion.finish(GONE);
    });
    contain(ENDING, () => this.#stopLooking());
    activeHandles.delete(this);
    this.#resolveEnded();
    // Who calls process.exit(0) means no fault.
    if (this.#joined || (completion.state === GONE && completion.exitCode === 0)) return;
    void this.#value().catch((error: unknown) => {
      if (!this.#joined && !this.#expected) findOwnerFor(this, error, this.name, (heard) => (this.#heard = heard));
    });
  }
  #expected = false;
  /** Called with the first interest in its error, once there is one. */
  #heard: (() => void) | undefined;

  #join(): void {
    this.#joined = true;
    this.#heard?.();
  }

  /** A caller that waits for what the worker never took hears of its end while this thread's loop stands still. */
  readonly #sliceHook = (): void => {
    if (this.#completion!.state !== RUNNING || this.#noticeDeath()) this.#stopLooking();
  };

  #stopLooking(): void {
    if (sliceHooks.delete(this.#sliceHook)) this.#completion!.loseArgs();
  }

  /** Whether it was started and has not ended. It also waits for workers that its task started, daemons aside. */
  get isAlive(): boolean {
    const completion = this.#completion;
    if (completion === undefined || completion.state === GONE) return false;
    if (completion.state !== RUNNING && completion.exitCode !== undefined) return false;
    return !this.#noticeDeath();
  }

  /** 0 after a return, 1 after an error, n after `process.exit(n)`, -n after signal n; undefined before its end. */
  get exitCode(): number | undefined {
    return this.#completion?.exitCode;
  }

  /** Its worker id, as `held.handOff` takes it; undefined until it has begun. */
  get worker(): number | undefined {
    return this.#completion?.worker || undefined;
  }

  /**
   * The task's value once it is done, or its error; workers that the task started may run on. May be called again.
   * @throws TimeoutError, WorkerDiedError, StateError; what the task threw
   */
  async join(options?: WaitOptions): Promise<Awaited<ReturnType<F>>> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    const completion = this.#started();
    if (completion.state === RUNNING && (deadline === 0 || !(await this.heap.parker.waitUntil(completion.at, this.#attempt(completion), deadline, signal))))
      this.#timedOut(options);
    if (completion.state === GONE) {
      // The waiters' own look may be faster than the platform's report, which tells how it ended.
      this.hold(true);
      await this.#ended;
    }
    // A join that ran out of time, or was called off, has not heard of the error.
    this.#join();
    return await this.#value();
  }

  /** As `join`, blocking this thread. */
  joinSync(options?: SyncWait): Awaited<ReturnType<F>> {
    const deadline = deadlineOf(options);
    const completion = this.#started();
    if (completion.state === RUNNING && (deadline === 0 || !this.heap.parker.blockUntil(completion.at, this.#attempt(completion), deadline)))
      this.#timedOut(options);
    this.#join();
    return this.#valueNow();
  }

  /** What `select` waits for: that it ends, with the task's value or its error. */
  [selectable](): Choice<Awaited<ReturnType<F>>> {
    const completion = this.#started();
    const attempt: Attempt<true> = () => {
      if (completion.state === RUNNING && !this.#noticeDeath()) return undefined;
      // Here, not when it is opened: its error is about to be asked for.
      this.#join();
      return true;
    };
    return choiceOf({
      heap: this.heap,
      key: completion.at,
      poll: () => attempt(false),
      begin: () => attempt,
      open: () => this.joinSync(),
      openAwaiting: () => this.join(),
    });
  }

  /**
   * Ends it; what it holds passes on as from the dead. The workers that it started end with it. A thread ends at its
   * next instruction; one that loads modules when they are loaded, since V8 would abort the program, and it counts as
   * ended after a second of that. A process gets SIGTERM: what it has printed arrives, a task that listens for the
   * signal decides itself how to end, and `killGrace` later it gets SIGKILL, as it does when it computes and hears no
   * signal.
   */
  terminate(): void {
    this.#stop("SIGTERM");
  }

  /** Ends it at once: a process by SIGKILL. */
  kill(): void {
    this.#stop("SIGKILL");
  }

  /** Waits for its end, and for the workers that it started, daemons aside. Throws an error that nobody joined for. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#completion === undefined) return;
    const { heap, at } = this.#completion;
    if (this.#completion.state === RUNNING) await heap.parker.waitUntil(at, this.#attempt(this.#completion), Number.POSITIVE_INFINITY, undefined);
    const observed = this.#joined || this.#expected;
    this.#join();
    // A daemon too: there would be nothing left to await its end with.
    this.hold(true);
    await this.#ended;
    if (!observed) await this.#value();
  }

  #stop(signal: "SIGTERM" | "SIGKILL"): void {
    const completion = this.#started();
    if (completion.state === RUNNING) this.#expected = true;
    if (signal === "SIGTERM") completion.askToEnd();
    this.end(signal);
  }

  #started(): Completion {
    if (this.#completion === undefined) throw new StateError(`${this.name} was not started: call start() first`);
    return this.#completion;
  }

  #attempt(completion: Completion): Attempt<true> {
    return () => completion.state !== RUNNING || this.#noticeDeath() || undefined;
  }

  /** Finds a worker dead that ended without a word, while no event loop turns to tell. */
  #noticeDeath(): boolean {
    const completion = this.#completion!;
    const worker = this.#workerOf(completion);
    this.press();
    const dead = worker === 0 ? this.isGone() : !completion.heap.registry.isAlive(worker);
    // Between the two looks it may have ended properly: the CAS inside decides.
    if (!dead) return false;
    const code = this.exitCodeNow();
    if (code !== undefined) completion.exitCode = code;
    completion.finish(GONE);
    return true;
  }

  /**
   * Its worker id, 0 until it has begun; 0 too where the completion names somebody else: who would be taken for dead in
   * its place, or it for alive.
   */
  #workerOf(completion: Completion): number {
    const { worker, heap } = completion;
    if (worker === 0) return 0;
    const record = heap.registry.recordOf(worker);
    return this.runsAs(heap.words[record + RECORD.pid]!, heap.words[record + RECORD.tid]!) ? worker : 0;
  }

  #valueNow(): Awaited<ReturnType<F>> {
    const outcome = this.#settle();
    if (outcome.ok) return outcome.value;
    throw outcome.error;
  }

  /** As `#valueNow`; a class that this thread does not know yet is loaded. */
  async #value(): Promise<Awaited<ReturnType<F>>> {
    await decodeWithClasses(() => this.#settle());
    return this.#valueNow();
  }

  /** @throws UnknownClassError when a class has to be loaded first */
  #settle(): Outcome<F> {
    if (this.#outcome !== undefined) return this.#outcome;
    const completion = this.#completion!;
    const { state } = completion;
    if (state === GONE) {
      this.#outcome = { ok: false, error: this.#death(completion) };
    } else {
      try {
        const result = this.takeResult(completion);
        if (state !== RETURNED && state !== THREW) throw new CorruptError(`the end of ${this.name} in shared memory is not one`);
        this.#outcome = state === RETURNED ? { ok: true, value: result as Awaited<ReturnType<F>> } : { ok: false, error: result };
      } catch (error) {
        if (error instanceof UnknownClassError) throw error;
        this.#outcome = { ok: false, error };
      }
    }
    return this.#outcome;
  }

  #death(completion: Completion): WorkerDiedError {
    const { exitCode } = completion;
    const signal = this.#signal ?? signalOfCode(exitCode);
    const how = this.#expected
      ? "was terminated"
      : signal !== undefined
        ? `was killed by ${signal}`
        : exitCode === undefined
          ? "ended"
          : `ended with exit code ${exitCode}`;
    const details = { exitCode, signal, ...(this.#cause === undefined ? {} : { cause: this.#cause }) };
    return new WorkerDiedError(`${this.name} ${how} before its task "${this.#task.name}" had returned`, details);
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.name} had not ended within ${options?.timeout} ms; it runs on`);
  }
}

function signalOfCode(exitCode: number | undefined): string | undefined {
  if (exitCode === undefined || exitCode >= 0) return undefined;
  return Object.entries(process.getBuiltinModule("node:os").constants.signals).find(([, number]) => number === -exitCode)?.[0];
}

/** The arguments of a start as a message. */
export function encodeArgs(start: Start, to: "threads" | "processes"): Message {
  return encode(start.args, { to, root: "args", attach: to === "threads", marks: "move", list: true });
}

portray(
  WorkerHandle,
  ({ name, model, daemon, exitCode }) => ({ name, model, daemon, exitCode }),
  "only the worker that started it can join or end it: send what it gives, await handle.join(), or its handle.worker, which held.handOff takes, or give both an Event or a Queue",
);
