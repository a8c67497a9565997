/**
 * The heaps across processes. Each is one anonymous, sparse memory file: a program's own, made by the first worker that
 * needs it and inherited by descriptor at spawn; other programs', reopened through a living process that has them (see
 * platform/linux/members.ts) when an object of theirs arrives; the machine's (see machine-heap.ts). The files stand in
 * no directory, so nothing is left behind however the programs end; each is mapped once per process and never unmapped.
 *
 * The first CONTROL_BYTES are the control region, the rest is the data region in windows of at most WINDOW_BYTES,
 * because larger views abort Node 20.
 *
 * A view reaches as far as somebody needed, no further: V8 counts each view as memory of its own, and collects garbage
 * when that is much. A view of all 2 GiB costs each process three full collections, one at once and two some seconds
 * later, while it may only wait.
 */
import { isMainThread } from "node:worker_threads";
import { AttachError, TooLargeError } from "../errors/index.js";
// Stands around native code that this file has loaded.
import "./addon-guard.js";
import { heapFull, notThere } from "./heap-errors.js";
import {
  type Arena,
  checkArena,
  checkHeader,
  CONTROL_BYTES,
  createArena,
  DATA_BYTES,
  findArena,
  mapArena,
  readHeader,
  WINDOW_BYTES,
} from "./arena.js";
import { compareExchange, load, slice, store } from "#atomics";
import { queueRealMicrotask, setRealTimeout } from "./clock.js";
import { checkEnd, formatHeap, Heap } from "./heap.js";
import { BLOCKING, BLOCKS_AT, HEADER, LAYOUT_VERSION, RECORD, SLOT_MASK, UNIT_BYTES } from "./layout.js";
import {
  type Bell,
  type Member,
  type MemoryHandle,
  platform,
  processPlatform,
  type ProcessPlatform,
} from "../platform/index.js";
import type { UserBuffer } from "./regions.js";
import { onSleeperInProcessHeap, threadHeap, threadHeapOf } from "./thread-heap.js";

const CONTROL_WORDS = CONTROL_BYTES / 4;
const RESERVE_WORDS = 2 ** 18;
/** What a view spans at first; then it doubles. V8 begins to collect at 64 MiB. */
const LEAST_VIEW_BYTES = 2 ** 22;
/** How soon a loop looks that has no doorbell. */
const BELL_LESS_LOOK_MS = slice(700);
/** Cases of tests use no more. */
const RENEWED_WORDS = 2 ** 19;

export class ProcessHeap extends Heap {
  readonly across = "processes";
  readonly windowUnits = WINDOW_BYTES / UNIT_BYTES;
  /** The memory file's descriptor in this process: what a child inherits. */
  readonly descriptor: MemoryHandle;
  readonly #memory: ProcessPlatform["memory"];
  readonly #waits: ProcessPlatform["words"];
  readonly #doorbells: ProcessPlatform["doorbells"];
  readonly #heapId: number;
  readonly #address: number;
  /** Of the data region: each as far as it is in use here. */
  readonly #windows: Uint8Array[] = [];
  /** Of other workers, by their slots. */
  readonly #bells = new Map<number, { readonly worker: number; readonly bell: Bell }>();
  /** This worker's own; kept here, so that it stays open. */
  #doorbell: object | undefined;
  #onRing: (() => void) | undefined;

  constructor({ heapId, descriptor, address }: Arena) {
    const { memory, words, doorbells } = processPlatform();
    super(new Int32Array(memory.view(address, LEAST_VIEW_BYTES)));
    this.descriptor = descriptor;
    this.#memory = memory;
    this.#waits = words;
    this.#doorbells = doorbells;
    this.#heapId = heapId;
    this.#address = address;
  }

  /** All but the one that this program made, or inherited. */
  get isForeign(): boolean {
    return this.id !== load(threadHeap().words, HEADER.ownHeap);
  }

  reserveWords(end: number): void {
    const reserved = load(this.words, HEADER.reserved);
    // Not by `reserved` alone: it is a word like others.
    if (end <= reserved && end <= this.words.length) return;
    checkEnd(end, Math.max(reserved, BLOCKS_AT));
    this.#reach(end);
  }

