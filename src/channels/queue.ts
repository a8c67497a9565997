/**
 * A first-in, first-out queue in shared memory: records in a chain of chunks, and a state of eight words kept twice.
 *
 * Every change is made inside the mutex: it writes records beyond the tail, then all eight words into the copy that is not live, then flips `live`. The flip is
 * the commit: a worker killed before it has changed nothing, one killed after it has done all. There is nothing to repair, and a half-written message is never seen.
 * Long messages are copied outside the mutex into a block of their own (codec/stored-message.ts); the record names the block.
 * Rejected: a lock-free ring of slots (Vyukov). It is faster, but a producer killed between claiming a slot and filling it stops everybody.
 */
import { decode, encode, type Message } from "../codec/index.js";
import { Handle, type Reach, registerShared } from "../codec/shared-object.js";
import { readMessage, storedLength, storeMessage } from "../codec/stored-message.js";
import {
  ArgumentRangeError,
  ArgumentTypeError,
  QueueShutDown,
  ReleasedTooOftenError,
  TimeoutError,
  TooLargeError,
  UnknownClassError,
} from "../errors/index.js";
import { type Attempt, atomics, deadlineOf, KIND, onDestroy, signalOf, type SyncWait, type WaitOptions } from "../memory/index.js";
import { MONITOR_WORDS, Monitor } from "../sync/monitor.js";
import { type Choice, choiceOf, type Selectable, selectable } from "../sync/selectable.js";

const { load, store } = atomics;

const QUEUE = {
  /** 1 when a getter may wait; its offset is the getters' key. */
  gettersWait: MONITOR_WORDS,
  /** 1 when a putter may wait; its offset is the putters' key. */
  puttersWait: MONITOR_WORDS + 1,
  /** 1 when somebody may wait in join; its offset is their key. */
  joinersWait: MONITOR_WORDS + 2,
  /** Most items, 0 for no bound. Set once. */
  maxSize: MONITOR_WORDS + 3,
  /** Most bytes, 0 for no bound. Set once. */
  capacity: MONITOR_WORDS + 4,
  /** Which copy of the state counts: 0 or 1. */
  live: MONITOR_WORDS + 5,
  state: MONITOR_WORDS + 6,
} as const;

/** One copy of the state. Positions count words from the chunk's start. */
const STATE = { headChunk: 0, head: 1, tailChunk: 2, tail: 3, size: 4, bytes: 5, unfinished: 6, closed: 7 } as const;
const STATE_WORDS = 8;
const SIZE = QUEUE.state + 2 * STATE_WORDS;

const OPEN = 0;
const CLOSED = 1;

/** A chunk: a link, then records. */
const NEXT = 0;
const FIRST_RECORD = 1;
const FIRST_CHUNK_WORDS = 64;
const CHUNK_WORDS = 1536;

/** A record: its length in bytes, then its bytes; or STORED and the block of a stored message; or END where the next chunk begins. */
const STORED = -1;
const END = -2;
const MOST_INLINE_BYTES = 1024;
const EVERYBODY = 0x7fffffff;
/** Looks at an empty queue before a blocking getter arms its node: about the time that a wake-up takes. */
const SPINS = atomics.spins(400);

/** What is appended: a message still in the encoder, a copy of it, or a stored one. */
type Item = Pick<Message, "length" | "writeTo"> | StoredItem;

interface StoredItem {
  readonly length: number;
  readonly block: number;
}

/** What was taken out. */
type Taken = { readonly bytes: Uint8Array; readonly length: number } | { readonly block: number };

const APPENDED = 1;
const FULL = 2;

/** What it is bounded by. */
export interface QueueOptions extends Reach {
  /** Most items; 0 or absent for no bound. */
  maxSize?: number | undefined;
  /** Most bytes of encoded items; 0 or absent for no bound. */
  capacity?: number | undefined;
}

