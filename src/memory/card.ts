/**
 * What a worker tells of itself to all others that share the heap: its card, and on it the notice of a wait that has lasted long.
 *
 * Only the worker itself writes them. A notice is complete before one store puts it on the card, changes in nothing but `looks` while it is there, and is freed after
 * one store took it off: so a reader who finds the same notice of the same generation on the card before and after has read it whole, and the wait's caller had not
 * gone on meanwhile. That the wait had not succeeded just then is told by `looks`, which the worker raises after each attempt in vain.
 * Both are drafts: after a death they go back with the others. No worker waits for another here.
 */
import { OutOfMemoryError } from "../errors/index.js";
import { exchange, load, store } from "#atomics";
import type { Heap } from "./heap.js";
import { ALIVE, type AWAITING, type BLOCKING, BLOCK_HEADER_WORDS, CARD, DRAFT, KIND, NOTICE, RECORD, STATE_BITS, STATE_MASK } from "./layout.js";
import { pageStateWord } from "./page-table.js";
import { generationWord, stillStands } from "./sighting.js";

/** Flags of a notice. The wait may end with an error. */
export const REFUSABLE = 1;
/** It has no timeout. */
export const ENDLESS = 2;
/** It is an event loop's, which has nothing else to do. */
export const IDLE = 4;
/** In how many heaps it waits, each of which has a notice. */
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
export interface Notice {
  /** One for most blocking waits; for a select, which whatever comes first ends, and for an event loop all that it waits for in this heap. */
  readonly waits: readonly Awaited[];
  readonly flags: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly text: string;
}

/** A notice as another worker finds it. */
export interface FoundNotice extends Omit<Notice, "text"> {
  readonly block: number;
  readonly generation: number;
  /** The state of the page around it. */
  readonly page: number;
  /** Attempts that had failed by then. */
  readonly looks: number;
}

/** Writes the card of the calling worker. In full memory it goes without: reports call it by its numbers. */
export function writeCard(heap: Heap, identity: string): void {
  const bytes = encoder.encode(identity).subarray(0, MOST_BYTES);
  let card: number;
  try {
    card = heap.allocator.allocate(CARD.text + ((bytes.length + 3) >> 2), KIND.plain, DRAFT);
  } catch (error) {
    if (error instanceof OutOfMemoryError) return;
    throw error;
  }
  heap.words[card + CARD.bytes] = bytes.length;
  heap.bytes.set(bytes, (card + CARD.text) * 4);
  store(heap.words, heap.record + RECORD.card, card);
}

/** Where the card of a record's worker stands, 0 for none, or where none can stand. */
export function cardOf(heap: Heap, record: number): number {
  const card = load(heap.words, record + RECORD.card);
  return card > 0 && card + CARD.text <= heap.words.length ? card : 0;
}

/** Puts a notice on the calling worker's card; returns its block, 0 where there is no card. */
export function putNotice(heap: Heap, { waits, flags, since, text }: Notice): number {
  const card = cardOf(heap, heap.record);
  if (card === 0) return 0;
  const bytes = encoder.encode(text).subarray(0, MOST_BYTES);
  const notice = heap.allocator.allocate(textIn(waits.length) + ((bytes.length + 3) >> 2), KIND.plain, DRAFT);
  const { words } = heap;
  words[notice + NOTICE.flags] = flags;
  words[notice + NOTICE.sinceHigh] = Math.floor(since / HIGH_ONE);
  words[notice + NOTICE.sinceLow] = Math.floor(since % HIGH_ONE);
  words[notice + NOTICE.count] = waits.length;
  words[notice + NOTICE.bytes] = bytes.length;
  waits.forEach(({ at, key }, index) => {
    words[notice + NOTICE.waits + 2 * index] = at;
    words[notice + NOTICE.waits + 2 * index + 1] = key;
  });
  heap.bytes.set(bytes, (notice + textIn(waits.length)) * 4);
  store(words, card + CARD.notice, notice);
  return notice;
}

