/**
 * The names of a heap's shared memory: a chain of entries from the header. An entry does not hold the memory that it
 * names: it goes with the last worker that has it open.
 *
 * An entry, in words:
 *
 *   0   next entry of the chain
 *   1   the block of the memory it names
 *   2   bytes in its name
 *   3.. its name, UTF-8
 *
 * The chain is walked and changed under a mutex of its own. An entry is complete before one store links it, and one
 * store takes it out, so a worker killed inside leaves nothing to mend. Nothing is allocated or freed inside: both may
 * have to sweep up after a dead worker, whose memory's name would then be taken out by a caller that is inside already.
 */
import { TextDecoder, TextEncoder } from "node:util";
import { ArgumentRangeError, ArgumentTypeError, CorruptError, NameTakenError } from "../errors/index.js";
import { atomics, BLOCK_HEADER_WORDS, DRAFT, enter, HEADER, type Heap, KIND, leave, Walk } from "../memory/index.js";
import { BLOCK } from "../memory/layout.js";
import { show } from "./scalar-type.js";

const NEXT = 0;
const MEMORY = 1;
const LENGTH = 2;
const NAME = 3;

const MOST_NAME_BYTES = 255;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A name as bytes. @throws ArgumentTypeError, ArgumentRangeError */
export function nameBytes(name: unknown): Uint8Array {
  if (typeof name !== "string") throw new ArgumentTypeError(`the name must be a string, got ${show(name)}`);
  if (!name.isWellFormed())
    throw new ArgumentRangeError("the name holds half of a surrogate pair, which no other text equals");
  const bytes = encoder.encode(name);
  if (bytes.length === 0 || bytes.length > MOST_NAME_BYTES)
    throw new ArgumentRangeError(`the name must have 1 to ${MOST_NAME_BYTES} bytes, got ${bytes.length}`);
  return bytes;
}

/** Whether memory that is still alive has this name. */
export function isTaken(heap: Heap, name: Uint8Array): boolean {
  return guarded(heap, () => {
    const entry = search(heap, name);
    return entry !== 0 && isHeld(heap, heap.words[entry + MEMORY]!);
  });
}

/**
 * Gives the memory at `memory` a name; false when it is taken. `word` is where the memory notes its entry, which it
 * owns from then on. The memory is complete before: it may be opened at once.
 */
export function link(heap: Heap, name: Uint8Array, memory: number, word: number): boolean {
  const entry = heap.allocator.allocate(NAME + Math.ceil(name.length / 4), KIND.plain, DRAFT);
  heap.words[entry + MEMORY] = memory;
  heap.words[entry + LENGTH] = name.length;
  heap.bytes.set(name, (entry + NAME) * 4);
  atomics.store(heap.words, word, entry);
  heap.allocator.publish(entry);
  return guarded(heap, () => {
    const other = search(heap, name);
    if (other !== 0) {
      if (isHeld(heap, heap.words[other + MEMORY]!)) return false;
      // Its last holder is just letting go, or died while it did: the name is free.
      takeOut(heap, other);
    }
    heap.words[entry + NEXT] = atomics.load(heap.words, HEADER.names);
    atomics.store(heap.words, HEADER.names, entry);
    return true;
  });
}

/**
 * The memory of that name, with one hold counted for the caller; 0 when there is none. @throws NameTakenError when it
 * is of another kind
 */
export function find(heap: Heap, name: Uint8Array, kind: number): number {
  let other = 0;
  const found = guarded(heap, () => {
    const entry = search(heap, name);
    if (entry === 0) return 0;
    const memory = heap.words[entry + MEMORY]!;
    if (!hold(heap, memory)) return 0;
    if (heap.allocator.kindOf(memory) === kind) return memory;
    other = memory;
    return 0;
  });
  if (other !== 0) {
    heap.references.letGo(other);
    throw new NameTakenError(
      `something else is named ${show(decoder.decode(name))}: names are shared by SharedMemory and SharedMap`,
    );
  }
  return found;
}

/** The name that the memory has, as its word for that says. */
export function nameAt(heap: Heap, word: number): string | undefined {
  return guarded(heap, () => {
    const entry = atomics.load(heap.words, word);
    if (entry === 0) return undefined;
    return decoder.decode(Uint8Array.from(nameIn(heap, entry)));
  });
}

/** Takes the memory's name away, if it has one. */
export function unlink(heap: Heap, word: number): void {
  const entry = guarded(heap, () => {
    const owned = atomics.load(heap.words, word);
    // Out of the chain first: what is in it, the memory's destruction must still find.
    if (owned !== 0) takeOut(heap, owned);
    atomics.store(heap.words, word, 0);
    return owned;
  });
  if (entry !== 0) heap.allocator.free(entry);
}

function guarded<R>(heap: Heap, section: () => R): R {
  enter(heap, HEADER.namesGuard);
  try {
    return section();
  } finally {
    leave(heap, HEADER.namesGuard);
  }
}

function search(heap: Heap, name: Uint8Array): number {
  const walk = new Walk(heap);
  for (let entry = atomics.load(heap.words, HEADER.names); entry !== 0; entry = heap.words[entry + NEXT]!) {
    walk.to(entry);
    if (Buffer.compare(nameIn(heap, entry), name) === 0) return entry;
  }
  return 0;
}

/** Makes sure that all of an entry is within reach, too. */
function nameIn(heap: Heap, entry: number): Uint8Array {
  heap.allocator.check(entry);
  const length = heap.words[entry + LENGTH]!;
  if (length >>> 0 > MOST_NAME_BYTES)
    throw new CorruptError(`an entry of the names of shared memory says that its name has ${length} bytes`);
  heap.reserveWords(entry + NAME + Math.ceil(length / 4));
  return heap.bytes.subarray((entry + NAME) * 4, (entry + NAME) * 4 + length);
}

/** Takes an entry out of the chain if it is in it. */
function takeOut(heap: Heap, entry: number): void {
  let link: number = HEADER.names;
  const walk = new Walk(heap);
  for (let at = atomics.load(heap.words, link); at !== 0; at = heap.words[link]!) {
    walk.to(at);
    if (at === entry) {
      atomics.store(heap.words, link, heap.words[at + NEXT]!);
      return;
    }
    link = at + NEXT;
  }
}

const referencesOf = (memory: number): number => memory - BLOCK_HEADER_WORDS + BLOCK.references;

function isHeld(heap: Heap, memory: number): boolean {
  return atomics.load(heap.words, referencesOf(heap.allocator.check(memory))) > 0;
}

/** Counts one more hold, unless the last one is gone already: then the memory is being destroyed. */
function hold(heap: Heap, memory: number): boolean {
  const word = referencesOf(heap.allocator.check(memory));
  for (let count = atomics.load(heap.words, word); count > 0; ) {
    const seen = atomics.compareExchange(heap.words, word, count, count + 1);
    if (seen === count) return true;
    count = seen;
  }
  return false;
}