/**
 * Hands values from any number of producers to any number of consumers: each value to exactly one, in the order of each producer.
 *
 * **Death:** an item is in the queue once `put` returned and stays when its producer dies; one that its producer was still writing is never seen.
 * **Cancel:** a get that is aborted or runs out takes nothing. **Fairness:** whoever asks first; no item waits while a getter does.
 * `null` and `undefined` are values. A value that cannot cross fails in `put`, with its path.
 *
 * @example
 * ```ts
 * import { Queue } from "allcores";
 * const queue = new Queue<string>({ maxSize: 10 });
 * queue.putSync("apple");
 * console.log(await queue.get()); // apple
 * console.log(queue.tryGet()); // undefined
 * ```
 */
export class Queue<T = unknown> extends Monitor implements AsyncIterable<T>, Iterable<T>, Selectable<T> {
  constructor(options?: QueueOptions);
  constructor(options?: QueueOptions | Handle) {
    const attached = options instanceof Handle;
    const maxSize = attached ? 0 : bound(options?.maxSize, "maxSize");
    const capacity = attached ? 0 : bound(options?.capacity, "capacity");
    super(KIND.queue, SIZE, options);
    if (attached) return;
    const chunk = this.heap.allocator.allocate(FIRST_CHUNK_WORDS, KIND.plain);
    const words = this.heap.words;
    this.words = words;
    words[this.at + QUEUE.maxSize] = maxSize;
    words[this.at + QUEUE.capacity] = capacity;
    words[this.at + QUEUE.state + STATE.headChunk] = chunk;
    words[this.at + QUEUE.state + STATE.tailChunk] = chunk;
    words[this.at + QUEUE.state + STATE.head] = FIRST_RECORD;
    words[this.at + QUEUE.state + STATE.tail] = FIRST_RECORD;
  }

  /** @internal */
  static attach(handle: Handle): Queue {
    return new Queue(handle as never);
  }

