/**
 * Where a worker's end is written down, so that others can wait for it, blocking or awaiting: one block in shared memory.
 *
 * The worker writes its result first and the state last, by CAS from RUNNING; whoever finds the worker dead makes the same CAS to GONE. So there is
 * one end, and a result is seen whole or not at all.
 */
import { loseMessage, readMessage, storeMessage } from "../codec/stored-message.js";
import type { Message } from "../codec/index.js";
import { atomics, type Heap, KIND, onDestroy, onInspect } from "../memory/index.js";

const { compareExchange, load, store } = atomics;

const COMPLETION = {
  /** RUNNING, RETURNED, THREW or GONE. Also the key that is waited for. */
  state: 0,
  /** Worker id of who runs, 0 until it has begun. */
  worker: 1,
  /** Exit code plus EXIT_CODE_BIAS, 0 while unknown. */
  exitCode: 2,
  /** Block of the stored result or error, 0 when it travels beside (threads). */
  result: 3,
  /** Block of the stored arguments (processes). */
  args: 4,
  /** 1 once its starter has asked it to end: a SIGTERM that comes then is meant for it. */
  isAskedToEnd: 5,
} as const;
const SIZE = 8;
const EXIT_CODE_BIAS = 1000;
const EVERYBODY = 0x7fffffff;

export const RUNNING = 0;
export const RETURNED = 1;
export const THREW = 2;
export const GONE = 3;

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

  /** Its starter asks it to end. Before the signal: whoever gets that finds the word. */
  askToEnd(): void {
    store(this.heap.words, this.at + COMPLETION.isAskedToEnd, 1);
  }

  get isAskedToEnd(): boolean {
    return load(this.heap.words, this.at + COMPLETION.isAskedToEnd) === 1;
  }

  /** Ends it, if nobody has; true when this call did. `message` is stored for the one who waits. */
  finish(state: typeof RETURNED | typeof THREW | typeof GONE, message?: Message): boolean {
    const { heap, at } = this;
    if (message !== undefined) {
      const block = storeMessage(heap, message);
      // Published first: a death in between leaks it, in the other order the sweep would free what the completion names.
      heap.allocator.publish(block);
      store(heap.words, at + COMPLETION.result, block);
    }
    // Before the state: whoever sees the end sees the code.
    if (state !== GONE) this.exitCode = state === RETURNED ? 0 : 1;
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
    const block = storeMessage(heap, message);
    heap.allocator.publish(block);
    store(heap.words, at + COMPLETION.args, block);
  }

  takeArgs(): unknown {
    return this.#take(COMPLETION.args);
  }

  /** The worker has ended: arguments that it did not take reach nobody. Whoever sees that it ended may say so, and more than once. */
  loseArgs(): void {
    const block = load(this.heap.words, this.at + COMPLETION.args);
    if (block !== 0) loseMessage(this.heap, block);
  }

  #take(word: number): unknown {
    const { heap, at } = this;
    const block = load(heap.words, at + word);
    if (block === 0) return undefined;
    const value = readMessage(heap, block);
    store(heap.words, at + word, 0);
    heap.allocator.free(block);
    return value;
  }
}

onDestroy(KIND.completion, (heap, at) => {
  for (const word of [COMPLETION.result, COMPLETION.args]) {
    const block = load(heap.words, at + word);
    if (block === 0) continue;
    loseMessage(heap, block);
    heap.allocator.free(block);
  }
});

onInspect(KIND.completion, {
  name: "Worker",
  purpose: () => "its end",
  holders(heap, at) {
    const worker = load(heap.words, at + COMPLETION.worker);
    return { workers: worker === 0 || load(heap.words, at + COMPLETION.state) !== RUNNING ? [] : [worker], firm: true };
  },
  state: ({ words }, at) => ({ running: load(words, at + COMPLETION.state) === RUNNING }),
});
