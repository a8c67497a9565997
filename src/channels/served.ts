/**
 * An object that stays with its owner and is called from other workers: requests go through one queue to the owner, answers through one of each caller. What may not arrive whole,
 * for want of memory or of a class, is sealed: whom to answer, and whose answer it is, is known all the same.
 * Rejected: a Proxy whose every field is a remote call. It looks like the object and is not: each access would be a round trip that nobody sees.
 */
import { type Boundary, crossing, type Crosses, decodeLoading, type Parcel, registerKind } from "../codec/index.js";
import { heapIn, type Reach, reachOf } from "../codec/shared-object.js";
import { contain, type Heap } from "../memory/index.js";
import { ArgumentTypeError, CorruptError, FreedError, OutOfMemoryError, QueueShutDown, StateError, TimeoutError, WorkerDiedError } from "../errors/index.js";
import { Queue } from "./queue.js";
import { Sealed } from "./sealed.js";

/** How often a caller looks whether the owner still lives. */
const LOOK_MS = 500;

/** Between two attempts in full memory. */
const FULL_MS = 20;

type Method = (...args: never[]) => unknown;
/** The names of an object's methods. */
export type MethodOf<T> = { [Name in keyof T]: T[Name] extends Method ? Name : never }[keyof T] & string;
type ArgsOf<T, Name extends keyof T> = T[Name] extends (...args: infer A) => unknown ? A : never;
type AnswerOf<T, Name extends keyof T> = T[Name] extends (...args: never[]) => infer R ? Awaited<R> : never;

type Request = [replies: Sealed<Queue<Answer>>, id: number, method: string, args: Sealed<unknown[]>];
/** Without a value: there was no memory for what it was called with, and an error in full might find none either. */
type Answer = [id: number, ok: boolean, value?: Sealed];

interface Caller {
  receive(ok: boolean, value: Sealed): void;
  reject(error: unknown): void;
}

/**
 * An object that other workers can call, made by `serve`. It travels like a shared object, into tasks, queues and results; where it arrives, `call` runs a method at its owner.
 *
 * **Death:** once the owner has ended, calls fail with `WorkerDiedError`. **Life:** while it is served the owner's program stays alive; disposing of it ends that.
 */
export class Served<T extends object> implements Disposable, Crosses {
  readonly #requests: Queue<Request>;
  readonly #owner: number;
  /** Only at the owner. */
  readonly #target: T | undefined;
  #replies: Queue<Answer> | undefined;
  readonly #callers = new Map<number, Caller>();
  #ids = 0;
  #isListening = false;

  /** @internal Made by `serve`, or arriving from another worker. */
  constructor(requests: Queue<Request>, owner: number, target: T | undefined) {
    this.#requests = requests;
    this.#owner = owner;
    this.#target = target;
    if (target !== undefined) void this.#attend(target);
  }

  /** Runs a method at the owner and gives its value or its error. @throws UnsendableError when an argument cannot cross, StateError once it is no longer served */
  async call<Name extends MethodOf<T>>(name: Name, ...args: ArgsOf<T, Name>): Promise<AnswerOf<T, Name>> {
    if (this.#target !== undefined) return (await invoke(this.#target, name, args)) as AnswerOf<T, Name>;
    const heap = heapIn(this.#requests);
    const answer = new Promise<unknown>((resolve, reject) =>
      this.#send(name, args, {
        receive: (ok, value) => void decodeLoading(() => value.open(heap), heap).then(ok ? resolve : reject, reject),
        reject,
      }),
    );
    void this.#listen();
    return (await answer) as AnswerOf<T, Name>;
  }

