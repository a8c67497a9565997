/**
 * A queue in shared memory that gives out the lowest priority first: items in slots, and a binary heap of slots that is
 * only derived.
 *
 * A put writes its slot, with the next sequence number, and commits by the flip of the state, which counts that number
 * up: a slot is taken up only if its number is below the state's. A take commits by the flip too, which notes the slot
 * and its number; emptying the slot comes after it. So after a death inside the mutex the slots and the state tell what
 * is in the queue, and `rebuild` makes the heap and the list of free slots anew. Equal priorities come out in the order
 * of their numbers, which is that of the puts.
 * Rejected: keeping the heap itself twice. Each change of it touches many words.
 */
import { Handle, onInspect, onMonitorNames, registerShared } from "../objects/index.js";
import { ArgumentRangeError, ArgumentTypeError, CorruptError, KnownOptions, ownOptions } from "../errors/index.js";
import { atomics, BLOCKS_AT, HEADER, type Heap, onDestroy, Walk } from "../memory/index.js";
import type { PutPriority, QueueOptions } from "./queue-options.js";
import { AFTER_STATE, FlipQueue, flipInsight, liveState, STATE } from "./flip-queue.js";
import { copyItem, type Item, lengthBehind, loseItem, read, type Taken, write } from "./item.js";
import { KIND } from "./kinds.js";

const { store } = atomics;

/**
 * The priority queue's part of the state. `sequence`: the number of the next item, modulo 2^32; `taken`,
 * `takenSequence`: what the last take took out; `turns`: how often the numbers have begun anew.
 */
const RANKS = { sequence: 4, taken: 5, takenSequence: 6, turns: 7 } as const;

/** Derived from the slots and the state, all but `segments` and `firstHeap`. */
const PRIORITY = {
  /** The newest block of slots; a link leads from each to the one before. */
  segments: AFTER_STATE,
  /** How many slots there are in all. */
  slots: AFTER_STATE + 1,
  /** First free slot, 0 for none. */
  free: AFTER_STATE + 2,
  /** The block of the heap: places of slots, the first one out at the front. It has room for every slot. */
  heap: AFTER_STATE + 3,
  /** How many slots stand in the heap. */
  heaped: AFTER_STATE + 4,
  /** The heap's first block, which an empty queue goes back to. */
  firstHeap: AFTER_STATE + 5,
} as const;

/** A block of slots: the link, then as many slots as it has room for. */
const OLDER = 0;
const FIRST_SLOT = 2;
const FIRST_SLOTS = 7;
const MOST_SLOTS = 1024;

const SLOT = {
  /**
   * Once it was written for an item: 1 more than the turns of the numbers before its own; else 0. Whether that item is
   * in the queue is told by its number.
   */
  used: 0,
  /** The item's number; in a free slot the next free one. */
  sequence: 1,
  /** The priority as two words that compare as it does, the upper one signed, the lower one not. */
  upper: 2,
  lower: 3,
  header: 4,
  payload: 5,
} as const;
const SLOT_WORDS = 16;
const MOST_INLINE_BYTES = (SLOT_WORDS - SLOT.payload) * 4;

/** What a PriorityQueue is bounded by, and how it tells what comes first. */
export interface PriorityQueueOptions<T> extends QueueOptions {
  /**
   * The priority of an item that is put without one, by this worker: functions do not travel. Lower comes out first.
   * Asked once, in `put`.
   */
  priority?: ((item: T) => number) | undefined;
}

const PRIORITY_QUEUE_OPTIONS = new KnownOptions<PriorityQueueOptions<never>>({
  across: true,
  label: true,
  maxSize: true,
  capacity: true,
  whenFull: true,
  priority: true,
});
/**
 * Hands out the value of the lowest priority first, equal ones in the order in which they were put; each to exactly one
 * consumer. In everything else it is a `Queue`.
 *
 * The priority is `put(value, { priority })`; else what the queue's own `priority` function says, in the worker that
 * made the queue; else the value itself, if it is a number, or its first element, if it is an array that begins with
 * one, as Python's `(priority, item)`. A value without a priority, or NaN, fails in `put`, and changes nothing.
 *
 * **Death:** an item is in the queue once `put` returned and stays when its producer dies; one that its producer was
 * still writing is never seen.
 * **Cancel:** a get that is aborted or runs out takes nothing. **Fairness:** among getters, the one that asks first; an
 * item waits as long as more urgent ones come.
 *
 * @example
 * ```ts
 * import { PriorityQueue } from "allcores";
 * const queue = new PriorityQueue<string>({ priority: (word) => word.length });
 * for (const word of ["cherry", "fig", "plum"]) queue.putSync(word);
 * queue.putSync("watermelon", { priority: 0 });
 * console.log(queue.getSync(), await queue.get()); // watermelon fig
 * ```
 */