/** Says on the notice that another attempt has failed. */
export function lookedInVain({ words }: Heap, notice: number): void {
  store(words, notice + NOTICE.looks, (words[notice + NOTICE.looks]! + 1) | 0);
}

/** Asks a worker to look for the deadlock that it is part of, and wakes it for that. In its record, which is always there: a worker that came after it looks once for nothing. */
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

/** Takes the notice off the card and gives it back. */
export function takeNotice(heap: Heap, notice: number): void {
  // In this order: nobody finds a notice on a card whose words belong to somebody else by then.
  const card = cardOf(heap, heap.record);
  if (card !== 0) store(heap.words, card + CARD.notice, 0);
  heap.allocator.free(notice);
}

/** The identity that a living worker has written down; undefined where it has none. */
export function readCard(heap: Heap, record: number): string | undefined {
  heap.catchUp();
  const state = load(heap.words, record + RECORD.state);
  const card = cardOf(heap, record);
  if (card === 0 || (state & STATE_MASK) !== ALIVE) return undefined;
  const text = readText(heap, card + CARD.text, heap.words[card + CARD.bytes]!);
  // The card of a worker that ended meanwhile is somebody else's memory.
  return load(heap.words, record + RECORD.state) === state ? text : undefined;
}

/** The notice on a living worker's card. */
export function findNotice(heap: Heap, record: number): FoundNotice | undefined {
  heap.catchUp();
  const { words } = heap;
  const state = load(words, record + RECORD.state);
  const card = cardOf(heap, record);
  if (card === 0 || (state & STATE_MASK) !== ALIVE) return undefined;
  const block = load(words, card + CARD.notice);
  if (block < BLOCK_HEADER_WORDS || block + NOTICE.waits > words.length) return undefined;
  const page = load(words, pageStateWord(block));
  const generation = load(words, generationWord(block));
  // Asked again: the block may have been freed before its generation was read, and stand there half written for the next notice.
  if (load(words, card + CARD.notice) !== block) return undefined;
  const count = words[block + NOTICE.count]!;
  if (count < 0 || count > MOST_WAITS || block + textIn(count) > words.length) return undefined;
  const found = {
    block,
    generation,
    page,
    waits: Array.from({ length: count }, (_, index) => ({
      at: words[block + NOTICE.waits + 2 * index]!,
      key: words[block + NOTICE.waits + 2 * index + 1]!,
    })),
    flags: words[block + NOTICE.flags]!,
    since: words[block + NOTICE.sinceHigh]! * HIGH_ONE + words[block + NOTICE.sinceLow]!,
    looks: load(words, block + NOTICE.looks),
  };
  return load(words, record + RECORD.state) === state && isOn(heap, record, found) ? found : undefined;
}

/** Whether a notice that was found is still on the card: if so, nothing that was read of it since was anything else, and the wait has not ended. */
export function isOn(heap: Heap, record: number, { block, generation, page }: FoundNotice): boolean {
  const { words } = heap;
  const card = cardOf(heap, record);
  return card !== 0 && load(words, card + CARD.notice) === block && stillStands(words, block, page, generation);
}

/** The description on a notice; undefined when it was taken off meanwhile. */
export function readNotice(heap: Heap, record: number, notice: FoundNotice): string | undefined {
  const text = readText(heap, notice.block + textIn(notice.waits.length), heap.words[notice.block + NOTICE.bytes]!);
  return isOn(heap, record, notice) ? text : undefined;
}

/** Where the description of a notice begins. */
function textIn(waits: number): number {
  return NOTICE.waits + 2 * waits;
}

function readText(heap: Heap, at: number, length: number): string | undefined {
  const from = at * 4;
  if (length < 0 || length > MOST_BYTES || from + length > heap.bytes.length) return undefined;
  // Copied first: a decoder takes no shared memory.
  return decoder.decode(heap.bytes.slice(from, from + length));
}

/** The worker id of a record, 0 unless it is alive. */
export function livingIn(heap: Heap, record: number): number {
  const word = load(heap.words, record + RECORD.state);
  return (word & STATE_MASK) === ALIVE ? word >>> STATE_BITS : 0;
}
