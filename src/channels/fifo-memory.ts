/** The memory of a Queue as those see it who have no Queue of it: who lets go of the last one, and who inspects. */
import { CorruptError } from "../errors/index.js";
import { atomics, type Heap, Walk } from "../memory/index.js";
import { END, FIFO, FIRST_RECORD, HEAD, HEAD_WORDS, NEXT, OPEN } from "./fifo-words.js";
import { loseItem, payloadBehind } from "./item.js";

const { load } = atomics;

/** Gives back the chunks, and what the items in them hold. */
export function freeChunks(heap: Heap, at: number): void {
  const taken = load(heap.words, at + FIFO.taken);
  const head = at + FIFO.heads + (taken & 1) * HEAD_WORDS;
  let chunk = heap.words[head + HEAD.chunk]!;
  let place = heap.words[head + HEAD.place]!;
  // Its maker ended, or found no memory, before it had one.
  if (chunk === 0) return;
  const walk = new Walk(heap);
  walk.to(chunk);
  for (let left = (load(heap.words, at + FIFO.put) - taken) | 0; left > 0; ) {
    if (!(place > 0 && place < heap.allocator.sizeOfBlock(chunk)))
      throw new CorruptError(`a queue in shared memory goes on at word ${place} of a chunk that is not so long`);
    const header = heap.words[chunk + place]!;
    if (header === END) {
      const next = heap.words[chunk + NEXT]!;
      heap.allocator.free(chunk);
      chunk = walk.to(next);
      place = FIRST_RECORD;
      continue;
    }
    loseItem(header, heap, chunk + place + 1);
    place += 1 + payloadBehind(header);
    left--;
  }
  heap.allocator.free(chunk);
}

/** How many items are in it and how many are not done, in full, and whether it was shut down. */
export function stateOf({ words }: Heap, at: number): { size: number; unfinished: number; shutDown: boolean } {
  const put = load(words, at + FIFO.put);
  const taken = load(words, at + FIFO.taken);
  const over = load(words, at + FIFO.done) + words[at + FIFO.heads + (taken & 1) * HEAD_WORDS + HEAD.dropped]!;
  return { size: (put - taken) | 0, unfinished: (put - over) | 0, shutDown: load(words, at + FIFO.closed) !== OPEN };
}
