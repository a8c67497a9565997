/**
 * What a worker tells of itself to all others that share the heap: its info, and on it the wait record of a wait that
 * has lasted long.
 *
 * Only the worker itself writes them. A wait record is complete before one store puts it on the info, changes in
 * nothing but `looks` while it is there, and is freed after one store took it off: so a reader who finds the same wait
 * record of the same generation on the worker info before and after has read it whole, and the wait's caller had not
 * gone on meanwhile. That the wait had not succeeded just then is told by `looks`, which the worker raises after each
 * attempt in vain. Both are drafts: after a death they go back with the others. No worker waits for another here.
 */
import { TextDecoder, TextEncoder } from "node:util";
import { OutOfMemoryError } from "../errors/index.js";
import { exchange, load, store } from "#atomics";
import type { Heap } from "../memory/heap.js";
import {
  ALIVE,
  type AWAITING,
  type BLOCKING,
  BLOCK_HEADER_WORDS,
  WORKER_INFO,
  DRAFT,
  KIND,
  WAIT_RECORD,
  RECORD,
  STATE_MASK,
} from "../memory/layout.js";
import { pageStateWord } from "../memory/page-table.js";
import { generationWord, stillStands } from "../memory/sighting.js";

/** Flags of a wait record. The wait may end with an error. */
export const REFUSABLE = 1;
/** It has no timeout. */
export const ENDLESS = 2;
/** It is an event loop's, which has nothing else to do. */
export const IDLE = 4;
/** In how many heaps it waits, each of which has a wait record. */
export const HEAPS_SHIFT = 4;

const HIGH_ONE = 2 ** 20;
/** No longer text, and no more keys, are written or believed. */
const MOST_BYTES = 16_384;
export const MOST_WAITS = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What is waited for: an object, and the key. */
export interface Awaited {
  readonly at: number;
  readonly key: number;
}

/** What a worker says of a wait. */
export interface WaitRecord {
  /**
   * One for most blocking waits; for a select, which whatever comes first ends, and for an event loop all that it waits
   * for in this heap.
   */
  readonly waits: readonly Awaited[];
  readonly flags: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly text: string;
}

/** A wait record as another worker finds it. */
export interface FoundWaitRecord extends Omit<WaitRecord, "text"> {
  readonly block: number;
  readonly generation: number;
  /** The state of the page around it. */
  readonly page: number;
  /** Attempts that had failed by then. */
  readonly looks: number;
}

/** Writes the worker info of the calling worker. In full memory it goes without: reports call it by its numbers. */
export function writeWorkerInfo(heap: Heap, identity: string): void {
  const bytes = encoder.encode(identity).subarray(0, MOST_BYTES);
  let info: number;
  try {
    info = heap.allocator.allocate(WORKER_INFO.text + ((bytes.length + 3) >> 2), KIND.plain, DRAFT);
  } catch (error) {
    if (error instanceof OutOfMemoryError) return;
    throw error;
  }
  heap.words[info + WORKER_INFO.bytes] = bytes.length;
  heap.bytes.set(bytes, (info + WORKER_INFO.text) * 4);
  store(heap.words, heap.record + RECORD.workerInfo, info);
}

/** Where the worker info of a record's worker stands, 0 for none, or where none can stand. */
export function workerInfoOf(heap: Heap, record: number): number {
  const info = load(heap.words, record + RECORD.workerInfo);
  return info > 0 && info + WORKER_INFO.text <= heap.words.length ? info : 0;
}

/** Puts a wait record on the calling worker's worker info; returns its block, 0 where there is no worker info. */
export function putWaitRecord(heap: Heap, { waits, flags, since, text }: WaitRecord): number {
  const info = workerInfoOf(heap, heap.record);
  if (info === 0) return 0;
  const bytes = encoder.encode(text).subarray(0, MOST_BYTES);
  const waitRecord = heap.allocator.allocate(textIn(waits.length) + ((bytes.length + 3) >> 2), KIND.plain, DRAFT);
  const { words } = heap;
  words[waitRecord + WAIT_RECORD.flags] = flags;
  words[waitRecord + WAIT_RECORD.sinceHigh] = Math.floor(since / HIGH_ONE);
  words[waitRecord + WAIT_RECORD.sinceLow] = Math.floor(since % HIGH_ONE);
  words[waitRecord + WAIT_RECORD.count] = waits.length;
  words[waitRecord + WAIT_RECORD.bytes] = bytes.length;
  waits.forEach(({ at, key }, index) => {
    words[waitRecord + WAIT_RECORD.waits + 2 * index] = at;
    words[waitRecord + WAIT_RECORD.waits + 2 * index + 1] = key;
  });
  heap.bytes.set(bytes, (waitRecord + textIn(waits.length)) * 4);
  store(words, info + WORKER_INFO.waitRecord, waitRecord);
  return waitRecord;
}

