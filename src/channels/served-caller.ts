/**
 * The side of a served object that calls: its requests go to the owner, the answers come through a queue of its own.
 */
import { threadId } from "node:worker_threads";
import { decodeLoading } from "../codec/index.js";
import { heapIn, reachOf } from "../objects/index.js";
import { atomics, monotonicMs, realNow, setRealTimeout } from "../memory/index.js";
import {
  CorruptError,
  OutOfMemoryError,
  QueueShutDownError,
  StateError,
  TimeoutError,
  WorkerDiedError,
} from "../errors/index.js";
import { Queue } from "./queue.js";
import { outOfTime, type RemoteCall } from "./remote-call.js";
import { Sealed } from "./sealed.js";
import { type Answer, FULL_MS, onceThereIsMemory, type Request, type Withdrawal } from "./served-request.js";

/** How often a caller looks whether the owner still lives. */
const LOOK_MS = 500;

/** A call that waits for its answer. */
interface OpenCall {
  receive(ok: boolean, value: Sealed): void;
  reject(error: unknown): void;
}

export class ServedCaller {
  readonly #requests: Queue<Request | Withdrawal>;
  readonly #owner: number;
  /**
   * Tells its calls from those of others: drawn, since a worker's number comes back and a worker may have several
   * handles.
   */
  readonly #caller = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  #replies: Queue<Answer> | undefined;
  readonly #calls = new Map<number, OpenCall>();
  #ids = 0;
  #isListening = false;

  constructor(requests: Queue<Request | Withdrawal>, owner: number) {
    this.#requests = requests;
    this.#owner = owner;
  }

  /** Makes a call; gives what calls it off. */
  begin(call: RemoteCall, name: string, args: unknown[]): () => void {
    const heap = heapIn(this.#requests);
    const reject = (error: unknown) => call.reject(error);
    const id = this.#send(name, args, {
      receive: (ok, value) => void decodeLoading(() => value.open(heap), heap).then(ok ? call.resolve : reject, reject),
      reject,
    });
    void this.#listen();
    return () => this.#withdraw(id);
  }

  /** Makes a call, and blocks this thread until it has its answer. */
  callSync(name: string, args: unknown[], deadline: number, timeout = Number.POSITIVE_INFINITY): unknown {
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

  /** Tells the owner that a call is called off. */
  #withdraw(id: number): void {
    if (!this.#calls.delete(id)) return;
    // An owner that does not take it any more has ended, or serves no longer: nothing is left to be called off.
    onceThereIsMemory(() => this.#requests.putSync([this.#caller, id])).catch(() => {});
  }

  /** Sends a request; gives the call's id. */
  #send(name: string, args: unknown[], call: OpenCall): number {
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
      if (error instanceof QueueShutDownError)
        throw new StateError(`"${name}" cannot be called: the object is no longer served by its owner`);
      throw error;
    }
    this.#calls.set(id, call);
    return id;
  }

  async #listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    while (this.#calls.size > 0) {
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
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (value === undefined)
      call?.reject(
        new OutOfMemoryError(
          "shared memory is full: the owner of the served object had no room for what it was called with, and called nothing",
        ),
      );
    else if (call === undefined) value.takeBack();
    else call.receive(ok, value);
  }

  #lookAfterOwner(): void {
    if (heapIn(this.#requests).registry.confirmAlive(this.#owner)) return;
    this.#failAll(new WorkerDiedError("the worker that served the object has ended"));
  }

  #failAll(error: unknown): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(error);
  }
}
