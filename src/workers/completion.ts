/**
 * Where a worker's end is written down, so that others can wait for it, blocking or awaiting: one block in shared
 * memory.
 *
 * The worker writes its result first and the state last, by CAS from RUNNING. A worker that finds it dead makes the
 * same CAS to GONE. So there is one end, and a result is seen whole or not at all.
 */
import { dropMessage, loseMessage, publishMessage, readMessage } from "../codec/stored-message.js";
import type { Message } from "../codec/index.js";
import { StateError, UnknownClassError } from "../errors/index.js";
import { atomics, type Heap, onDestroy } from "../memory/index.js";
import { onInspect, onNames } from "../objects/index.js";
import { KIND } from "./kinds.js";

const { compareExchange, load, store } = atomics;

const COMPLETION = {
  /** RUNNING, RETURNED, THREW or GONE. Also the key that is waited for. */
  state: 0,
  /** Worker id of who runs, 0 until it has begun. */
  worker: 1,
  /**
   * Exit code plus EXIT_CODE_BIAS, 0 while unknown. A worker whose task is done and whose children live has none yet.
   */
  exitCode: 2,
  /** Block of the stored result or error, 0 when it travels beside (threads). */
  result: 3,
  /** Block of the stored arguments; 0 when they travel beside (threads, where they hold nothing). */
  args: 4,
  /** 1 once its starter has asked it to end: a SIGTERM that comes then is meant for it. */
  isAskedToEnd: 5,
  /** UNREAD, BEING_READ, READ or LOST: whose the objects in the arguments are. */
  argsState: 6,
} as const;
const SIZE = 8;
const EXIT_CODE_BIAS = 1000;
const EVERYBODY = 0x7fffffff;

/** Nobody has decoded the arguments: what they hold is the message's. */
const UNREAD = 0;
/** The worker decodes them: each object becomes its own, one after the other. */
const BEING_READ = 1;
/** What they hold is the worker's. */
const READ = 2;
/** They reach nobody: they were let go of, or given back to the starter. */
const LOST = 3;

export const RUNNING = 0;
export const RETURNED = 1;
export const THREW = 2;
export const GONE = 3;

/** What the kernel makes of the argument of `process.exit`: -1 is 255. Less than 0 stands for a signal. */
export function exitStatus(code: number): number {
  return code & 0xff;
}

export class Completion {
  readonly heap: Heap;
  readonly at: number;

  constructor(heap: Heap, at: number) {
    this.heap = heap;
    this.at = at;
  }

  static create(heap: Heap): Completion {
    return new Completion(heap, heap.allocator.allocate(SIZE, KIND.completion));
  }

  get state(): number {
    return load(this.heap.words, this.at + COMPLETION.state);
  }

  /** The worker has begun. */
  begin(): void {
    store(this.heap.words, this.at + COMPLETION.worker, this.heap.self);
  }

  get worker(): number {
    return load(this.heap.words, this.at + COMPLETION.worker);
  }

  get exitCode(): number | undefined {
    const code = load(this.heap.words, this.at + COMPLETION.exitCode);
    return code === 0 ? undefined : code - EXIT_CODE_BIAS;
  }

  set exitCode(code: number) {
    compareExchange(this.heap.words, this.at + COMPLETION.exitCode, 0, code + EXIT_CODE_BIAS);
  }

  /**
   * Its starter asks it to end. Before the signal: the worker that gets the signal finds the word. A worker that is
   * blocked hears no signal, and is rung.
   */
  askToEnd(): void {
    store(this.heap.words, this.at + COMPLETION.isAskedToEnd, 1);
    if (this.worker !== 0) this.heap.waitQueue.rouse(this.worker);
  }

  get isAskedToEnd(): boolean {
    return load(this.heap.words, this.at + COMPLETION.isAskedToEnd) === 1;
  }