export class PriorityQueue<T = unknown> extends FlipQueue<T, PutPriority> {
  readonly #priority: ((item: T) => number) | undefined;

  /**
   * Makes an empty queue.
   *
   * @param options `priority`: tells the priority of an item, in this worker; `maxSize`: most items; `capacity`:
   *   most bytes of encoded items; `whenFull`: whether a put that finds no room waits or is dropped, however urgent its
   *   item; `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** three blocks of shared memory.
   */
  constructor(options?: PriorityQueueOptions<T>);
  constructor(options?: PriorityQueueOptions<T> | Handle) {
    options = ownOptions(options);
    const priority = options instanceof Handle ? undefined : options?.priority;
    if (priority !== undefined && typeof priority !== "function")
      throw new ArgumentTypeError(
        `options.priority must be a function such as (item) => item.rank, got ${typeof priority}`,
      );
    super(KIND.priorityQueue, options, PRIORITY_QUEUE_OPTIONS);
    this.#priority = priority;
    if (options instanceof Handle) return;
    const firstHeap = this.heap.allocator.allocate(2 * FIRST_SLOTS, KIND.plain);
    this.words = this.heap.words;
    this.words[this.at + PRIORITY.firstHeap] = firstHeap;
    this.words[this.at + PRIORITY.heap] = firstHeap;
    this.#addSlots(FIRST_SLOTS);
  }

  /** @internal */
  static attach(handle: Handle): PriorityQueue {
    return new PriorityQueue(handle as never);
  }

  /** @internal */
  protected override priorityOf(value: T, options: PutPriority | undefined): number {
    options = ownOptions(options);
    let priority: unknown = options?.priority;
    if (priority === undefined) {
      if (this.#priority !== undefined) priority = this.#priority(value);
      else priority = Array.isArray(value) ? value[0] : value;
      if (typeof priority !== "number") {
        throw new ArgumentTypeError(
          this.#priority !== undefined
            ? `the priority function of ${this.title} must return a number, got ${typeof priority}`
            : `${this.title} cannot tell the priority of this value: say put(value, { priority: 1 }), or put a number or an array that begins with one; a priority function stays with the worker that made the queue`,
        );
      }
    } else if (typeof priority !== "number")
      throw new ArgumentTypeError(`options.priority must be a number, got ${typeof priority}`);
    if (Number.isNaN(priority)) throw new ArgumentRangeError(`NaN is no priority: ${this.title} could not order it`);
    return priority;
  }

  /** @internal */
  protected override get mostInlineBytes(): number {
    return MOST_INLINE_BYTES;
  }

  /** @internal */
  protected push(item: Item, priority: number, next: number): number {
    const { heap, words, at } = this;
    heap.catchUp();
    if (words[at + PRIORITY.free] === 0) this.#addSlots(Math.min(words[at + PRIORITY.slots]!, MOST_SLOTS));
    const slot = this.#checkSlot(words[at + PRIORITY.free]!);
    words[at + PRIORITY.free] = heap.words[slot + SLOT.sequence]!;
    heap.words[slot + SLOT.sequence] = words[next + RANKS.sequence]!;
    writePriority(heap.words, slot, priority);
    heap.words[slot + SLOT.header] = write(item, heap, slot + SLOT.payload);
    heap.words[slot + SLOT.used] = words[next + RANKS.turns]! + 1;
    if (++words[next + RANKS.sequence]! === 0) words[next + RANKS.turns]!++;
    return slot;
  }

  /** @internal */
  protected override pushed(slot: number): void {
    const { words, at } = this;
    this.#rise(words[at + PRIORITY.heaped]!++, slot);
  }

  /** @internal */
  protected pop(next: number): Taken {
    const { heap, words, at } = this;
    heap.catchUp();
    const slot = this.#checkSlot(heap.words[words[at + PRIORITY.heap]!]!);
    const header = heap.words[slot + SLOT.header]!;
    words[next + RANKS.taken] = slot;
    words[next + RANKS.takenSequence] = heap.words[slot + SLOT.sequence]!;
    words[next + STATE.bytes]! -= lengthBehind(header, heap, slot + SLOT.payload);
    return read(header, heap, slot + SLOT.payload);
  }

  /** @internal */
  protected copyNext(): Taken {
    const { heap, words, at } = this;
    heap.catchUp();
    const slot = this.#checkSlot(heap.words[words[at + PRIORITY.heap]!]!);
    return copyItem(heap.words[slot + SLOT.header]!, heap, slot + SLOT.payload);
  }

  /** A slot that a word names lies among the blocks. */
  #checkSlot(slot: number): number {
    const { words } = this.heap;
    if (slot >= BLOCKS_AT && slot < atomics.load(words, HEADER.brk)) return slot;
    throw new CorruptError(`a word of ${this.title} names word ${slot} as a slot, which it is not`);
  }

