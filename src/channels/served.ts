/**
 * An object that stays with its owner and is called from other workers: requests go through one queue to the owner, answers through one of each caller.
 * Rejected: a Proxy whose every field is a remote call. It looks like the object and is not: each access would be a round trip that nobody sees.
 */
import { type Boundary, crossing, type Crosses, type Parcel, registerKind } from "../codec/index.js";
import { heapIn, type Reach, reachOf } from "../codec/shared-object.js";
import { ArgumentTypeError, CorruptError, OutOfMemoryError, QueueShutDown, StateError, TimeoutError, WorkerDiedError } from "../errors/index.js";
import { Queue } from "./queue.js";

/** How often a caller looks whether the owner still lives. */
const LOOK_MS = 500;

/** Between two attempts to answer in full memory. */
const FULL_MS = 20;

type Method = (...args: never[]) => unknown;
/** The names of an object's methods. */
export type MethodOf<T> = { [Name in keyof T]: T[Name] extends Method ? Name : never }[keyof T] & string;
type ArgsOf<T, Name extends keyof T> = T[Name] extends (...args: infer A) => unknown ? A : never;
type AnswerOf<T, Name extends keyof T> = T[Name] extends (...args: never[]) => infer R ? Awaited<R> : never;

type Request = [replies: Queue<Answer>, id: number, method: string, args: unknown[]];
type Answer = [id: number, ok: boolean, value: unknown];

interface Caller {
  resolve(value: unknown): void;
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
    const answer = new Promise<unknown>((resolve, reject) => this.#send(name, args, { resolve, reject }));
    void this.#listen();
    return (await answer) as AnswerOf<T, Name>;
  }

  /** As `call`, blocking this thread. The owner must be another worker, whose loop turns. */
  callSync<Name extends MethodOf<T>>(name: Name, ...args: ArgsOf<T, Name>): AnswerOf<T, Name> {
    if (this.#target !== undefined) throw new StateError(`callSync("${name}") at the owner would wait for its own loop: call the method itself`);
    let answer: { value: unknown } | { error: unknown } | undefined;
    this.#send(name, args, {
      resolve: (value) => {
        answer = { value };
      },
      reject: (error) => {
        answer = { error };
      },
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
    this.#replies ??= new Queue<Answer>(reachOf(heapIn(this.#requests)));
    const id = ++this.#ids;
    try {
      this.#requests.putSync([this.#replies, id, name, args]);
    } catch (error) {
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

  #receive([id, ok, value]: Answer): void {
    const caller = this.#callers.get(id);
    this.#callers.delete(id);
    if (ok) caller?.resolve(value);
    else caller?.reject(value);
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
    for await (const [replies, id, method, args] of this.#requests) {
      void (async () => {
        try {
          await reply(replies, [id, true, await invoke(target, method, args)]);
        } catch (error) {
          try {
            await reply(replies, [id, false, error]);
          } catch {
            await reply(replies, [id, false, new Error(`${method} failed with what cannot cross to another worker: ${String(error)}`)]);
          }
        }
      })();
    }
    this.#requests.free();
  }
}

/** The caller waits for it as long as this worker lives: where no memory is left it is tried again. */
async function reply(replies: Queue<Answer>, answer: Answer): Promise<void> {
  for (;;) {
    try {
      replies.putSync(answer);
      return;
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