  /**
   * Ends it, if nobody has; true when this call did. `message` is stored for the one who waits. `lingers`: the worker
   * goes on for a while, and has no exit code yet.
   */
  finish(state: typeof RETURNED | typeof THREW | typeof GONE, message?: Message, lingers = false): boolean {
    const { heap, at } = this;
    if (message !== undefined) {
      // Published first: a death in between leaks it, in the other order the sweep would free what the completion
      // names.
      store(heap.words, at + COMPLETION.result, publishMessage(heap, message));
    }
    // Before the state: a reader that sees the end sees the code.
    if (state !== GONE && !lingers) this.exitCode = state === RETURNED ? 0 : 1;
    if (compareExchange(heap.words, at + COMPLETION.state, RUNNING, state) !== RUNNING) return false;
    heap.waitQueue.wake(at, EVERYBODY);
    return true;
  }

  /** What was stored with the end. Read once. */
  takeResult(): unknown {
    return this.#take(COMPLETION.result);
  }

  set args(message: Message) {
    const { heap, at } = this;
    store(heap.words, at + COMPLETION.args, publishMessage(heap, message));
  }

  /**
   * For the worker. They may be taken again after an `UnknownClassError`, which comes before anything is made. @param
   * attachments what travelled beside them
   */
  takeArgs(attachments?: readonly unknown[]): unknown {
    if (!this.#moveArgs(UNREAD, BEING_READ))
      throw new StateError("the starter of this worker has given it up: its arguments are no longer there");
    try {
      const args = this.#take(COMPLETION.args, attachments);
      this.#moveArgs(BEING_READ, READ);
      return args;
    } catch (error) {
      this.#moveArgs(BEING_READ, error instanceof UnknownClassError ? UNREAD : READ);
      throw error;
    }
  }

  /**
   * The worker has ended: arguments that it did not take reach nobody. Each worker that sees its end may say so, and
   * more than once: one of them lets go of what they hold. With "returned" it could not be started, and an end of a
   * pipe in them is here as before.
   */
  loseArgs(end: "unread" | "returned" = "unread"): void {
    const { heap, at } = this;
    const block = load(heap.words, at + COMPLETION.args);
    if (block === 0) return;
    if (this.#moveArgs(UNREAD, LOST)) {
      store(heap.words, at + COMPLETION.args, 0);
      dropMessage(heap, block, end);
      // A thread that was given up may be reading still: the block goes with the completion.
    } else if (this.#moveArgs(BEING_READ, LOST)) loseMessage(heap, block, "uncertain");
  }

  #moveArgs(from: number, to: number): boolean {
    return compareExchange(this.heap.words, this.at + COMPLETION.argsState, from, to) === from;
  }

  #take(word: number, attachments?: readonly unknown[]): unknown {
    const { heap, at } = this;
    const block = load(heap.words, at + word);
    if (block === 0) return undefined;
    let isSpent = true;
    try {
      return readMessage(heap, block, attachments);
    } catch (error) {
      isSpent = !(error instanceof UnknownClassError);
      throw error;
    } finally {
      if (isSpent) {
        store(heap.words, at + word, 0);
        heap.allocator.free(block);
      }
    }
  }
}

onDestroy(KIND.completion, (heap, at) => {
  new Completion(heap, at).loseArgs();
  const args = load(heap.words, at + COMPLETION.args);
  if (args !== 0) heap.allocator.free(args);
  const result = load(heap.words, at + COMPLETION.result);
  if (result !== 0) dropMessage(heap, result);
});

onNames(KIND.completion, (_heap, at, strike) => strike(at + COMPLETION.worker));
onInspect(KIND.completion, {
  name: "Worker",
  purpose: () => "its end",
  holders(heap, at) {
    const worker = load(heap.words, at + COMPLETION.worker);
    return { workers: worker === 0 || load(heap.words, at + COMPLETION.state) !== RUNNING ? [] : [worker], firm: true };
  },
  state: ({ words }, at) => ({ running: load(words, at + COMPLETION.state) === RUNNING }),
});
