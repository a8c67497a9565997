/**
 * An object that stays with its owner and is called from other workers: requests go through one queue to the owner,
 * answers through one of each caller. What may not arrive whole, for want of memory or of a class, is sealed: whom to
 * answer, and whose answer it is, is known all the same.
 * Rejected: a Proxy whose every field is a remote call. It looks like the object and is not: each access would be a
 * round trip that nobody sees.
 */
import { threadId } from "node:worker_threads";
import { type Boundary, crossing, type Crosses, decodeLoading, type Marshalled, registerKind } from "../codec/index.js";
import { heapIn, type Reach, reachOf } from "../objects/index.js";
import type { Future } from "../futures/future.js";
import { atomics, contain, monotonicMs, realNow, setRealTimeout } from "../memory/index.js";
import { deadlineOf, WAIT_OPTIONS, type WaitOptions } from "../parking/index.js";
import {
  ArgumentTypeError,
  CorruptError,
  FreedError,
  OutOfMemoryError,
  QueueShutDownError,
  StateError,
  TimeoutError,
  WorkerDiedError,
} from "../errors/index.js";
import { Queue } from "./queue.js";
import { limitsOver, outOfTime, RemoteCall } from "./remote-call.js";
import { Sealed } from "./sealed.js";
import { type Answer, attendTo, FULL_MS, type ServedCalls, invoke, onceThereIsMemory, type Request, type Withdrawal } from "./served-request.js";
import { type CallFrom, ServedCall } from "./served-call.js";

/** How often a caller looks whether the owner still lives. */
const LOOK_MS = 500;

/**
 * The owner waits for requests with an end, however late. A wait without one would be told of as a deadlock, though any
 * worker that has the object may call.
 */
const ATTEND_MS = 0x7fffffff;

type Method = (...args: never[]) => unknown;
/** The names of an object's methods. */
export type MethodOf<T> = { [Name in keyof T]: T[Name] extends Method ? Name : never }[keyof T] & string;
type ArgsOf<T, Name extends keyof T> = T[Name] extends (...args: infer A) => unknown ? A : never;
type AnswerOf<T, Name extends keyof T> = T[Name] extends (...args: never[]) => infer R ? Awaited<R> : never;

/** The objects that this thread serves. */
const servedHere = new Set<{ openCalls(): CallFrom[] }>();

interface Caller {
  receive(ok: boolean, value: Sealed): void;
  reject(error: unknown): void;
}

/**
 * An object that other workers can call, made by `serve`. It travels like a shared object, into tasks, queues and
 * results; where it arrives, `call` runs a method at its owner.
 *
 * **Cancel:** a call gives a `Future`. Calling it off (by `cancel`, or by the `signal` or `timeout` of `with`) rejects
 * it at once. The method hears of that by `currentWorker().signal`, which it asks for before its first `await`.
 *
 * **Death:** once the owner has ended, calls fail with `WorkerDiedError`. **Life:** while it is served the owner's
 * program stays alive; disposing of it ends that.
 *
 * @example
 * ```ts
 * import { isMain, serve, type Served, task, ThreadPool } from "allcores";
 * interface Counter {
 *   add(n: number): number;
 * }
 * const count = task(import.meta, async function count(counter: Served<Counter>) {
 *   counter.callSync("add", 1);
 *   return await counter.with({ timeout: 5000 }).call("add", 2);
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   let total = 0;
 *   using counter = serve<Counter>({ add: (n) => (total += n) });
 *   console.log(await pool.submit(count, counter)); // 3
 * }
 * ```
 */
export class Served<T extends object> implements Disposable, Crosses {
  readonly #requests: Queue<Request | Withdrawal>;
  readonly #owner: number;
  /** Only at the owner. */
  readonly #target: T | undefined;
  readonly #limits: WaitOptions;
  /** The one that `with` was called on first: it has the calls of all of them. */
  readonly #first: Served<T>;
  /**
   * Tells its calls from those of others: drawn, since a worker's number comes back and a worker may have several
   * handles.
   */
  readonly #caller = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  #replies: Queue<Answer> | undefined;
  readonly #callers = new Map<number, Caller>();
  #ids = 0;
  #isListening = false;
  /** At the owner: it is disposed of, and its queue may be freed already. */
  #isOver = false;
  /** At the owner. */
  readonly #calls: ServedCalls = new Map();

