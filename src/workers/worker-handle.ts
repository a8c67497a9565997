import { portray, refuseClones } from "../codec/portrait.js";
import { type KnownOptions, StateError, TimeoutError, type WorkerDiedError } from "../errors/index.js";
import { contain, type Heap, RECORD } from "../memory/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  sliceHooks,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "../sync/selectable.js";
import { activeHandles } from "./active-workers.js";
import { childStarted } from "./children.js";
import { Completion, GONE, RUNNING } from "./completion.js";
import { type AnyFunction, identityOf, type Task, type TaskIdentity } from "./task.js";
import { decodeWithClasses } from "./task-module.js";
import type { CheckedEnvironment } from "./worker-environment.js";
import { type WorkerOutcome, outcomeOf } from "./worker-outcome.js";
import { checkedStart, type Start, WORKER_START, type WorkerStart } from "./worker-start.js";
import { deathOf } from "./worker-death.js";
import { findOwnerFor } from "../futures/unhandled-failures.js";

/** What the handle was doing, if words of shared memory are spoilt. */
const ENDING = "noting that a worker ended";

/** What Thread and Process share: one worker that runs one task. */
export abstract class WorkerHandle<F extends AnyFunction>
  implements AsyncDisposable, Selectable<Awaited<ReturnType<F>>>
{
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
  readonly #environment: CheckedEnvironment;
  #completion: Completion | undefined;
  #outcome: WorkerOutcome<F> | undefined;
  #joined = false;
  #signal: string | undefined;
  #cause: unknown;
  #ended: Promise<void> | undefined;

  /** @internal */
  constructor(task: Task<F>, options: WorkerStart<F> = {}, known: KnownOptions<object> = WORKER_START) {
    refuseClones(this);
    this.#task = identityOf(task);
    const { args, name, daemon, killGrace, environment } = checkedStart(options, known);
    this.#args = args;
    this.#environment = environment;
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
   * Starts the worker. Its arguments are copied, or moved where `transfer()` says so; shared objects arrive as
   * themselves.
   *
   * @returns this handle
   * @throws `ERR_ALLCORES_STATE` when it was started before, `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for an
   *   argument that cannot cross, `ERR_ALLCORES_NESTING`, `ERR_ALLCORES_OUT_OF_MEMORY`,
   *   `ERR_ALLCORES_OUT_OF_DESCRIPTORS`
   * @remarks **Cost:** the encoding, and the start of a thread or of a process.
   */
  start(): this {
    if (this.#completion !== undefined)
      throw new StateError(`${this.name} was started already: make a new ${this.constructor.name} for another run`);
    const completion = Completion.create(this.heap);
    try {
      this.launch({
        name: this.name,
        task: this.#task,
        completion,
        daemon: this.daemon,
        args: [...this.#task.bound, ...this.#args],
        environment: this.#environment,
      });
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
    // Each for itself: a joining caller waits for the last of it, whatever stands in memory.
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
   * Waits until the task is done, without blocking the event loop. Workers that the task started may run on. It may be
   * called again.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one look. `signal`: ends the wait with its
   *   reason
   * @returns the task's value
   * @throws what the task threw; `ERR_ALLCORES_TIMEOUT` when the time ran out, and the worker runs on;
   *   `ERR_ALLCORES_WORKER_DIED` when it ended before its task had returned; `ERR_ALLCORES_STATE` before `start()`,
   *   `ERR_ALLCORES_DEADLOCK` where the wait could never end; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; the reason of `signal`
   * @remarks **Fairness:** all who join go on. **Death:** noticed within a second. **Cancel:** the worker runs on.
   *   **Cost:** two atomic reads where it is done; else it sleeps. Once, the decoding of the value.
   */
  async join(options?: WaitOptions): Promise<Awaited<ReturnType<F>>> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    const completion = this.#started();
    if (
      completion.state === RUNNING &&
      (deadline === 0 ||
        !(await this.heap.parker.waitUntil(completion.at, this.#attempt(completion), deadline, signal)))
    )
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

  /**
   * As `join`, blocking this thread and its event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one look
   * @returns the task's value
   * @throws what the task threw; `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_WORKER_DIED`, `ERR_ALLCORES_STATE`,
   *   `ERR_ALLCORES_DEADLOCK`, `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` as `join`;
   *   `ERR_ALLCORES_UNKNOWN_CLASS` for a value of a class whose module was not loaded here
   * @remarks **Fairness, death, cancel:** as `join`. **Cost:** as `join`.
   */
  joinSync(options?: SyncWait): Awaited<ReturnType<F>> {
    const deadline = deadlineOf(options);
    const completion = this.#started();
    if (
      completion.state === RUNNING &&
      (deadline === 0 || !this.heap.parker.blockUntil(completion.at, this.#attempt(completion), deadline))
    )
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
      poll: () => attempt(false, 0),
      begin: () => attempt,
      open: () => this.joinSync(),
      openAwaiting: () => this.join(),
    });
  }

  /**
   * Ends it; what it holds passes on as from the dead. The workers that it started end with it.
   *
   * A thread ends at its next instruction; one that loads modules when they are loaded, since V8 would abort the
   * program, and it counts as ended after a second of that. A process gets SIGTERM: what it has printed arrives, and a
   * task that listens for the signal decides itself how to end. After `killGrace` it gets SIGKILL.
   *
   * @throws `ERR_ALLCORES_STATE` before `start()`
   * @remarks **Death:** `join` then throws `ERR_ALLCORES_WORKER_DIED`. **Cost:** a signal; waits for nothing.
   */
  terminate(): void {
    this.#stop("SIGTERM");
  }

  /**
   * Ends it at once: a process by SIGKILL, a thread as `terminate()`.
   *
   * @throws `ERR_ALLCORES_STATE` before `start()`
   * @remarks **Death:** as `terminate()`. **Cost:** a signal; waits for nothing.
   */
  kill(): void {
    this.#stop("SIGKILL");
  }

  /** Waits for its end, and for the workers that it started, daemons aside. Throws an error that nobody joined for. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#completion === undefined) return;
    const { heap, at } = this.#completion;
    if (this.#completion.state === RUNNING)
      await heap.parker.waitUntil(at, this.#attempt(this.#completion), Number.POSITIVE_INFINITY, undefined);
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
  #settle(): WorkerOutcome<F> {
    const completion = this.#completion!;
    const take = () => this.takeResult(completion);
    return (this.#outcome ??= outcomeOf<F>(completion.state, this.name, take, () => this.#death(completion)));
  }

  #death(completion: Completion): WorkerDiedError {
    return deathOf(this.name, this.#task.name, {
      exitCode: completion.exitCode,
      signal: this.#signal,
      cause: this.#cause,
      wasAsked: this.#expected,
    });
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.name} had not ended within ${options?.timeout} ms; it runs on`);
  }
}

portray(
  WorkerHandle,
  ({ name, model, daemon, exitCode }) => ({ name, model, daemon, exitCode }),
  "only the worker that started it can join or end it: send what it gives, await handle.join(), or its handle.worker, which held.handOff takes, or give both an Event or a Queue",
);
