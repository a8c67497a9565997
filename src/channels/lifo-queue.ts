/**
 * A last-in, first-out queue in shared memory: records on top of each other in a chain of chunks. A push writes beyond
 * the top, where nobody looks, and a pop moves the top down; both are committed with the rest of the state
 * (flip-queue.ts).
 */
import { Handle, onInspect, onMonitorNames, registerShared } from "../objects/index.js";
import { CorruptError } from "../errors/index.js";
import { type Heap, onDestroy, Walk } from "../memory/index.js";
import type { QueueOptions } from "./queue-options.js";
import { FlipQueue, flipInsight, liveState, STATE } from "./flip-queue.js";
import {
  copyItem,
  type Item,
  lengthBehind,
  loseItem,
  payloadBehind,
  payloadOf,
  read,
  type Taken,
  write,
} from "./item.js";
import { KIND } from "./kinds.js";

/**
 * The stack's part of the state. `top`: the first word beyond the last record, counted from the chunk's start; `end`:
 * one past the chunk's words.
 */
const STACK = { chunk: 4, top: 5, end: 6 } as const;

/**
 * A chunk: the one below it and where that one's top was left, then records, each with its header behind its payload.
 */
const BELOW = 0;
const BELOW_TOP = 1;
const FIRST_RECORD = 2;
const FIRST_CHUNK_WORDS = 64;
/** Three to a page. */
const MOST_CHUNK_WORDS = 1356;

/**
 * Hands out first what came last, each value to exactly one consumer. In everything else it is a `Queue`.
 *
 * **Death:** an item is in the queue once `put` returned and stays when its producer dies; one that its producer was
 * still writing is never seen.
 * **Cancel:** a get that is aborted or runs out takes nothing. **Fairness:** the getter that asks first; no item waits
 * while a getter does.
 *
 * @example
 * ```ts
 * import { LifoQueue } from "allcores";
 * const queue = new LifoQueue<string>();
 * for (const page of ["home", "news", "sport"]) queue.putSync(page);
 * console.log(await queue.get(), queue.getSync()); // sport news
 * ```
 */
export class LifoQueue<T = unknown> extends FlipQueue<T> {
  /**
   * Makes an empty queue.
   *
   * @param options `maxSize`: most items; `capacity`: most bytes of encoded items; `whenFull`: whether a put that finds
   *   no room waits or is dropped; `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** two blocks of shared memory.
   */
  constructor(options?: QueueOptions);
  constructor(options?: QueueOptions | Handle) {
    super(KIND.lifoQueue, options);
    if (options instanceof Handle) return;
    const chunk = this.heap.allocator.allocate(FIRST_CHUNK_WORDS, KIND.plain);
    this.words = this.heap.words;
    const live = liveState(this.words, this.at);
    this.words[live + STACK.chunk] = chunk;
    this.words[live + STACK.top] = FIRST_RECORD;
    this.words[live + STACK.end] = this.heap.allocator.sizeOfBlock(chunk);
  }

  /** @internal */
  static attach(handle: Handle): LifoQueue {
    return new LifoQueue(handle as never);
  }

  /** @internal */
  protected push(item: Item, _priority: number, next: number): number {
    const { heap, words } = this;
    let top = words[next + STACK.top]!;
    const recordWords = payloadOf(item) + 1;
    if (top + recordWords > words[next + STACK.end]!) {
      const below = words[next + STACK.chunk]!;
      const chunk = heap.allocator.allocate(
        Math.max(Math.min(2 * words[next + STACK.end]!, MOST_CHUNK_WORDS), FIRST_RECORD + recordWords),
        KIND.plain,
      );
      heap.words[chunk + BELOW] = below;
      heap.words[chunk + BELOW_TOP] = top;
      words[next + STACK.chunk] = chunk;
      words[next + STACK.end] = heap.allocator.sizeOfBlock(chunk);
      top = FIRST_RECORD;
    }
    const record = checkTop(words[next + STACK.chunk]!, top) + top;
    // Another thread may have added the memory that the chunk stands in.
    heap.reserveWords(record + recordWords);
    heap.words[record + recordWords - 1] = write(item, heap, record);
    words[next + STACK.top] = top + recordWords;
    return record;
  }

  /** @internal */
  protected pop(next: number): Taken {
    const { heap, words } = this;
    let chunk = words[next + STACK.chunk]!;
    let top = words[next + STACK.top]!;
    heap.reserveWords(chunk + words[next + STACK.end]!);
    // An empty chunk is kept until something below it is taken: puts and gets in turns at its edge cost no blocks.
    if (top === FIRST_RECORD) {
      const left: number[] = [];
      const walk = new Walk(heap);
      // More than one, where a record did not fit into an empty one.
      for (; top === FIRST_RECORD; chunk = heap.words[chunk + BELOW]!) {
        left.push(chunk);
        top = heap.words[walk.to(chunk) + BELOW_TOP]!;
        heap.reserveWords(heap.words[chunk + BELOW]! + top);
      }
      this.left = left;
      words[next + STACK.chunk] = chunk;
      words[next + STACK.end] = heap.allocator.sizeOfBlock(chunk);
    }
    const header = heap.words[checkTop(chunk, top) + top - 1]!;
    top -= payloadBehind(header) + 1;
    words[next + STACK.top] = top;
    words[next + STATE.bytes]! -= lengthBehind(header, heap, chunk + top);
    return read(header, heap, chunk + top);
  }

  /** @internal */
  protected copyNext(live: number): Taken {
    const { heap, words } = this;
    let chunk = words[live + STACK.chunk]!;
    let top = words[live + STACK.top]!;
    heap.reserveWords(chunk + words[live + STACK.end]!);
    const walk = new Walk(heap);
    while (top === FIRST_RECORD) {
      top = heap.words[walk.to(chunk) + BELOW_TOP]!;
      chunk = heap.words[chunk + BELOW]!;
      heap.reserveWords(chunk + top);
    }
    const header = heap.words[checkTop(chunk, top) + top - 1]!;
    return copyItem(header, heap, chunk + top - payloadBehind(header) - 1);
  }

  /** @internal The state is committed by one store: a worker that died inside has left it whole. */
  protected rebuild(): void {}
}

/** The chunk, if it may have its top there. */
function checkTop(chunk: number, top: number): number {
  if (chunk > 0 && top >= FIRST_RECORD) return chunk;
  throw new CorruptError(
    `a stack in shared memory has its top at word ${top} of a chunk at ${chunk}: no chunk has one there`,
  );
}

onDestroy(KIND.lifoQueue, (heap: Heap, at: number) => {
  heap.catchUp();
  const live = liveState(heap.words, at);
  let chunk = heap.words[live + STACK.chunk]!;
  let top = heap.words[live + STACK.top]!;
  const walk = new Walk(heap);
  while (chunk !== 0) {
    walk.to(chunk);
    while (top > FIRST_RECORD) {
      const header = heap.words[chunk + top - 1]!;
      const before = top;
      top -= payloadBehind(header) + 1;
      if (!(top >= FIRST_RECORD && top < before && before <= heap.allocator.sizeOfBlock(chunk)))
        throw new CorruptError(`a stack in shared memory goes on at word ${before} of a chunk, where no record ends`);
      loseItem(header, heap, chunk + top);
    }
    const below = heap.words[chunk + BELOW]!;
    top = heap.words[chunk + BELOW_TOP]!;
    heap.allocator.free(chunk);
    chunk = below;
  }
});
onInspect(KIND.lifoQueue, flipInsight("LifoQueue"));
onMonitorNames(KIND.lifoQueue);
registerShared(KIND.lifoQueue, LifoQueue);
