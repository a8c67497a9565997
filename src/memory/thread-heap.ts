/**
 * The heap across the threads of one process: two growable SharedArrayBuffers, control and data.
 *
 * Found through `copies.ts` in the thread that made it (so that a second copy of the library shares it), through
 * `setEnvironmentData` in workers that anybody starts later, through `adoptThreadHeap` in workers that we start, and
 * through `attachThreadHeap` in threads that anybody started earlier.
 */
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import { AttachError, OutOfMemoryError, TooLargeError } from "../errors/index.js";
import { heapFull, notThere } from "./heap-errors.js";
import { together } from "./copies.js";
import { load, notify, visible, wait, waitAsync } from "#atomics";
import { queueRealMicrotask } from "./clock.js";
import { checkEnd, formatHeap, Heap } from "./heap.js";
import {
  BLOCKS_AT,
  HEADER,
  HEADER_END,
  LAYOUT_VERSION,
  MAGIC,
  RECORD,
  RECORD_WORDS,
  REGISTRY_AT,
  UNIT_BYTES,
} from "./layout.js";
import type { Regions, UserBuffer } from "./regions.js";

/** A copy of another version has a heap of its own: it would not understand this one. */
const KEY = `allcores.threadHeap@${LAYOUT_VERSION}`;
const MOST_CONTROL_BYTES = 2 ** 31;
/** Node 20 grows a SharedArrayBuffer to 4 GiB at most. */
const MOST_DATA_BYTES = 2 ** 32;

/** The two buffers that make up a thread heap; what has to reach a worker. */
export interface ThreadHeapBuffers {
  readonly control: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
}

type Growable = SharedArrayBuffer & { readonly maxByteLength: number; grow(bytes: number): void };
const GrowableBuffer = SharedArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => Growable;

/** Reserves address space, not memory; takes less where the system limits even that. */
function growable(bytes: number, most: number): Growable {
  for (let max = most; ; max /= 2) {
    try {
      return new GrowableBuffer(bytes, { maxByteLength: max });
    } catch (error) {
      if (max / 2 < Math.max(bytes, 2 ** 20))
        throw new OutOfMemoryError("the system gave no memory to share between threads", { cause: error });
    }
  }
}

function growTo(buffer: Growable, bytes: number): void {
  if (bytes > buffer.maxByteLength)
    heapFull(
      `the control region of the memory that threads share (${buffer.maxByteLength / 2 ** 20} MiB for all objects, items and entries)`,
      bytes - buffer.byteLength,
    );
  // Another thread may have grown it meanwhile, which makes this call fail although there is room.
  for (let ahead = 2; buffer.byteLength < bytes; ahead = 1) {
    try {
      buffer.grow(Math.min(buffer.maxByteLength, Math.max(bytes, buffer.byteLength * ahead)));
    } catch {
      // Once more without anything beyond what is needed.
      if (buffer.byteLength < bytes && ahead === 1) heapFull("this machine", bytes - buffer.byteLength);
    }
  }
}

export class ThreadHeap extends Heap {
  readonly across = "threads";
  readonly isForeign = false;
  readonly windowUnits = Number.POSITIVE_INFINITY;
  readonly buffers: ThreadHeapBuffers;
  readonly #control: Growable;
  readonly #data: Growable;

  constructor(buffers: ThreadHeapBuffers) {
    super(visible(new Int32Array(buffers.control, 0, buffers.control.byteLength / 4)));
    this.buffers = buffers;
    this.#control = buffers.control as Growable;
    this.#data = buffers.data as Growable;
  }

