/**
 * An object that stays with its owner and is called from other workers: requests go through one queue to the owner,
 * answers through one of each caller. What may not arrive whole, for want of memory or of a class, is sealed: whom to
 * answer, and whose answer it is, is known all the same.
 * Rejected: a Proxy whose every field is a remote call. It looks like the object and is not: each access would be a
 * round trip that nobody sees.
 */
import { type Boundary, crossing, type Crosses, type Marshalled, registerKind } from "../codec/index.js";
import { heapIn, type Reach } from "../objects/index.js";
import type { Future } from "../futures/future.js";
import { contain, setRealTimeout } from "../memory/index.js";
import { deadlineOf, WAIT_OPTIONS, type WaitOptions } from "../parking/index.js";
import {
  ArgumentTypeError,
  CorruptError,
  FreedError,
  QueueShutDownError,
  StateError,
  TimeoutError,
} from "../errors/index.js";
import { Queue } from "./queue.js";
import { limitsOver, RemoteCall } from "./remote-call.js";
import { type CallFrom, ServedCall } from "./served-call.js";
import { ServedCaller } from "./served-caller.js";
import { attendTo, FULL_MS, invoke, type Request, type ServedCalls, type Withdrawal } from "./served-request.js";

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
  /** The one that `with` was called on first. */
  readonly #first: Served<T>;
  /** Not at the owner; all that `with` makes of one have the same. */
  readonly #caller: ServedCaller | undefined;
  /** At the owner: it is disposed of, and its queue may be freed already. */
  #isOver = false;
  /** At the owner. */
  readonly #calls: ServedCalls = new Map();

  /** @internal Made by `serve`, or arriving from another worker. */
  constructor(
    requests: Queue<Request | Withdrawal>,
    owner: number,
    target: T | undefined,
    limits: WaitOptions = {},
    first?: Served<T>,
  ) {
    this.#requests = requests;
    this.#owner = owner;
    this.#target = target;
    this.#limits = limits;
    this.#first = first ?? this;
    if (target === undefined) this.#caller = first === undefined ? new ServedCaller(requests, owner) : first.#caller;
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
    call.begin(() => this.#caller?.begin(call, name, args) ?? this.#beginHere(call, name, args));
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
    if (this.#caller === undefined)
      throw new StateError(`callSync("${name}") at the owner would wait for its own loop: call the method itself`);
    const deadline = deadlineOf(this.#limits, WAIT_OPTIONS);
    this.#limits.signal?.throwIfAborted();
    return this.#caller.callSync(name, args, deadline, this.#limits.timeout) as AnswerOf<T, Name>;
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

  /** Makes a call at the owner; gives what calls it off. */
  #beginHere(call: RemoteCall, name: string, args: unknown[]): () => void {
    const served = new ServedCall();
    invoke(this.#target!, name, args, served).then(call.resolve, (error: unknown) => call.reject(error));
    return () => served.callOff();
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
      for (let taken = this.#requests.tryGet(); taken !== undefined; taken = this.#requests.tryGet())
        this.#take(this.#target!, taken.value);
    });
    return [...this.#calls.values()].flatMap(({ from, cancelled }) => (from === undefined || cancelled ? [] : from));
  }
}

registerKind("Served", (payload: unknown) => {
  const [requests, owner] = Array.isArray(payload) ? payload : [];
  if (!(requests instanceof Queue) || typeof owner !== "number")
    throw new CorruptError("a handle of a served object is malformed");
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
    throw new ArgumentTypeError(
      `serve(object): an object with methods is needed, got ${typeof target}; serve a function as serve({ fn })`,
    );
  const requests = new Queue<Request | Withdrawal>(options);
  return new Served(requests, heapIn(requests).self, target);
}