  /** As `call`, blocking this thread. The owner must be another worker, whose loop turns. */
  callSync<Name extends MethodOf<T>>(name: Name, ...args: ArgsOf<T, Name>): AnswerOf<T, Name> {
    if (this.#target !== undefined) throw new StateError(`callSync("${name}") at the owner would wait for its own loop: call the method itself`);
    let answer: { value: unknown } | { error: unknown } | undefined;
    const reject = (error: unknown) => {
      answer = { error };
    };
    this.#send(name, args, {
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
        this.#receive(this.#replies!.getSync({ timeout: LOOK_MS }));
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        this.#lookAfterOwner();
      }
    }
    if ("error" in answer) throw answer.error;
    return answer.value as AnswerOf<T, Name>;
  }

  /** At the owner: it is not served any more. */
  [Symbol.dispose](): void {
    if (this.#target !== undefined) this.#requests.shutdown();
  }

  [crossing](_to: Boundary, _path: string): Parcel {
    return { kind: "Served", payload: [this.#requests, this.#owner] };
  }

  /** The calling worker, as its owner knows it. */
  get callerId(): number {
    return heapIn(this.#requests).self;
  }

  #send(name: string, args: unknown[], caller: Caller): void {
    const heap = heapIn(this.#requests);
    this.#replies ??= new Queue<Answer>(reachOf(heap));
    const id = ++this.#ids;
    const given = Sealed.of(args, heap, "args");
    const replies = Sealed.of(this.#replies, heap, "replies");
    try {
      this.#requests.putSync([replies, id, name, given]);
    } catch (error) {
      given.takeBack();
      replies.takeBack();
      if (error instanceof QueueShutDown) throw new StateError(`"${name}" cannot be called: the object is no longer served by its owner`);
      throw error;
    }
    this.#callers.set(id, caller);
  }

  async #listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    while (this.#callers.size > 0) {
      try {
        this.#receive(await this.#replies!.get({ timeout: LOOK_MS }));
      } catch (error) {
        if (error instanceof TimeoutError) this.#lookAfterOwner();
        else this.#failAll(error);
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
    const heap = heapIn(this.#requests);
    for (;;) {
      let request: Request;
      try {
        request = await this.#requests.get();
      } catch (error) {
        if (error instanceof QueueShutDown || error instanceof FreedError) break;
        // Memory that was written over. What was no request is gone with it; a queue that is none any more must not keep this loop from turning.
        contain("taking a request for a served object", () => {
          throw error;
        });
        await new Promise((resolve) => setTimeout(resolve, FULL_MS));
        continue;
      }
      void respond(target, request, heap).catch((error: unknown) =>
        contain("answering a request for a served object", () => {
          throw error;
        }),
      );
    }
    this.#requests.free();
  }
}

/** Calls the method and answers: with its value, with what it failed of, or with why its arguments could not be had. */
async function respond(target: object, request: Request, heap: Heap): Promise<void> {
  const [whom, id, method, args] = Array.isArray(request) ? request : [];
  if (!(whom instanceof Sealed && args instanceof Sealed) || typeof id !== "number" || typeof method !== "string")
    throw new CorruptError("a request for a served object, in shared memory, is none");
  let replies: Queue<Answer>;
  try {
    replies = await onceThereIsMemory(() => whom.open(heap));
  } catch {
    // The caller's memory is out of reach, or was written over: there is nobody to be told.
    args.takeBack();
    return;
  }
  const reply = async (ok: boolean, value: unknown) => {
    const sealed = Sealed.of(value, heap, ok ? "result" : "error");
    await onceThereIsMemory(() => replies.putSync([id, ok, sealed]));
  };
  let given: unknown[];
  try {
    given = await decodeLoading(() => args.open(heap), heap);
  } catch (error) {
    if (error instanceof OutOfMemoryError) await onceThereIsMemory(() => replies.putSync([id, false]));
    else await reply(false, error);
    return;
  }
  try {
    await reply(true, await invoke(target, method, given));
  } catch (error) {
    try {
      await reply(false, error);
    } catch {
      await reply(false, new Error(`${method} failed with what cannot cross to another worker: ${String(error)}`));
    }
  }
}

/** The caller waits for its answer as long as this worker lives: where no memory is left to give it, that is tried again. Nothing is changed by an attempt that fails so. */
async function onceThereIsMemory<R>(attempt: () => R): Promise<R> {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, FULL_MS));
    }
  }
}

async function invoke(target: object, name: string, args: unknown[]): Promise<unknown> {
  const method = (target as Record<string, unknown>)[name];
  // What every object inherits is none of its methods.
  if (typeof method !== "function" || name in Object.prototype) throw new ArgumentTypeError(`the served object has no method "${name}"`);
  return await (method as (...args: unknown[]) => unknown).apply(target, args);
}

registerKind("Served", (payload: unknown) => {
  const [requests, owner] = Array.isArray(payload) ? payload : [];
  if (!(requests instanceof Queue) || typeof owner !== "number") throw new CorruptError("a handle of a served object is malformed");
  return new Served(requests as Queue<Request>, owner, undefined);
});

/**
 * Lets other workers call an object's methods, which run here: Python's `Manager().register`. A function is served as a method: `serve({ onPage })`.
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
  const requests = new Queue<Request>(options);
  return new Served(requests, heapIn(requests).self, target);
}