  addWords(brk: number, end: number): void {
    const reserved = load(this.words, HEADER.reserved);
    if (end <= reserved && end <= this.words.length) return;
    checkEnd(brk, Math.max(reserved, BLOCKS_AT));
    this.#reach(end);
  }

  #reach(end: number): void {
    if (end > CONTROL_WORDS)
      heapFull(
        `the control region of the memory that processes share (${CONTROL_BYTES / 2 ** 20} MiB for all objects, items and entries)`,
        end * 4 - CONTROL_BYTES,
      );
    if (end > load(this.words, HEADER.reserved)) this.#reserve(end);
    if (end <= this.words.length) return;
    const view = this.#memory.view(this.#address, viewBytes(end * 4));
    this.words = new Int32Array(view);
    this.bytes = new Uint8Array(view);
  }

  #reserve(end: number): void {
    const { words } = this;
    // As for extents, and in steps, since few programs need much of this region. Two workers may do it at once.
    const upTo = Math.min(CONTROL_WORDS, Math.ceil(end / RESERVE_WORDS) * RESERVE_WORDS);
    if (!this.#memory.commit(this.descriptor, 0, upTo * 4, this.#address)) heapFull("this machine", upTo * 4);
    for (let seen = load(words, HEADER.reserved); seen < upTo; ) {
      const found = compareExchange(words, HEADER.reserved, seen, upTo);
      if (found === seen) return;
      seen = found;
    }
  }

  placeExtent(brk: number, units: number): number {
    const bytes = units * UNIT_BYTES;
    if (bytes > WINDOW_BYTES)
      throw new TooLargeError(
        `${bytes} bytes are more than one piece of memory between processes can hold (${WINDOW_BYTES}); split it`,
      );
    const start = brk * UNIT_BYTES;
    const place = start % WINDOW_BYTES > WINDOW_BYTES - bytes ? Math.ceil(start / WINDOW_BYTES) * WINDOW_BYTES : start;
    if (place + bytes > DATA_BYTES) heapFull("the data memory that processes share", bytes);
    return place / UNIT_BYTES;
  }

  /** tmpfs would hand out pages that it does not have and kill the process by SIGBUS when they are touched. */
  reserveExtent(unit: number, units: number): void {
    const bytes = units * UNIT_BYTES;
    checkPlace(unit, bytes);
    if (!this.#memory.commit(this.descriptor, CONTROL_BYTES + unit * UNIT_BYTES, bytes, this.#address))
      heapFull("this machine", bytes);
  }

  data(unit: number, bytes: number): Uint8Array {
    checkPlace(unit, bytes);
    const start = unit * UNIT_BYTES;
    const index = Math.floor(start / WINDOW_BYTES);
    const from = start - index * WINDOW_BYTES;
    let window = this.#windows[index];
    if (window === undefined || window.length < from + bytes) {
      window = new Uint8Array(
        this.#memory.view(this.#address + CONTROL_BYTES + index * WINDOW_BYTES, viewBytes(from + bytes)),
      );
      this.#windows[index] = window;
    }
    return window.subarray(from, from + bytes);
  }

  userBuffer(unit: number, bytes: number): UserBuffer {
    checkPlace(unit, bytes);
    return { buffer: this.#memory.view(this.#address + CONTROL_BYTES + unit * UNIT_BYTES, bytes), byteOffset: 0 };
  }

  discardExtent(unit: number, units: number): void {
    checkPlace(unit, units * UNIT_BYTES);
    this.#memory.discard(this.descriptor, CONTROL_BYTES + unit * UNIT_BYTES, units * UNIT_BYTES, this.#address);
  }

  /** V8 ends no native wait, and only threads are ended by it. */
  readonly isSleepCutShort = isMainThread;

  sleep(at: number, expected: number, ms: number): void {
    this.#waits.wait(this.#address + at * 4, expected, ms, this.#heapId, at);
  }

  wakeSleeper(at: number): void {
    this.#waits.wake(this.#address + at * 4, this.#heapId, at);
  }

  /** Wakers here may be processes that cannot reach the other heap. */
  sleepingIn(): number {
    return 0;
  }

  wakeElsewhere(): void {}

  listen(onRing: () => void): void {
    this.#onRing = onRing;
    if (this.#doorbell === undefined) {
      const installed = this.#doorbells.install(this.#heapId, this.self & SLOT_MASK, () => this.#rung());
      if (installed === undefined) {
        // Too many open files. The wait that has begun goes on all the same: what it took, or is about to take back,
        // could go to nobody. It looks now and then, until there is a doorbell.
        setRealTimeout(() => this.#rung(), BELL_LESS_LOOK_MS).unref();
        return;
      }
      this.#doorbell = installed;
      this.words[this.record + RECORD.pipeInode] = installed.mark;
      store(this.words, this.record + RECORD.pipe, installed.word);
    }
    if (load(this.words, this.record + RECORD.doorbell) !== 0) queueRealMicrotask(() => this.#rung());
  }

  /** Always true: what the doorbell wants to hear to go on. */
  #rung(): true {
    const onRing = this.#onRing;
    this.#onRing = undefined;
    onRing?.();
    return true;
  }

  ringDoorbell(record: number): void {
    const worker = load(this.words, record + RECORD.id);
    const slot = worker & SLOT_MASK;
    let known = this.#bells.get(slot);
    if (known === undefined || known.worker !== worker) {
      known?.bell.close();
      this.#bells.delete(slot);
      const bell = this.#openBell(record, worker);
      if (bell === undefined) return;
      this.#bells.set(slot, (known = { worker, bell }));
    }
    known.bell.ring();
  }

  #openBell(record: number, worker: number): Bell | undefined {
    const { words } = this;
    const word = load(words, record + RECORD.pipe);
    // Not there yet: the waiter sees the raised flag when it starts to listen.
    if (word === 0) return undefined;
    const place = {
      heap: this.#heapId,
      slot: worker & SLOT_MASK,
      pid: words[record + RECORD.pid]!,
      word,
      mark: words[record + RECORD.pipeInode]!,
    };
    const bell = this.#doorbells.open(place);
    // The record may be another worker's by now, and with it what was read of it.
    if (bell === undefined || load(words, record + RECORD.id) === worker) return bell;
    bell.close();
    return undefined;
  }
}

/** What a view spans that needs so many bytes. Both regions' windows are powers of two. */
function viewBytes(needed: number): number {
  return Math.max(LEAST_VIEW_BYTES, 2 ** Math.ceil(Math.log2(needed)));
}

/** Behind the end of the mapping lies other memory of this process. */
function checkPlace(unit: number, bytes: number): void {
  const start = unit * UNIT_BYTES;
  if (
    !(
      unit >= 0 &&
      bytes >= 0 &&
      start + bytes <= DATA_BYTES &&
      Math.floor(start / WINDOW_BYTES) === Math.floor(Math.max(start, start + bytes - 1) / WINDOW_BYTES)
    )
  )
    notThere(unit, bytes);
}

/** This thread's, by their ids. */
const heaps = new Map<number, ProcessHeap>();
let own: ProcessHeap | undefined;
onSleeperInProcessHeap((record) => processHeap().ring(record, BLOCKING));

/**
 * This program's heap across processes; made, or found in this process, on first use. Throws `PlatformError` where
 * there can be none.
 */
export function processHeap(): ProcessHeap {
  if (own !== undefined) return own;
  const id = load(threadHeap().words, HEADER.ownHeap);
  let arena = id === 0 ? undefined : findArena(({ heapId }) => heapId === id);
  if (arena === undefined) {
    const { heapId, descriptor } = createArena(false);
    arena = mapArena(heapId, descriptor, true);
    copySettings(threadHeap().words, heapOfArena(arena).words);
  }
  return (own = heapOfArena(arena));
}

/** This program's own heap across processes, if a thread of this process has it open. */
export function processHeapIfOpen(): ProcessHeap | undefined {
  return own ?? (load(threadHeap().words, HEADER.ownHeap) === 0 ? undefined : processHeap());
}

/** All heaps across processes that this thread uses. */
export function processHeapsOpen(): ProcessHeap[] {
  return [...heaps.values()];
}

/** How diagnosis is set goes from the process that makes the heap to those that inherit it. */
function copySettings(from: Int32Array, to: Int32Array): void {
  for (const word of [HEADER.diagnosis, HEADER.lookAfter]) store(to, word, load(from, word));
}

/**
 * Empties this program's heap and begins anew, as if nobody had used it: between two cases of a test that spoils it. No
 * other worker may use it.
 */
export function renewProcessHeap(): ProcessHeap {
  const { words, descriptor, id } = processHeap();
  const arena = findArena(({ heapId }) => heapId === id)!;
  words.fill(0, 0, RENEWED_WORDS);
  formatHeap(words, id, [[HEADER.pidNamespace, platform.peers.namespace]]);
  heaps.delete(id);
  own = undefined;
  return (own = heapOfArena({ ...arena, descriptor }));
}

/**
 * Opens the heap that this process inherited from its parent as that descriptor: from then on it is its program's own.
 */
export function adoptProcessHeap(inherited: number, heapId: number): ProcessHeap {
  const descriptor = processPlatform().handOver.memory(inherited, { version: LAYOUT_VERSION, heap: heapId });
  const header = readHeader(descriptor);
  if (header === undefined || header[HEADER.heapId] !== heapId) {
    throw new AttachError(
      "the memory inherited from the parent process is not a heap of this version of allcores: parent and child must use the same version",
    );
  }
  checkHeader(header);
  own = heapOfArena(mapArena(heapId, descriptor, true));
  readoptProcessHeap(own);
  return own;
}

/** The same once more, for a worker that was started before its work was known. */
export function readoptProcessHeap(heap: ProcessHeap): void {
  // What the parent made for this worker may lie beyond the first view.
  heap.catchUp();
  copySettings(heap.words, threadHeap().words);
}

/**
 * The process heap of that id. One that this process has not mapped is looked for at the living processes of this user,
 * at `likely` first. Undefined when none has it. @throws AttachError when it must not be used here
 */
export function processHeapOf(heapId: number, likely?: Member): ProcessHeap | undefined {
  if (own !== undefined && own.id === heapId) return own;
  const known = heaps.get(heapId);
  if (known !== undefined) return known;
  const arena = findArena((arena) => arena.heapId === heapId);
  if (arena !== undefined) return heapOfArena(arena);
  // Where there is none, its error says more than that nothing was found.
  const descriptor = processPlatform().memory.find(
    { version: LAYOUT_VERSION, heap: heapId },
    (descriptor) => {
      const header = readHeader(descriptor);
      if (header === undefined || header[HEADER.heapId] !== heapId) return false;
      checkHeader(header);
      return true;
    },
    likely,
  );
  return descriptor === undefined ? undefined : heapOfFile(descriptor);
}

/** This copy of the library's view of a heap that another copy has given. */
export function heapHere(heap: Heap): Heap {
  if (heap instanceof Heap) return heap;
  const { across, id } = heap as Heap;
  const found = across === "threads" ? threadHeapOf(id) : processHeapOf(id);
  if (found === undefined)
    throw new AttachError(
      "an object stands in memory that another copy of allcores in this program has, and this one cannot reach",
    );
  return found;
}

/** The heap of a memory file that was checked. The descriptor is kept with it, or closed. */
export function heapOfFile(descriptor: MemoryHandle): ProcessHeap {
  return heapOfArena(mapArena(readHeader(descriptor)![HEADER.heapId]!, descriptor));
}

/** This thread's view of a heap that this process has mapped. */
export function heapOfArena(arena: Arena): ProcessHeap {
  let heap = heaps.get(arena.heapId);
  // Once for each thread: it has the address for itself from here on.
  if (heap === undefined) heaps.set(arena.heapId, (heap = new ProcessHeap(checkArena(arena))));
  return heap;
}