  /** Puts a value at the end, blocking this thread while there is no room. @throws TimeoutError, QueueShutDown, TooLargeError, UnsendableError */
  putSync(value: T, options?: SyncWait): void {
    const deadline = deadlineOf(options);
    const item = this.#item(value);
    if (this.#append(item) === APPENDED) return;
    const waiting = keep(item);
    let done: typeof APPENDED | undefined;
    try {
      done = deadline === 0 ? undefined : this.heap.parker.blockUntil(this.at + QUEUE.puttersWait, this.#putAttempt(waiting), deadline);
    } finally {
      if (done === undefined) this.#discard(waiting);
    }
    if (done === undefined) this.#timedOut("room", options);
  }

  /** Puts a value at the end, waiting while there is no room. @throws TimeoutError, QueueShutDown, TooLargeError, UnsendableError; the reason of `options.signal` */
  async put(value: T, options?: WaitOptions): Promise<void> {
    const deadline = deadlineOf(options);
    const signal = signalOf(options);
    const item = this.#item(value);
    if (this.#append(item) === APPENDED) return;
    const waiting = keep(item);
    let done: typeof APPENDED | undefined;
    try {
      done = deadline === 0 ? undefined : await this.heap.parker.waitUntil(this.at + QUEUE.puttersWait, this.#putAttempt(waiting), deadline, signal);
    } finally {
      if (done === undefined) this.#discard(waiting);
    }
    if (done === undefined) this.#timedOut("room", options);
  }

  /** Puts a value if there is room now; false when there is none. @throws QueueShutDown, TooLargeError, UnsendableError */
  tryPut(value: T): boolean {
    const item = this.#item(value);
    if (this.#append(item) === APPENDED) return true;
    this.#discard(keep(item));
    return false;
  }

  /** Takes the first value, blocking this thread while there is none. @throws TimeoutError; QueueShutDown once it is shut down and drained */
  getSync(options?: SyncWait): T {
    const deadline = deadlineOf(options);
    let taken = this.#take();
    if (taken === undefined && deadline !== 0) {
      for (let spin = 0; spin < SPINS && this.words[this.#live + STATE.size] === 0; spin++);
      taken = this.#take() ?? this.heap.parker.blockUntil(this.at + QUEUE.gettersWait, this.#getAttempt, deadline);
    }
    return taken === undefined ? this.#timedOut("an item", options) : this.#open(taken);
  }

  /** Takes the first value, waiting while there is none. @throws TimeoutError; QueueShutDown once it is shut down and drained; the reason of `options.signal` */
  async get(options?: WaitOptions): Promise<T> {
    const deadline = deadlineOf(options);
    const signal = signalOf(options);
    const taken =
      this.#take() ?? (deadline === 0 ? undefined : await this.heap.parker.waitUntil(this.at + QUEUE.gettersWait, this.#getAttempt, deadline, signal));
    if (taken === undefined) this.#timedOut("an item", options);
    for (const loaded = new Set<string>(); ; ) {
      try {
        return this.#open(taken);
      } catch (error) {
        if (!(error instanceof UnknownClassError) || loaded.has(error.module)) throw error;
        loaded.add(error.module);
        await import(error.module);
      }
    }
  }

  /** Takes the first value if there is one now. @throws QueueShutDown once it is shut down and drained */
  tryGet(): { value: T } | undefined {
    const taken = this.#take();
    return taken === undefined ? undefined : { value: this.#open(taken) };
  }

  /** How many items are in it now. */
  get size(): number {
    this.checkUsable();
    return this.words[this.#live + STATE.size]!;
  }

  /** Whether no item is in it now. */
  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Whether no further item finds room now. */
  get isFull(): boolean {
    this.checkUsable();
    const { words, at } = this;
    const live = this.#live;
    const maxSize = words[at + QUEUE.maxSize]!;
    const capacity = words[at + QUEUE.capacity]!;
    return (maxSize > 0 && words[live + STATE.size]! >= maxSize) || (capacity > 0 && words[live + STATE.bytes]! >= capacity);
  }

  /** Whether `shutdown` was called. */
  get isShutDown(): boolean {
    this.checkUsable();
    return this.words[this.#live + STATE.closed] !== OPEN;
  }

  /** An item that was taken out has been dealt with: what `join` counts. @throws ReleasedTooOftenError when called more often than items were put */
  taskDone(): void {
    const left = this.inside(() => {
      const live = this.#live;
      if (this.words[live + STATE.unfinished] === 0) throw new ReleasedTooOftenError(`taskDone() was called more often than items were put into ${this.title}`);
      const next = this.#draft(live);
      const unfinished = --this.words[next + STATE.unfinished]!;
      this.#commit(next);
      return unfinished;
    });
    if (left === 0) this.wake(this.at + QUEUE.joinersWait, EVERYBODY, QUEUE.joinersWait);
  }

  /** Waits until every item that was put has been taken and `taskDone` called for it. @throws TimeoutError; the reason of `options.signal` */
  async join(options?: WaitOptions): Promise<void> {
    const deadline = deadlineOf(options);
    const signal = signalOf(options);
    if (this.#joinAttempt(false)) return;
    if (deadline === 0 || !(await this.heap.parker.waitUntil(this.at + QUEUE.joinersWait, this.#joinAttempt, deadline, signal)))
      this.#timedOut("the end of all tasks", options);
  }

  /** As `join`, blocking this thread. @throws TimeoutError */
  joinSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    if (this.#joinAttempt(false)) return;
    if (deadline === 0 || !this.heap.parker.blockUntil(this.at + QUEUE.joinersWait, this.#joinAttempt, deadline))
      this.#timedOut("the end of all tasks", options);
  }

  /** Lets nothing more in. What is in it can still be taken, unless `immediate`, which drops it. Then, and for everybody who waits in vain, `QueueShutDown`. */
  shutdown(options: { immediate?: boolean | undefined } = {}): void {
    if (typeof options !== "object" || options === null)
      throw new ArgumentTypeError(`options must be an object such as { immediate: true }, got ${typeof options}`);
    const { immediate = false } = options;
    if (typeof immediate !== "boolean") throw new ArgumentTypeError(`options.immediate must be true or false, got ${typeof immediate}`);
    this.inside(() => {
      const next = this.#draft(this.#live);
      this.words[next + STATE.closed] = CLOSED;
      this.#commit(next);
    });
    if (immediate) {
      for (let taken = this.#takeIfAny(true); taken !== undefined; taken = this.#takeIfAny(true)) this.#drop(taken);
    }
    const { waitQueue } = this.heap;
    waitQueue.wake(this.at + QUEUE.gettersWait, EVERYBODY);
    waitQueue.wake(this.at + QUEUE.puttersWait, EVERYBODY);
    waitQueue.wake(this.at + QUEUE.joinersWait, EVERYBODY);
  }

  /** Takes values until the queue is shut down and drained. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) yield await this.get();
    } catch (error) {
      if (!(error instanceof QueueShutDown)) throw error;
    }
  }

  /** Takes values until the queue is shut down and drained, blocking this thread while it is empty. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    try {
      for (;;) yield this.getSync();
    } catch (error) {
      if (!(error instanceof QueueShutDown)) throw error;
    }
  }

  /** What `select` waits for: the first value, which is taken if it is chosen. One that is shut down and drained fails with `QueueShutDown`. */
  [selectable](): Choice<T> {
    return choiceOf<Taken, T>({
      heap: this.heap,
      key: this.at + QUEUE.gettersWait,
      poll: () => this.#take(),
      begin: () => this.#getAttempt,
      open: (taken) => this.#open(taken),
    });
  }

  /** The state is committed by one store: a worker that died inside has left it whole. */
  protected rebuild(): void {}

  get #live(): number {
    return this.at + QUEUE.state + load(this.words, this.at + QUEUE.live) * STATE_WORDS;
  }

  /** Copies the live state into the other copy and returns where that stands. Inside the mutex. */
  #draft(live: number): number {
    const { words, at } = this;
    const first = at + QUEUE.state;
    const next = live === first ? first + STATE_WORDS : first;
    for (let word = 0; word < STATE_WORDS; word++) words[next + word] = words[live + word]!;
    return next;
  }

  #commit(next: number): void {
    store(this.words, this.at + QUEUE.live, next === this.at + QUEUE.state ? 0 : 1);
  }

  #item(value: T): Item {
    this.checkUsable();
    const message = encode(value, { to: this.heap.across, root: "value" });
    const capacity = this.words[this.at + QUEUE.capacity]!;
    const { length } = message;
    if (capacity > 0 && length > capacity) {
      this.#discard(message);
      throw new TooLargeError(`a value of ${length} bytes never fits into ${this.title}, whose capacity is ${capacity} bytes`);
    }
    if (length <= MOST_INLINE_BYTES) return message;
    const block = storeMessage(this.heap, message);
    message.release();
    return { length, block };
  }

  #append(item: Item): typeof APPENDED | typeof FULL {
    let result: typeof APPENDED | typeof FULL;
    try {
      result = this.inside(() => this.#appendInside(item, false));
    } catch (error) {
      this.#discard(item);
      throw error;
    }
    if (result === APPENDED) this.wake(this.at + QUEUE.gettersWait, 1, QUEUE.gettersWait);
    return result;
  }

  #putAttempt(item: Item): Attempt<typeof APPENDED> {
    return () => {
      const result = this.inside(() => this.#appendInside(item, true));
      if (result !== APPENDED) return undefined;
      // One large item may have made room for several: each that gets in wakes the next.
      if (!this.isFull) this.wake(this.at + QUEUE.puttersWait, 1, QUEUE.puttersWait);
      this.wake(this.at + QUEUE.gettersWait, 1, QUEUE.gettersWait);
      return APPENDED;
    };
  }

  #appendInside(item: Item, waits: boolean): typeof APPENDED | typeof FULL {
    const { at, heap, words } = this;
    const live = this.#live;
    if (words[live + STATE.closed] !== OPEN) throw new QueueShutDown(`${this.title} was shut down: nothing more can be put into it`);
    const maxSize = words[at + QUEUE.maxSize]!;
    const capacity = words[at + QUEUE.capacity]!;
    if ((maxSize > 0 && words[live + STATE.size]! >= maxSize) || (capacity > 0 && words[live + STATE.bytes]! + item.length > capacity)) {
      if (waits) this.expectWake(QUEUE.puttersWait);
      return FULL;
    }
    const recordWords = "block" in item ? 2 : 1 + ((item.length + 3) >> 2);
    const next = this.#draft(live);
    let chunk = words[next + STATE.tailChunk]!;
    let tail = words[next + STATE.tail]!;
    // Another thread may have added the memory that the chunk stands in.
    heap.reserveWords(chunk + tail + 1);
    // One word is always left for END.
    if (tail + recordWords >= heap.allocator.sizeOfBlock(chunk)) {
      const fresh = heap.allocator.allocate(Math.max(CHUNK_WORDS, FIRST_RECORD + recordWords + 1), KIND.plain);
      heap.words[chunk + tail] = END;
      heap.words[chunk + NEXT] = fresh;
      chunk = fresh;
      tail = FIRST_RECORD;
      words[next + STATE.tailChunk] = chunk;
    }
    heap.reserveWords(chunk + tail + recordWords);
    if ("block" in item) {
      heap.words[chunk + tail] = STORED;
      heap.words[chunk + tail + 1] = item.block;
      // A death between here and the commit leaks the block, which is no longer a draft and not yet the queue's; the other order could free one in use.
      heap.allocator.publish(item.block);
    } else {
      heap.words[chunk + tail] = item.length;
      item.writeTo(heap.bytes, (chunk + tail + 1) * 4);
    }
    words[next + STATE.tail] = tail + recordWords;
    words[next + STATE.size]!++;
    words[next + STATE.bytes]! += item.length;
    words[next + STATE.unfinished]!++;
    this.#commit(next);
    return APPENDED;
  }

  /** The first item; undefined when there is none yet. @throws QueueShutDown */
  #take(): Taken | undefined {
    return this.#takeIfAny(false);
  }

  readonly #getAttempt: Attempt<Taken> = () => this.#takeOrExpect();

  #takeIfAny(dropping: boolean): Taken | undefined {
    const taken = this.inside(() => {
      const live = this.#live;
      if (this.words[live + STATE.size] !== 0) return this.#takeInside(live, dropping);
      if (!dropping && this.words[live + STATE.closed] !== OPEN) this.#throwShutDown();
      return undefined;
    });
    return this.#taken(taken);
  }

  #takeOrExpect(): Taken | undefined {
    const taken = this.inside(() => {
      const live = this.#live;
      if (this.words[live + STATE.size] !== 0) return this.#takeInside(live, false);
      if (this.words[live + STATE.closed] !== OPEN) this.#throwShutDown();
      this.expectWake(QUEUE.gettersWait);
      return undefined;
    });
    return this.#taken(taken);
  }

  /** After the mutex: there is room, and the chunk that was left behind is free. */
  #taken(taken: (Taken & { left: number }) | undefined): Taken | undefined {
    if (taken === undefined) return undefined;
    if (taken.left !== 0) this.heap.allocator.free(taken.left);
    this.wake(this.at + QUEUE.puttersWait, 1, QUEUE.puttersWait);
    return taken;
  }

  #takeInside(live: number, dropping: boolean): Taken & { left: number } {
    const { heap, words } = this;
    const next = this.#draft(live);
    let chunk = words[next + STATE.headChunk]!;
    let head = words[next + STATE.head]!;
    let left = 0;
    heap.reserveWords(chunk + head + 1);
    if (heap.words[chunk + head] === END) {
      left = chunk;
      chunk = heap.words[chunk + NEXT]!;
      head = FIRST_RECORD;
      words[next + STATE.headChunk] = chunk;
    }
    heap.reserveWords(chunk + head + 2);
    const length = heap.words[chunk + head]!;
    let taken: Taken & { left: number };
    let size: number;
    if (length === STORED) {
      const block = heap.words[chunk + head + 1]!;
      // Its header, and where an extent tells its length.
      heap.reserveWords(block + 8);
      taken = { block, left };
      head += 2;
      size = storedLength(heap, block);
    } else {
      heap.reserveWords(chunk + head + 1 + ((length + 3) >> 2));
      const bytes = copyOf(heap.bytes, (chunk + head + 1) * 4, length);
      taken = { bytes, length, left };
      head += 1 + ((length + 3) >> 2);
      size = length;
    }
    words[next + STATE.head] = head;
    words[next + STATE.bytes]! -= size;
    if (dropping) words[next + STATE.unfinished]!--;
    if (--words[next + STATE.size]! === 0 && words[next + STATE.tailChunk] === chunk) {
      // Empty: the chunk is used from its start again.
      words[next + STATE.head] = FIRST_RECORD;
      words[next + STATE.tail] = FIRST_RECORD;
    }
    this.#commit(next);
    return taken;
  }

  #open(taken: Taken): T {
    if ("bytes" in taken) {
      const value = decode(taken.bytes, 0, taken.length);
      giveBack(taken.bytes);
      return value as T;
    }
    this.heap.allocator.adopt(taken.block);
    const value = readMessage(this.heap, taken.block);
    this.heap.allocator.free(taken.block);
    return value as T;
  }

  /** Lets go of what an item carries that nobody will take. */
  #drop(taken: Taken): void {
    try {
      this.#open(taken);
    } catch {
      // It could not have been taken either.
    }
  }

  #discard(item: Item): void {
    if ("block" in item) {
      this.#drop(item);
      return;
    }
    const bytes = new Uint8Array(item.length);
    item.writeTo(bytes, 0);
    this.#drop({ bytes, length: item.length });
  }

  readonly #joinAttempt: Attempt<true> = () =>
    this.inside(() => {
      if (this.words[this.#live + STATE.unfinished] === 0) return true;
      this.expectWake(QUEUE.joinersWait);
      return undefined;
    });

  #throwShutDown(): never {
    throw new QueueShutDown(`${this.title} was shut down and is empty: nothing more will come out of it`);
  }

  #timedOut(what: string, options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} had not ${what} within ${options?.timeout} ms`);
  }
}

function bound(value: number | undefined, name: string): number {
  if (value === undefined) return 0;
  if (typeof value !== "number") throw new ArgumentTypeError(`options.${name} must be a number, got ${typeof value}`);
  if (value === Number.POSITIVE_INFINITY) return 0;
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff)
    throw new ArgumentRangeError(`options.${name} must be a whole number from 0 (no bound), got ${value}`);
  return value;
}

/** An item that outlasts the encoder's next message. */
function keep(item: Item): Item {
  if ("block" in item) return item;
  const bytes = new Uint8Array(item.length);
  item.writeTo(bytes, 0);
  return { length: item.length, writeTo: (target, at) => target.set(bytes, at) };
}

/** Room for one inline message; absent while one is being decoded, since decoding may itself take from a queue. */
let scratch: Uint8Array | undefined;

function copyOf(source: Uint8Array, at: number, length: number): Uint8Array {
  const bytes = scratch ?? new Uint8Array(MOST_INLINE_BYTES);
  scratch = undefined;
  if (length < 64) for (let index = 0; index < length; index++) bytes[index] = source[at + index]!;
  else bytes.set(source.subarray(at, at + length));
  return bytes;
}

function giveBack(bytes: Uint8Array): void {
  if (bytes.length === MOST_INLINE_BYTES) scratch = bytes;
}

onDestroy(KIND.queue, (heap, at) => {
  const live = at + QUEUE.state + load(heap.words, at + QUEUE.live) * STATE_WORDS;
  let chunk = heap.words[live + STATE.headChunk]!;
  let head = heap.words[live + STATE.head]!;
  for (let left = heap.words[live + STATE.size]!; left > 0; ) {
    heap.reserveWords(chunk + head + 2);
    const length = heap.words[chunk + head]!;
    if (length === END) {
      const next = heap.words[chunk + NEXT]!;
      heap.allocator.free(chunk);
      chunk = next;
      head = FIRST_RECORD;
      continue;
    }
    if (length === STORED) heap.allocator.free(heap.words[chunk + head + 1]!);
    head += length === STORED ? 2 : 1 + ((length + 3) >> 2);
    left--;
  }
  heap.allocator.free(chunk);
});
registerShared(KIND.queue, Queue);