  /** @internal */
  protected override popped(live: number): void {
    const { heap, words, at } = this;
    this.#release(words[live + RANKS.taken]!);
    const left = --words[at + PRIORITY.heaped]!;
    if (left > 0) this.#sink(heap.words[words[at + PRIORITY.heap]! + left]!, left);
    else if (heap.words[words[at + PRIORITY.segments]! + OLDER] !== 0) this.#giveBack();
  }

  /** @internal Makes the heap and the list of free slots anew from the slots that the state counts in. */
  protected rebuild(): void {
    this.heap.catchUp();
    const live = liveState(this.words, this.at);
    this.words[this.at + PRIORITY.heaped] = 0;
    this.#listSlots((slot) => {
      if (!isTakenUp(this.heap.words, slot, live)) return false;
      this.pushed(slot);
      return true;
    });
  }

  /** Counts the slots, and makes the list of those that are free. */
  #listSlots(isTakenUp: (slot: number) => boolean): void {
    const { words, at } = this;
    words[at + PRIORITY.slots] = 0;
    words[at + PRIORITY.free] = 0;
    eachSlot(this.heap, words[at + PRIORITY.segments]!, (slot) => {
      words[at + PRIORITY.slots]!++;
      if (!isTakenUp(slot)) this.#release(slot);
    });
  }

  #release(slot: number): void {
    const { words } = this.heap;
    words[slot + SLOT.used] = 0;
    words[slot + SLOT.sequence] = this.words[this.at + PRIORITY.free]!;
    this.words[this.at + PRIORITY.free] = slot;
  }

  /** At least so many slots more. The heap has room for them before they are linked: a rebuild needs no memory. */
  #addSlots(count: number): void {
    const { heap, words, at } = this;
    const { allocator } = heap;
    const slots = words[at + PRIORITY.slots]!;
    if (!(slots >= 0 && slots * SLOT_WORDS <= atomics.load(words, HEADER.brk)))
      throw new CorruptError(`${this.title} says that it has ${slots} slots, for which there is no room`);
    const size = slots + 2 * count;
    const before = words[at + PRIORITY.heap]!;
    if (allocator.sizeOfBlock(before) < size) {
      const larger = allocator.allocate(2 * size, KIND.plain);
      heap.words.copyWithin(larger, before, before + words[at + PRIORITY.heaped]!);
      store(words, at + PRIORITY.heap, larger);
      if (before !== words[at + PRIORITY.firstHeap]) allocator.free(before);
    }
    const segment = allocator.allocate(FIRST_SLOT + count * SLOT_WORDS, KIND.plain);
    heap.words[segment + OLDER] = words[at + PRIORITY.segments]!;
    store(words, at + PRIORITY.segments, segment);
    for (
      let slot = segment + FIRST_SLOT;
      slot + SLOT_WORDS <= segment + allocator.sizeOfBlock(segment);
      slot += SLOT_WORDS
    ) {
      words[at + PRIORITY.slots]!++;
      this.#release(slot);
    }
  }

  /** Empty: back to the first slots and the first heap. */
  #giveBack(): void {
    const { heap, words, at } = this;
    const left: number[] = [];
    let segment = words[at + PRIORITY.segments]!;
    const walk = new Walk(heap);
    for (let older = heap.words[segment + OLDER]!; older !== 0; older = heap.words[walk.to(segment) + OLDER]!) {
      left.push(segment);
      segment = older;
    }
    // The slots go before the heap that has room for them.
    store(words, at + PRIORITY.segments, segment);
    if (words[at + PRIORITY.heap] !== words[at + PRIORITY.firstHeap]) left.push(words[at + PRIORITY.heap]!);
    words[at + PRIORITY.heap] = words[at + PRIORITY.firstHeap]!;
    this.#listSlots(() => false);
    this.left = left;
  }

  /** Puts a slot into the heap at `index` or above. */
  #rise(index: number, slot: number): void {
    const { words } = this.heap;
    const heap = this.words[this.at + PRIORITY.heap]!;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!comesBefore(words, slot, words[heap + above]!)) break;
      words[heap + index] = words[heap + above]!;
      index = above;
    }
    words[heap + index] = slot;
  }

  /** Puts a slot into the heap of `size` at its front or below. */
  #sink(slot: number, size: number): void {
    const { words } = this.heap;
    const heap = this.words[this.at + PRIORITY.heap]!;
    let index = 0;
    for (let below = 1; below < size; below = 2 * index + 1) {
      if (below + 1 < size && comesBefore(words, words[heap + below + 1]!, words[heap + below]!)) below++;
      if (!comesBefore(words, words[heap + below]!, slot)) break;
      words[heap + index] = words[heap + below]!;
      index = below;
    }
    words[heap + index] = slot;
  }
}

