/**
 * A first-in, first-out queue in shared memory: records in a chain of chunks, and two ends that move apart from each
 * other, each under a mutex of its own.
 *
 * Each end counts its items and keeps its place twice; the lowest bit of the count says which copy counts. A put writes
 * the record beyond the tail, where nobody looks, then the new place into the copy that does not count, then `put`:
 * that store is the commit, of the record, the place and the number of items together. A take likewise ends with
 * `taken`. A worker killed before its commit has changed nothing, one killed after it has done all: there is nothing to
 * repair, and a half-written message is never seen. A putter that finds no room and a getter that finds no item look
 * again under the putters' mutex before they sleep. As the queue with two locks of Michael and Scott ("Simple, fast,
 * and practical non-blocking and blocking concurrent queue algorithms", 1996), with places instead of nodes.
 * Rejected: one mutex for both ends (docs/decisions/0012), and a lock-free ring of slots (Vyukov): a producer killed
 * between claiming a slot and filling it stops everybody.
 */
import { Handle, MONITOR, onInspect, onNames, registerShared } from "../objects/index.js";
import { CorruptError } from "../errors/index.js";
import { atomics, enter, leave, onDestroy, SLEEPERS } from "../memory/index.js";
import { AnyQueue } from "./any-queue.js";
import { DroppedItems } from "./dropped-items.js";
import { type QueueOptions, WHEN_FULL } from "./queue-options.js";
import { QUEUE, queueInsight } from "./queue-words.js";
import {
  CLOSED,
  END,
  FIFO,
  FIRST_CHUNK_WORDS,
  FIRST_RECORD,
  HEAD,
  HEAD_WORDS,
  MOST_CHUNK_WORDS,
  NEXT,
  OPEN,
  SIZE,
  TAIL,
  TAIL_WORDS,
} from "./fifo-words.js";
import {
  copyItem,
  type Item,
  lengthBehind,
  lengthOf,
  payloadBehind,
  payloadOf,
  read,
  type Taken,
  write,
} from "./item.js";
import { KIND } from "./kinds.js";
import { freeChunks, stateOf } from "./fifo-memory.js";

const { compareExchange, load, store } = atomics;