  /** @internal Made by `serve`, or arriving from another worker. */
  constructor(requests: Queue<Request | Withdrawal>, owner: number, target: T | undefined, limits: WaitOptions = {}, first?: Served<T>) {
    this.#requests = requests;
    this.#owner = owner;
    this.#target = target;
    this.#limits = limits;
    this.#first = first ?? this;
    if (target !== undefined && first === undefined) void this.#attend(target);
  }

  /**
   * The same object, whose calls end with these: once `signal` aborts they fail with its reason, after `timeout`
   * milliseconds with `TimeoutError`. They are called off then. `callSync` heeds the timeout, and a signal that has
   * aborted before the call.
   *
   * @param options `timeout`: milliseconds from the call to its end, without end unless given. `signal`: ends the calls
   *   with its reason
   * @returns the same object; what is not given stays as it was here
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one small object; nothing is sent.
   */
  with(options: WaitOptions): Served<T> {
    return new Served<T>(this.#requests, this.#owner, this.#target, limitsOver(this.#limits, options), this.#first);
  }

  /**
   * Runs a method at the owner and gives its value or its error.
   *
   * @param name the method
   * @param args its arguments, which are copied; shared objects arrive as themselves
   * @returns the future of what the method gives. It fails with `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` when
   *   an argument cannot cross, with `ERR_ALLCORES_STATE` once the object is no longer served, with
   *   `ERR_ALLCORES_WORKER_DIED` once the owner has ended
   * @throws nothing: what goes wrong is the future's
   * @remarks **Cancel:** as the class says. **Cost:** an item in a queue there and one back; at the owner itself a
   *   call.
   */
  call<Name extends MethodOf<T>>(name: Name, ...args: ArgsOf<T, Name>): Future<AnswerOf<T, Name>> {
    const call = new RemoteCall(name, this.#limits);
    call.begin(() => this.#first.#begin(call, name, args));
    return call.future as Future<AnswerOf<T, Name>>;
  }

  /**
   * As `call`, blocking this thread and its event loop. The owner must be another worker, whose loop turns.
   *
   * @param name the method
   * @param args its arguments, which are copied; shared objects arrive as themselves
   * @returns what the method gives
   * @throws `ERR_ALLCORES_STATE` at the owner and once the object is no longer served, `ERR_ALLCORES_UNSENDABLE` or
   *   `ERR_ALLCORES_REACH` when an argument cannot cross, `ERR_ALLCORES_WORKER_DIED` once the owner has ended,
   *   `ERR_ALLCORES_TIMEOUT` after the `timeout` of `with`, `ERR_ALLCORES_OUT_OF_MEMORY`; what the method throws
   * @remarks **Death, cancel:** as the class says. **Cost:** as `call`.
   */
  callSync<Name extends MethodOf<T>>(name: Name, ...args: ArgsOf<T, Name>): AnswerOf<T, Name> {
    if (this.#target !== undefined) throw new StateError(`callSync("${name}") at the owner would wait for its own loop: call the method itself`);
    const deadline = deadlineOf(this.#limits, WAIT_OPTIONS);
    this.#limits.signal?.throwIfAborted();
    return this.#first.#callSync(name, args, deadline, this.#limits.timeout) as AnswerOf<T, Name>;
  }

  #callSync(name: string, args: unknown[], deadline: number, timeout = Number.POSITIVE_INFINITY): unknown {
    let answer: { value: unknown } | { error: unknown } | undefined;
    const reject = (error: unknown) => {
      answer = { error };
    };
    const id = this.#send(name, args, {
      receive: (ok, sealed) => {
        try {
          const value = sealed.open(heapIn(this.#requests));
          answer = ok ? { value } : { error: value };
        } catch (error) {
          reject(error);
        }
      },
      reject,
    });
    while (answer === undefined) {
      try {
        this.#receive(this.#replies!.getSync({ timeout: Math.max(0, Math.min(LOOK_MS, deadline - realNow())) }));
      } catch (error) {
        if (error instanceof OutOfMemoryError) atomics.pause(Math.max(0, Math.min(FULL_MS, deadline - realNow())));
        else if (!(error instanceof TimeoutError)) throw error;
        if (realNow() >= deadline) {
          this.#withdraw(id);
          throw outOfTime(name, timeout);
        }
        this.#lookAfterOwner();
      }
    }
    if ("error" in answer) throw answer.error;
    return answer.value;
  }

  /**
   * At the owner: it is not served any more. What had been asked by then is answered. Elsewhere, and again, it does
   * nothing.
   */
  [Symbol.dispose](): void {
    if (this.#target === undefined || this.#first.#isOver) return;
    this.#first.#isOver = true;
    this.#requests.shutdown();
  }

  /** @internal */
  [crossing](_to: Boundary, _path: string): Marshalled {
    return { kind: "Served", payload: [this.#requests, this.#owner] };
  }

  /** The calling worker, as its owner knows it. */
  get callerId(): number {
    return heapIn(this.#requests).self;
  }

  /** Makes a call; gives what calls it off. */
  #begin(call: RemoteCall, name: string, args: unknown[]): () => void {
    if (this.#target !== undefined) {
      const served = new ServedCall();
      invoke(this.#target, name, args, served).then(call.resolve, (error: unknown) => call.reject(error));
      return () => served.callOff();
    }
    const heap = heapIn(this.#requests);
    const reject = (error: unknown) => call.reject(error);
    const id = this.#send(name, args, {
      receive: (ok, value) => void decodeLoading(() => value.open(heap), heap).then(ok ? call.resolve : reject, reject),
      reject,
    });
    void this.#listen();
    return () => this.#withdraw(id);
  }

  /** Tells the owner that a call is called off. */
  #withdraw(id: number): void {
    if (!this.#callers.delete(id)) return;
    // An owner that does not take it any more has ended, or serves no longer: nothing is left to be called off.
    onceThereIsMemory(() => this.#requests.putSync([this.#caller, id])).catch(() => {});
  }

  /** Sends a request; gives the call's id. */
  #send(name: string, args: unknown[], caller: Caller): number {
    const heap = heapIn(this.#requests);
    this.#replies ??= new Queue<Answer>(reachOf(heap));
    const id = ++this.#ids;
    const given = Sealed.of(args, heap, "args");
    const replies = Sealed.of(this.#replies, heap, "replies");
    try {
      this.#requests.putSync([replies, id, name, given, this.#caller, process.pid, threadId, monotonicMs()]);
    } catch (error) {
      given.takeBack();
      replies.takeBack();
      if (error instanceof QueueShutDownError) throw new StateError(`"${name}" cannot be called: the object is no longer served by its owner`);
      throw error;
    }
    this.#callers.set(id, caller);
    return id;
  }

  async #listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    while (this.#callers.size > 0) {
      try {
        this.#receive(await this.#replies!.get({ timeout: LOOK_MS }));
      } catch (error) {
        // In full memory nobody can wait for the answer, but it comes all the same, and is there to be taken.
        if (error instanceof OutOfMemoryError) await new Promise((resolve) => setRealTimeout(resolve, FULL_MS));
        else if (!(error instanceof TimeoutError)) this.#failAll(error);
        this.#lookAfterOwner();
      }
    }
    this.#isListening = false;
  }

  #receive(answer: Answer): void {
    const [id, ok, value] = Array.isArray(answer) ? answer : [];
    if (id === undefined || ok === undefined || !(value === undefined || value instanceof Sealed))
      throw new CorruptError("an answer of a served object, in shared memory, is none");
    const caller = this.#callers.get(id);
    this.#callers.delete(id);
    if (value === undefined)
      caller?.reject(new OutOfMemoryError("shared memory is full: the owner of the served object had no room for what it was called with, and called nothing"));
    else if (caller === undefined) value.takeBack();
    else caller.receive(ok, value);
  }

  #lookAfterOwner(): void {
    if (heapIn(this.#requests).registry.confirmAlive(this.#owner)) return;
    this.#failAll(new WorkerDiedError("the worker that served the object has ended"));
  }

  #failAll(error: unknown): void {
    const callers = [...this.#callers.values()];
    this.#callers.clear();
    for (const caller of callers) caller.reject(error);
  }

  /** Until it is disposed of; what had been asked by then is answered. */
  async #attend(target: T): Promise<void> {
    servedHere.add(this);
    for (;;) {
      let request: Request | Withdrawal;
      try {
        request = await this.#requests.get({ timeout: ATTEND_MS });
      } catch (error) {
        if (error instanceof QueueShutDownError || error instanceof FreedError) break;
        if (error instanceof TimeoutError) continue;
        // Memory that was written over. What was no request is gone with it; a queue that is none any more must not
        // keep this loop from turning.
        contain("taking a request for a served object", () => {
          throw error;
        });
        await new Promise((resolve) => setRealTimeout(resolve, FULL_MS));
        continue;
      }
      this.#take(target, request);
    }
    servedHere.delete(this);
    this.#requests.free();
  }

  #take(target: T, request: Request | Withdrawal): void {
    void attendTo(target, request, heapIn(this.#requests), this.#calls).catch((error: unknown) =>
      contain("answering a request for a served object", () => {
        throw error;
      }),
    );
  }

  /** @internal At the owner: the calls that wait for its loop. What came while that stood still is answered later. */
  openCalls(): CallFrom[] {
    contain("taking a request for a served object", () => {
      // One that is over has been shut down, and may be freed.
      if (this.#isOver) return;
      for (let taken = this.#requests.tryGet(); taken !== undefined; taken = this.#requests.tryGet()) this.#take(this.#target!, taken.value);
    });
    return [...this.#calls.values()].flatMap(({ from, cancelled }) => (from === undefined || cancelled ? [] : from));
  }
}

registerKind("Served", (payload: unknown) => {
  const [requests, owner] = Array.isArray(payload) ? payload : [];
  if (!(requests instanceof Queue) || typeof owner !== "number") throw new CorruptError("a handle of a served object is malformed");
  return new Served(requests as Queue<Request | Withdrawal>, owner, undefined);
});

/** The calls of all objects that this thread serves which wait for its event loop. */
export function openCalls(): CallFrom[] {
  return [...servedHere].flatMap((served) => served.openCalls());
}

/**
 * Lets other workers call an object's methods, which run here: Python's `Manager().register`. A function is served as a
 * method: `serve({ onPage })`.
 *
 * @param target the object, or a record of functions
 * @param options how far it reaches: `across`, `label`
 * @returns what other workers call it by; disposing of it ends the serving
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no object, `ERR_ALLCORES_OUT_OF_MEMORY`
 * @remarks **Death:** calls fail with `ERR_ALLCORES_WORKER_DIED` once this worker has ended. **Cost:** a queue in
 *   shared memory, which this loop awaits.
 *
 * @example
 * ```ts
 * import { isMain, serve, type Served, task, ThreadPool } from "allcores";
 * interface Cache {
 *   get(key: string): number | undefined;
 * }
 * const lookUp = task(import.meta, async function lookUp(cache: Served<Cache>, key: string) {
 *   return await cache.call("get", key);
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   const known = new Map([["answer", 42]]);
 *   const cache = serve<Cache>({ get: (key) => known.get(key) });
 *   console.log(await pool.submit(lookUp, cache, "answer")); // 42
 *   cache[Symbol.dispose]();
 * }
 * ```
 */
export function serve<T extends object>(target: T, options?: Reach): Served<T> {
  if (typeof target !== "object" || target === null)
    throw new ArgumentTypeError(`serve(object): an object with methods is needed, got ${typeof target}; serve a function as serve({ fn })`);
  const requests = new Queue<Request | Withdrawal>(options);
  return new Served(requests, heapIn(requests).self, target);
}
