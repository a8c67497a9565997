/**
 * The two ends of a pipe, and whose each is.
 *
 * An end belongs to one worker at a time: each ring then has one writer and one reader, and an end whose worker died is
 * gone, no matter which workers had it before. Its owner word says it all and changes by one store: a worker's id,
 * minus the number of a departure while it travels in a message, GONE. An id that the registry does not know as alive
 * is as good as GONE, so no sweep is needed for the other end to be told. Until the message is committed it travels in
 * the hands of its carrier, and dies with it.
 * Rejected: as many holders as like, gone with the last one, as Python has it. There a child's death goes unnoticed
 * until the parent closes its own copy of the child's end.
 */
import { CorruptError } from "../errors/index.js";
import { atomics, type Heap, onDestroy } from "../memory/index.js";
import { onInspect, onNames } from "../objects/index.js";
import { dropMessages, PIPE_RING, PIPE_RING_WORDS, rouseAll, unreadIn } from "./pipe-ring.js";
import { KIND } from "./kinds.js";

const { compareExchange, load, store } = atomics;

/** Words of a pipe's block. */
const PIPE = {
  /** Whose the ends are: two words. */
  owners: 0,
  /** How often each end was sent away: two words. */
  departures: 2,
  /** Who sends each end away, 0 once the message that carries it is committed: two words. */
  carriers: 4,
  /** Most bytes in each direction. */
  capacity: 6,
  /** How many rings there are. With one, side 1 sends and side 0 receives. */
  rings: 7,
  ring: 16,
} as const;

/** Words of an end's block. */
const END = { pipe: 0, side: 1 } as const;
const END_WORDS = 4;

const GONE = 0;
/** Departures are numbered from 1 on: what would make their numbers negative begins anew. */
const MOST_DEPARTURES = 0x7fffffff;

export type Side = 0 | 1;

/** A new pipe, both of whose ends are this worker's; gives the blocks of the ends. */
export function allocatePipe(heap: Heap, capacity: number, duplex: boolean): [number, number] {
  const rings = duplex ? 2 : 1;
  const { allocator, self } = heap;
  // One reference for each end.
  const pipe = allocator.allocate(PIPE.ring + rings * PIPE_RING_WORDS, KIND.pipe);
  allocator.retain(pipe);
  const ends: [number, number] = [
    allocator.allocate(END_WORDS, KIND.connection),
    allocator.allocate(END_WORDS, KIND.connection),
  ];
  const { words } = heap;
  words[pipe + PIPE.capacity] = capacity;
  words[pipe + PIPE.rings] = rings;
  for (const side of [0, 1] as const) {
    words[ends[side] + END.side] = side;
    words[ends[side] + END.pipe] = pipe;
    words[pipe + PIPE.owners + side] = self;
  }
  return ends;
}

export class PipeEnd {
  /** Where the pipe's block stands: the same for both ends. */
  readonly pipe: number;
  readonly side: Side;
  readonly capacity: number;
  /** The ring that this end writes, 0 for none. */
  readonly outgoing: number;
  /** The ring that this end reads, 0 for none. */
  readonly incoming: number;
  readonly #heap: Heap;
  readonly #words: Int32Array;
  readonly #owner: number;
  readonly #peerOwner: number;

  /** @param at the block of the end */
  constructor(heap: Heap, at: number) {
    heap.reserveWords(at + END_WORDS);
    const pipe = heap.words[at + END.pipe]!;
    const side = heap.words[at + END.side] as Side;
    reachTo(heap, pipe);
    const { words } = heap;
    this.#heap = heap;
    this.#words = words;
    this.pipe = pipe;
    this.side = side;
    this.capacity = words[pipe + PIPE.capacity]!;
    this.outgoing = ringFrom(words, pipe, side);
    this.incoming = ringFrom(words, pipe, side === 0 ? 1 : 0);
    this.#owner = pipe + PIPE.owners + side;
    this.#peerOwner = pipe + PIPE.owners + 1 - side;
  }