/**
 * Hands values from any number of producers to any number of consumers: each value to exactly one, in the order of each
 * producer.
 *
 * **Death:** an item is in the queue once `put` returned and stays when its producer dies; one that its producer was
 * still writing is never seen.
 * **Cancel:** a get that is aborted or runs out takes nothing. **Fairness:** the getter that asks first; no item waits
 * while a getter does. `null` and `undefined` are values. A value that cannot cross fails in `put`, with its path.
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
export class Queue<T = unknown> extends AnyQueue<T> {
  /** The chunk that a take has left behind, while it is inside; else 0. */
  #left = 0;
  readonly #dropped = new DroppedItems();

  /**
   * Makes an empty queue.
   *
   * @param options `maxSize`: most items; `capacity`: most bytes of encoded items; `whenFull`: whether a put that finds
   *   no room waits, is dropped, or drops what came first; `across`: how far it reaches; `label`: its name in errors
   *   and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** two blocks of shared memory.
   */
  constructor(options?: QueueOptions);
  constructor(options?: QueueOptions | Handle) {
    super(KIND.queue, SIZE, options);
    if (options instanceof Handle) return;
    const chunk = this.heap.allocator.allocate(FIRST_CHUNK_WORDS, KIND.plain);
    this.words = this.heap.words;
    const { words, at } = this;
    words[at + FIFO.tails + TAIL.chunk] = chunk;
    words[at + FIFO.tails + TAIL.place] = FIRST_RECORD;
    words[at + FIFO.tails + TAIL.end] = this.heap.allocator.sizeOfBlock(chunk);
    words[at + FIFO.heads + HEAD.chunk] = chunk;
    words[at + FIFO.heads + HEAD.place] = FIRST_RECORD;
  }

  /** @internal */
  static attach(handle: Handle): Queue {
    return new Queue(handle as never);
  }

  /** How many items are in it now. */
  get size(): number {
    this.checkUsable();
    const { words, at } = this;
    for (;;) {
      const taken = load(words, at + FIFO.taken);
      const put = load(words, at + FIFO.put);
      // Nothing was taken meanwhile: there was a moment with exactly so many.
      if (load(words, at + FIFO.taken) === taken) return (put - taken) | 0;
    }
  }

  /** Whether `shutdown` was called. */
  get isShutDown(): boolean {
    this.checkUsable();
    return load(this.words, this.at + FIFO.closed) !== OPEN;
  }

  /**
   * @internal A put that drops the oldest items enters the takers' mutex inside the putters': nobody else is inside
   * both.
   */
  protected append(item: Item, _priority: number, waits: boolean): boolean {
    this.checkUsable();
    const { heap, words, at } = this;
    const mutex = at + MONITOR.mutex;
    let drops = false;
    enter(heap, mutex);
    try {
      if (words[at + FIFO.closed] !== OPEN) this.throwClosed();
      const put = words[at + FIFO.put]!;
      const tail = at + FIFO.tails + (put & 1) * TAIL_WORDS;
      const length = lengthOf(item);
      if (!this.#hasRoom(put, tail, length)) {
        if (words[at + QUEUE.whenFull] === WHEN_FULL.dropOldest) {
          enter(heap, at + FIFO.takers);
          drops = true;
        } else if (!waits) return false;
        else {
          this.expectWake(QUEUE.puttersWait);
          // Takers do not enter this mutex: one that was done before the flag was up has woken nobody.
          if (!this.#hasRoom(put, tail, length)) return false;
        }
      }
      let chunk = words[tail + TAIL.chunk]!;
      let place = words[tail + TAIL.place]!;
      let end = words[tail + TAIL.end]!;
      const recordWords = 1 + payloadOf(item);
      if (!(chunk > 0 && place >= FIRST_RECORD && place < end))
        throw new CorruptError(
          `${this.title} goes on at word ${place} of a chunk at ${chunk} with ${end} words, which cannot be`,
        );
      // Another thread may have added the memory that the chunk stands in.
      heap.reserveWords(chunk + end);
      // One word is always left for END.
      if (place + recordWords >= end) {
        const fresh = heap.allocator.allocate(
          Math.max(Math.min(2 * end, MOST_CHUNK_WORDS), FIRST_RECORD + recordWords + 1),
          KIND.plain,
        );
        heap.words[chunk + place] = END;
        heap.words[chunk + NEXT] = fresh;
        chunk = fresh;
        place = FIRST_RECORD;
        end = heap.allocator.sizeOfBlock(fresh);
      }
      // After the allocation, which may fail: what is dropped is gone.
      if (drops) while (!this.#hasRoom(put, tail, length)) this.#dropFirst();
      heap.words[chunk + place] = write(item, heap, chunk + place + 1);
      const next = at + FIFO.tails + (1 - (put & 1)) * TAIL_WORDS;
      words[next + TAIL.chunk] = chunk;
      words[next + TAIL.place] = place + recordWords;
      words[next + TAIL.bytes] = words[tail + TAIL.bytes]! + length;
      words[next + TAIL.end] = end;
      store(words, at + FIFO.put, put + 1);
      return true;
    } finally {
      if (drops) leave(heap, at + FIFO.takers);
      leave(heap, mutex);
      if (drops) this.#dropped.lose(heap);
    }
  }

  /** @internal */
  protected look(): Taken | undefined {
    this.checkUsable();
    const { heap, words, at } = this;
    enter(heap, at + FIFO.takers);
    try {
      const taken = words[at + FIFO.taken]!;
      if (taken === load(words, at + FIFO.put)) return undefined;
      const head = at + FIFO.heads + (taken & 1) * HEAD_WORDS;
      const chunk = this.#firstChunk(head);
      const place = chunk === words[head + HEAD.chunk]! ? words[head + HEAD.place]! : FIRST_RECORD;
      const header = heap.words[chunk + place]!;
      heap.reserveWords(chunk + place + 1 + payloadBehind(header));
      return copyItem(header, heap, chunk + place + 1);
    } finally {
      leave(heap, at + FIFO.takers);
    }
  }

  /** @internal */
  protected take(waits: boolean): Taken | undefined {
    for (;;) {
      const taken = this.#takeFirst(0);
      if (taken !== undefined) return taken;
      // Closed is final: a getter that looks after it sees all that was put before.
      if (load(this.words, this.at + FIFO.closed) !== OPEN) return this.#takeFirst(0) ?? this.throwDrained();
      if (!waits || this.#expectItem()) return undefined;
    }
  }

  /** @internal */
  protected takeUndone(): Taken | undefined {
    return this.#takeFirst(1);
  }

  /** @internal */
  protected get looksEmpty(): boolean {
    return load(this.words, this.at + FIFO.put) === this.words[this.at + FIFO.taken];
  }

  /** @internal */
  protected get usedBytes(): number {
    const { words, at } = this;
    return (
      (load(words, at + FIFO.tails + (load(words, at + FIFO.put) & 1) * TAIL_WORDS + TAIL.bytes) -
        this.#head(HEAD.bytes)) |
      0
    );
  }

  /** @internal Read in this order it is 0 only if it was 0 at the moment of the last look. */
  protected get unfinished(): number {
    const { words, at } = this;
    const over = load(words, at + FIFO.done) + this.#head(HEAD.dropped);
    return (load(words, at + FIFO.put) - over) | 0;
  }

  /** @internal */
  protected finish(): number {
    const { words, at } = this;
    for (;;) {
      const done = load(words, at + FIFO.done);
      if (this.unfinished <= 0) return -1;
      if (compareExchange(words, at + FIFO.done, done, (done + 1) | 0) === done) return Math.max(0, this.unfinished);
    }
  }

  /** @internal */
  protected close(): void {
    this.inside(() => store(this.words, this.at + FIFO.closed, CLOSED));
  }

  /** @internal Every change is committed by one store: a worker that died inside has left it whole. */
  protected rebuild(): void {}

  /**
   * Under the putters' mutex, where nothing can be put: true when the queue is empty, and a wake-up will come with the
   * next item.
   */
  #expectItem(): boolean {
    return this.inside(() => {
      const { words, at } = this;
      if (words[at + FIFO.closed] !== OPEN || load(words, at + FIFO.taken) !== words[at + FIFO.put]) return false;
      this.expectWake(QUEUE.gettersWait);
      return true;
    });
  }

  /** A word of the head that counts. */
  #head(word: number): number {
    const { words, at } = this;
    for (;;) {
      const taken = load(words, at + FIFO.taken);
      const value = load(words, at + FIFO.heads + (taken & 1) * HEAD_WORDS + word);
      // The copy is written again only after the other one counts.
      if (load(words, at + FIFO.taken) === taken) return value;
    }
  }

  /** Whether so many more bytes find room. Inside the putters' mutex; takers only make more of it. */
  #hasRoom(put: number, tail: number, length: number): boolean {
    const { words, at } = this;
    const maxSize = words[at + QUEUE.maxSize]!;
    if (maxSize > 0 && ((put - words[at + FIFO.seenTaken]!) | 0) >= maxSize) {
      const taken = load(words, at + FIFO.taken);
      words[at + FIFO.seenTaken] = taken;
      if (((put - taken) | 0) >= maxSize) return false;
    }
    const capacity = words[at + QUEUE.capacity]!;
    return capacity === 0 || ((words[tail + TAIL.bytes]! - this.#head(HEAD.bytes)) | 0) + length <= capacity;
  }

  #takeFirst(dropped: 0 | 1): Taken | undefined {
    this.checkUsable();
    const { heap, at } = this;
    const mutex = at + FIFO.takers;
    let result: Taken | undefined;
    let left = 0;
    enter(heap, mutex);
    try {
      result = this.#takeInside(dropped);
      left = this.#left;
      this.#left = 0;
    } finally {
      leave(heap, mutex);
    }
    if (left !== 0) heap.allocator.free(left);
    return result;
  }

  /** Takes the first item, inside the takers' mutex. A chunk that it leaves behind is `#left`, to be freed outside. */
  #takeInside(dropped: 0 | 1): Taken | undefined {
    const { heap, words, at } = this;
    const taken = words[at + FIFO.taken]!;
    if (taken === words[at + FIFO.seenPut]) {
      const put = load(words, at + FIFO.put);
      if (taken === put) return undefined;
      words[at + FIFO.seenPut] = put;
    }
    const head = at + FIFO.heads + (taken & 1) * HEAD_WORDS;
    let place = words[head + HEAD.place]!;
    const before = words[head + HEAD.chunk]!;
    const chunk = this.#firstChunk(head);
    if (chunk !== before) place = FIRST_RECORD;
    const header = heap.words[chunk + place]!;
    const payloadWords = payloadBehind(header);
    heap.reserveWords(chunk + place + 1 + payloadWords);
    const result = read(header, heap, chunk + place + 1);
    const next = at + FIFO.heads + (1 - (taken & 1)) * HEAD_WORDS;
    words[next + HEAD.chunk] = chunk;
    words[next + HEAD.place] = place + 1 + payloadWords;
    words[next + HEAD.bytes] = words[head + HEAD.bytes]! + lengthBehind(header, heap, chunk + place + 1);
    words[next + HEAD.dropped] = words[head + HEAD.dropped]! + dropped;
    store(words, at + FIFO.taken, taken + 1);
    if (chunk !== before) this.#left = before;
    return result;
  }

  /**
   * The chunk in which the first item lies, of a queue that is not empty; at its beginning, where it is not the head's.
   * Inside the takers' mutex.
   */
  #firstChunk(head: number): number {
    const { heap, words } = this;
    let chunk = words[head + HEAD.chunk]!;
    const place = words[head + HEAD.place]!;
    heap.reserveWords(chunk + place + 1);
    if (heap.words[chunk + place] !== END) return chunk;
    chunk = heap.words[chunk + NEXT]!;
    heap.reserveWords(chunk + FIRST_RECORD + 1);
    return chunk;
  }

  /** Takes the first item out for one that needs its room. It counts as done. Inside both mutexes. */
  #dropFirst(): void {
    const taken = this.#takeInside(1);
    if (taken === undefined) throw new CorruptError(`${this.title} has no room, and no item that could make any`);
    this.#dropped.add(taken, this.#left);
    this.#left = 0;
  }
}

onDestroy(KIND.queue, freeChunks);
onInspect(KIND.queue, queueInsight("Queue", stateOf));
onNames(KIND.queue, (_heap, at, strike) => {
  strike(at + MONITOR.mutex, 0, SLEEPERS);
  strike(at + FIFO.takers);
});
registerShared(KIND.queue, Queue);