/** Says on the wait record that another attempt has failed. */
export function lookedInVain({ words }: Heap, waitRecord: number): void {
  store(words, waitRecord + WAIT_RECORD.looks, (words[waitRecord + WAIT_RECORD.looks]! + 1) | 0);
}

/**
 * Asks a worker to look for the deadlock that it is part of, and wakes it for that. In its record, which is always
 * there: a worker that came after it looks once for nothing.
 */
export function ask(heap: Heap, record: number, kind: typeof BLOCKING | typeof AWAITING): void {
  if (exchange(heap.words, record + RECORD.asked, 1) === 0) heap.ring(record, kind);
}

/** Whether somebody has asked the calling worker to look. */
export function isAsked(heap: Heap): boolean {
  return load(heap.words, heap.record + RECORD.asked) === 1;
}

/** It looks now: who asks from here on asks again. */
export function answer(heap: Heap): void {
  store(heap.words, heap.record + RECORD.asked, 0);
}

/** Takes the wait record off the worker info and gives it back. */
export function takeWaitRecord(heap: Heap, waitRecord: number): void {
  // In this order: nobody finds a wait record on a worker info whose words belong to somebody else by then.
  const info = workerInfoOf(heap, heap.record);
  if (info !== 0) store(heap.words, info + WORKER_INFO.waitRecord, 0);
  heap.allocator.free(waitRecord);
}

/** The identity that a living worker has written down; undefined where it has none. */
export function readWorkerInfo(heap: Heap, record: number): string | undefined {
  heap.catchUp();
  const state = load(heap.words, record + RECORD.state);
  const info = workerInfoOf(heap, record);
  if (info === 0 || (state & STATE_MASK) !== ALIVE) return undefined;
  const text = readText(heap, info + WORKER_INFO.text, heap.words[info + WORKER_INFO.bytes]!);
  // The worker info of a worker that ended meanwhile is somebody else's memory.
  return load(heap.words, record + RECORD.state) === state ? text : undefined;
}

/** The wait record on a living worker's worker info. */
export function findWaitRecord(heap: Heap, record: number): FoundWaitRecord | undefined {
  heap.catchUp();
  const { words } = heap;
  const state = load(words, record + RECORD.state);
  const info = workerInfoOf(heap, record);
  if (info === 0 || (state & STATE_MASK) !== ALIVE) return undefined;
  const block = load(words, info + WORKER_INFO.waitRecord);
  if (block < BLOCK_HEADER_WORDS || block + WAIT_RECORD.waits > words.length) return undefined;
  const page = load(words, pageStateWord(block));
  const generation = load(words, generationWord(block));
  // Asked again: the block may have been freed before its generation was read, and stand there half written for the
  // next waitRecord.
  if (load(words, info + WORKER_INFO.waitRecord) !== block) return undefined;
  const count = words[block + WAIT_RECORD.count]!;
  if (count < 0 || count > MOST_WAITS || block + textIn(count) > words.length) return undefined;
  const found = {
    block,
    generation,
    page,
    waits: Array.from({ length: count }, (_, index) => ({
      at: words[block + WAIT_RECORD.waits + 2 * index]!,
      key: words[block + WAIT_RECORD.waits + 2 * index + 1]!,
    })),
    flags: words[block + WAIT_RECORD.flags]!,
    since: words[block + WAIT_RECORD.sinceHigh]! * HIGH_ONE + words[block + WAIT_RECORD.sinceLow]!,
    looks: load(words, block + WAIT_RECORD.looks),
  };
  return load(words, record + RECORD.state) === state && isOn(heap, record, found) ? found : undefined;
}

/**
 * Whether a wait record that was found is still on the worker info: if so, nothing that was read of it since was
 * anything else, and the wait has not ended.
 */
export function isOn(heap: Heap, record: number, { block, generation, page }: FoundWaitRecord): boolean {
  const { words } = heap;
  const info = workerInfoOf(heap, record);
  return (
    info !== 0 && load(words, info + WORKER_INFO.waitRecord) === block && stillStands(words, block, page, generation)
  );
}

/** The description on a wait record; undefined when it was taken off meanwhile. */
export function readWaitRecord(heap: Heap, record: number, waitRecord: FoundWaitRecord): string | undefined {
  const text = readText(
    heap,
    waitRecord.block + textIn(waitRecord.waits.length),
    heap.words[waitRecord.block + WAIT_RECORD.bytes]!,
  );
  return isOn(heap, record, waitRecord) ? text : undefined;
}

/** Where the description of a wait record begins. */
function textIn(waits: number): number {
  return WAIT_RECORD.waits + 2 * waits;
}

function readText(heap: Heap, at: number, length: number): string | undefined {
  const from = at * 4;
  if (length < 0 || length > MOST_BYTES || from + length > heap.bytes.length) return undefined;
  // Copied first: a decoder takes no shared memory.
  return decoder.decode(heap.bytes.slice(from, from + length));
}