  reserveWords(end: number): void {
    if (end <= this.words.length) return;
    checkEnd(end, this.#control.byteLength / 4);
    this.#view(end);
  }

  addWords(brk: number, end: number): void {
    if (end <= this.words.length) return;
    checkEnd(brk, this.#control.byteLength / 4);
    this.#view(end);
  }

  #view(end: number): void {
    growTo(this.#control, end * 4);
    this.words = visible(new Int32Array(this.#control, 0, this.#control.byteLength / 4));
    this.bytes = new Uint8Array(this.#control, 0, this.#control.byteLength);
  }

  placeExtent(brk: number, units: number): number {
    const bytes = (brk + units) * UNIT_BYTES;
    if (!(brk >= 0 && brk * UNIT_BYTES <= this.#data.byteLength)) notThere(brk, units * UNIT_BYTES);
    if (bytes > this.#data.maxByteLength) heapFull("the data memory that threads share", units * UNIT_BYTES);
    growTo(this.#data, bytes);
    return brk;
  }

  data(unit: number, bytes: number): Uint8Array {
    if (!(unit >= 0 && bytes >= 0 && unit * UNIT_BYTES + bytes <= this.#data.byteLength)) notThere(unit, bytes);
    return new Uint8Array(this.#data, unit * UNIT_BYTES, bytes);
  }

  userBuffer(unit: number, bytes: number): UserBuffer {
    if (!(unit >= 0 && unit * UNIT_BYTES <= this.#data.byteLength)) notThere(unit, bytes);
    if (bytes > this.#data.maxByteLength)
      throw new TooLargeError(`${bytes} bytes are more than threads can share (${this.#data.maxByteLength})`);
    return { buffer: this.#data, byteOffset: unit * UNIT_BYTES };
  }

  /** Growing it has set the memory aside. */
  reserveExtent(): void {}

  /** A SharedArrayBuffer never shrinks. */
  discardExtent(): void {}

  readonly isSleepCutShort = true;

  sleep(at: number, expected: number, ms: number): void {
    wait(this.words, at, expected, ms);
  }

  wakeSleeper(at: number): void {
    notify(this.words, at, 1);
  }

  /** Wakers here are threads of this process, all of which find its own heap across processes, and no other. */
  sleepingIn(bed: Regions): number {
    return bed.across === "processes" && bed.id === load(this.words, HEADER.ownHeap) ? bed.record : 0;
  }

  wakeElsewhere(sleepingIn: number): void {
    // It becomes an address: anything but the place of a record is nobody's.
    if (isRecord(sleepingIn)) wakeInProcessHeap(sleepingIn);
  }

  listen(onRing: () => void): void {
    listenByWaitAsync(this.words, this.record + RECORD.doorbell, onRing);
  }

  ringDoorbell(record: number): void {
    notify(this.words, record + RECORD.doorbell, 1);
  }
}

/**
 * Calls `onRing` once the doorbell of `record` rings; immediately (in a microtask) when it already has. For memory
 * shared between threads.
 */
function listenByWaitAsync(words: Int32Array, doorbell: number, onRing: () => void): void {
  const wait = waitAsync(words, doorbell, 0);
  if (wait.async) void wait.value.then(onRing);
  else queueRealMicrotask(onRing);
}

function isRecord(word: number): boolean {
  return word > REGISTRY_AT && word < BLOCKS_AT && (word - REGISTRY_AT) % RECORD_WORDS === 0;
}

let wakeInProcessHeap: (record: number) => void;

/** Called by the heap across processes, which stands on this one. */
export function onSleeperInProcessHeap(wake: (record: number) => void): void {
  wakeInProcessHeap = wake;
}

const here = together<{ buffers?: ThreadHeapBuffers }>("threadHeap", () => ({}));
let current: ThreadHeap | undefined;
/** Heaps of other threads of this process that this one met too late to make them its own, by their ids. */
const others = new Map<number, ThreadHeap>();

/** This process's heap across threads; made on first use. */
export function threadHeap(): ThreadHeap {
  if (current !== undefined) return current;
  return adoptThreadHeap(buffersHere() ?? createThreadHeap());
}

function buffersHere(): ThreadHeapBuffers | undefined {
  return here.buffers ?? (getEnvironmentData(KEY) as ThreadHeapBuffers | undefined);
}

/** The heap across threads of that id, if this thread has it. */
export function threadHeapOf(heapId: number): ThreadHeap | undefined {
  const heap = threadHeap();
  return heap.id === heapId ? heap : others.get(heapId);
}

/**
 * Buffers that arrived from a thread of this process which may have a heap of its own: a thread without one makes them
 * its own, another has both.
 */
export function attachThreadHeap(buffers: ThreadHeapBuffers): void {
  const header = new Int32Array(buffers.control, 0, HEADER_END);
  if (header[HEADER.magic] !== MAGIC || header[HEADER.version] !== LAYOUT_VERSION)
    throw new AttachError(
      "the memory that arrived from another thread is not a heap of this version of allcores: all threads must load the same version",
    );
  if (current === undefined && buffersHere() === undefined) {
    adoptThreadHeap(buffers);
    return;
  }
  const id = header[HEADER.heapId]!;
  if (threadHeapOf(id) === undefined) others.set(id, new ThreadHeap(buffers));
}

/** A number for a new heap, from 1. It tells the heaps of one process apart, of which there are hardly ever two. */
function drawHeapId(): number {
  return Math.floor(Math.random() * 0x7ffffffe) + 1;
}

/** The memory of a new, empty heap. */
export function createThreadHeap(mostControlBytes: number = MOST_CONTROL_BYTES): ThreadHeapBuffers {
  const buffers = {
    control: growable(2 ** Math.ceil(Math.log2(BLOCKS_AT * 4)), mostControlBytes),
    data: growable(0, MOST_DATA_BYTES),
  };
  formatHeap(new Int32Array(buffers.control, 0, buffers.control.byteLength / 4), drawHeapId());
  return buffers;
}

/** Empties the memory of a heap that no worker uses any more. */
export function clearThreadHeap({ control, data }: ThreadHeapBuffers): void {
  const words = new Int32Array(control, 0, control.byteLength / 4);
  new Uint8Array(data, 0, words[HEADER.dataBrk]! * UNIT_BYTES).fill(0);
  words.fill(0, 0, words[HEADER.brk]);
  formatHeap(words, drawHeapId());
}

/**
 * Begins anew, as if this thread had never used the heap: between two executions of an explored program, after
 * `clearThreadHeap`.
 */
export function renewThreadHeap(buffers: ThreadHeapBuffers): ThreadHeap {
  current?.liveness.forget();
  current = new ThreadHeap(buffers);
  return current;
}

/** Makes the heap of the thread that started this worker this worker's too. */
export function adoptThreadHeap(buffers: ThreadHeapBuffers): ThreadHeap {
  if (current !== undefined) return current;
  here.buffers = buffers;
  setEnvironmentData(KEY, buffers as never);
  current = new ThreadHeap(buffers);
  return current;
}