  /**
   * Whether nobody will ever use the other end again. Looked at before the ring it writes: what stands there then is
   * all that ever comes.
   */
  get isPeerGone(): boolean {
    const owner = load(this.#words, this.#peerOwner);
    if (owner > 0) return !this.#heap.registry.isAlive(owner);
    return owner === GONE || this.#isLostOnItsWay(owner);
  }

  /** Whether the other end left with a carrier who died before the message was committed. */
  #isLostOnItsWay(owner: number): boolean {
    const words = this.#words;
    const at = this.#peerOwner + PIPE.carriers;
    const carrier = load(words, at);
    // Looked at again: it may have been committed, and have arrived, between the looks at the carrier and at its life.
    return (
      carrier !== 0 &&
      !this.#heap.registry.isAlive(carrier) &&
      load(words, at) === carrier &&
      load(words, this.#peerOwner) === owner
    );
  }

  /** The number of its next departure: what a message that carries it says. */
  get nextDeparture(): number {
    return (this.#words[this.pipe + PIPE.departures + this.side]! % MOST_DEPARTURES) + 1;
  }

  /** It belongs to a message from here on, which is in this worker's hands. */
  depart(departure: number): void {
    this.#words[this.pipe + PIPE.departures + this.side] = departure;
    store(this.#words, this.#owner + PIPE.carriers, this.#heap.self);
    store(this.#words, this.#owner, -departure);
  }

  /** The message is committed. It may have arrived already, and left again with somebody else. */
  leaveHands(): void {
    compareExchange(this.#words, this.#owner + PIPE.carriers, this.#heap.self, 0);
  }

  /** It belongs to this worker from here on; false when it has arrived elsewhere, or was lost. */
  arrive(departure: number): boolean {
    return compareExchange(this.#words, this.#owner, -departure, this.#heap.self) === -departure;
  }

  /** The message that it departed in reaches nobody; false when it has arrived after all. */
  lose(departure: number): boolean {
    return compareExchange(this.#words, this.#owner, -departure, GONE) === -departure;
  }

  /** Nobody uses it any more. */
  close(): void {
    closeSide(this.#heap, this.pipe, this.side);
  }

  /** What came and will not be received. Its reader was the caller, who has closed it. */
  dropUnread(): void {
    if (this.incoming !== 0) dropMessages(this.#heap, this.incoming);
  }

  /** Whether its pipe stands in this heap. */
  isOf(heap: Heap): boolean {
    return this.#heap === heap;
  }
}

/** Another thread may have added the memory that it stands in. */
function reachTo(heap: Heap, pipe: number): void {
  heap.reserveWords(pipe + PIPE.ring);
  heap.reserveWords(pipe + PIPE.ring + heap.words[pipe + PIPE.rings]! * PIPE_RING_WORDS);
}

function ringFrom(words: Int32Array, pipe: number, side: Side): number {
  if (words[pipe + PIPE.rings] === 2) return pipe + PIPE.ring + side * PIPE_RING_WORDS;
  return side === 1 ? pipe + PIPE.ring : 0;
}

/** @throws CorruptError when no block stands at `pipe`, or it has no such side */
function closeSide(heap: Heap, pipe: number, side: number): void {
  heap.allocator.check(pipe);
  const rings = heap.words[pipe + PIPE.rings]!;
  if (side >>> 1 !== 0 || rings < 1 || rings > 2)
    throw new CorruptError(
      `an end in shared memory is side ${side} of a pipe of ${rings} rings: there are two sides, and one or two rings`,
    );
  store(heap.words, pipe + PIPE.owners + side, GONE);
  // After the store: who looks sees it.
  for (let ring = 0; ring < rings; ring++) rouseAll(heap, pipe + PIPE.ring + ring * PIPE_RING_WORDS);
}

/** Whose an end is; 0 while it is nobody's, or a message's. */
function ownerOf({ words }: Heap, pipe: number, side: number): number {
  return Math.max(0, words[pipe + PIPE.owners + side]!);
}

/** Which side writes a ring of a pipe. */
function writerOf({ words }: Heap, pipe: number, ring: number): number {
  return words[pipe + PIPE.rings] === 2 ? ring : 1;
}

onInspect(KIND.connection, {
  name: "Connection",
  body: ({ words }, at) => words[at + END.pipe]!,
  held(heap, at) {
    heap.catchUp();
    const worker = ownerOf(heap, heap.words[at + END.pipe]!, heap.words[at + END.side]!);
    return worker > 0 ? [{ worker, count: 1 }] : [];
  },
});
onInspect(KIND.pipe, {
  name: "Pipe",
  purpose: (at, key) => (isForMessage(at, key) ? "a message" : "room"),
  // The one who has the other end. Not firm, though nobody else can do it: an error here would not end the wait there,
  // as it does where a lock is let go of.
  holders(heap, at, key) {
    const writer = writerOf(heap, at, ringAround(at, key));
    const worker = ownerOf(heap, at, isForMessage(at, key) ? writer : 1 - writer);
    // In a message it may come to anybody.
    return { workers: worker > 0 ? [worker] : [], firm: false };
  },
  state(heap, at) {
    const { words } = heap;
    const unread: Record<string, number> = {};
    for (let ring = 0; ring < words[at + PIPE.rings]! && ring < 2; ring++)
      unread[writerOf(heap, at, ring) === 0 ? "bytesToSecond" : "bytesToFirst"] = unreadIn(
        words,
        at + PIPE.ring + ring * PIPE_RING_WORDS,
      );
    return { ...unread, capacity: words[at + PIPE.capacity]! };
  },
});

/** In which ring of a pipe a key stands. */
function ringAround(pipe: number, key: number): number {
  return Math.floor((key - pipe - PIPE.ring) / PIPE_RING_WORDS);
}

function isForMessage(pipe: number, key: number): boolean {
  return key === pipe + PIPE.ring + ringAround(pipe, key) * PIPE_RING_WORDS + PIPE_RING.readerWaits;
}

// The last one to hold an end is done with it, or has died.
onDestroy(KIND.connection, (heap, at) => {
  const pipe = heap.words[at + END.pipe]!;
  if (pipe === 0) return;
  reachTo(heap, pipe);
  closeSide(heap, pipe, heap.words[at + END.side]!);
  heap.references.letGo(pipe);
});

onNames(KIND.pipe, (_heap, at, strike) => {
  for (const side of [0, 1]) {
    strike(at + PIPE.owners + side);
    strike(at + PIPE.carriers + side);
  }
});
onDestroy(KIND.pipe, (heap, at) => {
  heap.catchUp();
  for (let ring = 0; ring < heap.words[at + PIPE.rings]!; ring++)
    dropMessages(heap, at + PIPE.ring + ring * PIPE_RING_WORDS);
});