/**
 * Whether a slot holds an item of the queue: one that was committed, and not taken since. One that was not committed
 * has the number of the next.
 */
function isTakenUp(words: Int32Array, slot: number, live: number): boolean {
  const sequence = words[slot + SLOT.sequence]!;
  return (
    words[slot + SLOT.used]! > 0 &&
    (sequence !== words[live + RANKS.sequence] || words[slot + SLOT.used] !== words[live + RANKS.turns]! + 1) &&
    (slot !== words[live + RANKS.taken] || sequence !== words[live + RANKS.takenSequence])
  );
}

/** By priority, then by number. An item may stay while the numbers begin anew. */
function comesBefore(words: Int32Array, a: number, b: number): boolean {
  const upper = words[a + SLOT.upper]! - words[b + SLOT.upper]!;
  if (upper !== 0) return upper < 0;
  const lower = (words[a + SLOT.lower]! >>> 0) - (words[b + SLOT.lower]! >>> 0);
  if (lower !== 0) return lower < 0;
  const turns = words[a + SLOT.used]! - words[b + SLOT.used]!;
  return turns !== 0 ? turns < 0 : words[a + SLOT.sequence]! >>> 0 < words[b + SLOT.sequence]! >>> 0;
}

const bits = new DataView(new ArrayBuffer(8));

/** The bits of a double are in the order of the doubles, but for the sign: negative ones are turned round. */
function writePriority(words: Int32Array, slot: number, priority: number): void {
  // Minus zero is zero.
  bits.setFloat64(0, priority + 0);
  const upper = bits.getInt32(0);
  const lower = bits.getInt32(4);
  words[slot + SLOT.upper] = upper < 0 ? upper ^ 0x7fffffff : upper;
  words[slot + SLOT.lower] = upper < 0 ? ~lower : lower;
}

function eachSlot(heap: Heap, segments: number, visit: (slot: number) => void): void {
  const walk = new Walk(heap);
  for (let segment = segments; segment !== 0; segment = heap.words[segment + OLDER]!) {
    walk.to(segment);
    const end = segment + heap.allocator.sizeOfBlock(segment);
    for (let slot = segment + FIRST_SLOT; slot + SLOT_WORDS <= end; slot += SLOT_WORDS) visit(slot);
  }
}

onDestroy(KIND.priorityQueue, (heap: Heap, at: number) => {
  heap.catchUp();
  const live = liveState(heap.words, at);
  const segments = heap.words[at + PRIORITY.segments]!;
  eachSlot(heap, segments, (slot) => {
    if (isTakenUp(heap.words, slot, live)) loseItem(heap.words[slot + SLOT.header]!, heap, slot + SLOT.payload);
  });
  const walk = new Walk(heap);
  for (let segment = segments; segment !== 0; ) {
    const older = heap.words[walk.to(segment) + OLDER]!;
    heap.allocator.free(segment);
    segment = older;
  }
  // Where its maker ended, or found no memory, there is none.
  for (const block of new Set([heap.words[at + PRIORITY.firstHeap]!, heap.words[at + PRIORITY.heap]!]))
    if (block !== 0) heap.allocator.free(block);
});
onInspect(KIND.priorityQueue, flipInsight("PriorityQueue"));
onMonitorNames(KIND.priorityQueue);
registerShared(KIND.priorityQueue, PriorityQueue);
