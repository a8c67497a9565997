/**
 * What one operation of the library does to shared memory, counted at the door to atomics: the controlled twin asks
 * before each operation, so the counts are exact and the same each time. One thread is all
 * workers of a tally, by turns: each worker has a heap object of its own over the same memory.
 */
import { type Controller, control, NOTIFY, UPDATE, WAIT } from "../../src/platform/controlled-atomics.js";
import type { Heap } from "../../src/memory/heap.js";
import { createThreadHeap, renewThreadHeap, type ThreadHeapBuffers } from "../../src/memory/thread-heap.js";

/** Words of a cache line. */
const LINE_SHIFT = 4;

/** Thrown out of a sleep: the worker stays asleep, and nothing of what its `finally` blocks do reaches memory. */
const ASLEEP = Symbol("asleep");

export interface Counts {
  /** Operations on shared memory, plain reading and writing of the library's own words included. */
  operations: number;
  /** Those of them that read the records of workers. */
  recordReads: number;
  /** Lines that had to come from another core, if each worker had one: somebody else had written them since. */
  moves: number;
  /** Lines that more than one worker wrote. */
  sharedLines: number;
  /** Internal mutexes entered. */
  mutexes: number;
  /** Calls of the kernel: to sleep, and to wake. */
  sleeps: number;
  wakes: number;
}

/** Where the records of the registry stand. */
interface Registry {
  readonly from: number;
  readonly to: number;
}

export class Tally implements Controller {
  readonly #buffers: ThreadHeapBuffers;
  readonly #registry: Registry;
  readonly #heaps: Heap[] = [];
  readonly #ids: number[] = [];
  /** Of each line, who has a copy of what was last written there. */
  readonly #copies = new Map<number, Set<number>>();
  /** Of each line, who wrote it since the counting began. */
  #writers = new Map<number, Set<number>>();
  #worker = 0;
  #isAsleep = false;
  #counts: Counts | undefined;
  #place = 0;
  #kind = 0;
  /** What happens while the next sleeper sleeps; it goes on afterwards. Without it the sleeper stays asleep. */
  #meanwhile: (() => void) | undefined;

  constructor(workers: number, registry: Registry) {
    this.#registry = registry;
    this.#buffers = createThreadHeap();
    control(this);
    for (let worker = 0; worker < workers; worker++) {
      this.#worker = worker;
      const heap = renewThreadHeap(this.#buffers) as Heap;
      this.#heaps.push(heap);
      this.#ids.push(heap.self);
    }
  }

  get thread(): { pid: number; tid: number; startTime: number } {
    return { pid: process.pid, tid: this.#worker + 1, startTime: 1 };
  }

  isAlive(): boolean {
    return true;
  }

  /** The heap as a worker sees it. */
  heapOf(worker: number): Heap {
    return this.#heaps[worker]!;
  }

  /** Runs `body` as that worker. True when it came to its end, false when it fell asleep. */
  as(worker: number, body: () => void): boolean {
    const before = this.#worker;
    this.#worker = worker;
    try {
      body();
      return true;
    } catch (error) {
      if (error !== ASLEEP) throw error;
      return false;
    } finally {
      this.#isAsleep = false;
      this.#worker = before;
    }
  }

  /** The next one that falls asleep wakes up after `meanwhile`. */
  whileAsleep(meanwhile: () => void): void {
    this.#meanwhile = meanwhile;
  }

  /** Counts from here on. */
  begin(): void {
    this.#counts = { operations: 0, recordReads: 0, moves: 0, sharedLines: 0, mutexes: 0, sleeps: 0, wakes: 0 };
    this.#writers = new Map();
  }

  pauseCounting<T>(body: () => T): T {
    const counts = this.#counts;
    this.#counts = undefined;
    try {
      return body();
    } finally {
      this.#counts = counts;
    }
  }

  end(): Counts {
    const counts = this.#counts!;
    this.#counts = undefined;
    for (const writers of this.#writers.values()) if (writers.size > 1) counts.sharedLines++;
    return counts;
  }

  before(operation: number, cells: ArrayBufferView, index: number): void {
    if (this.#isAsleep) throw ASLEEP;
    this.#kind = operation;
    const isControl = cells.buffer === (this.#buffers.control as ArrayBufferLike);
    this.#place = isControl ? cells.byteOffset / 4 + index : -1;
    const counts = this.#counts;
    if (counts !== undefined) {
      counts.operations++;
      if (operation === NOTIFY) counts.wakes++;
      if (isControl && this.#place >= this.#registry.from && this.#place < this.#registry.to) counts.recordReads++;
    }
    if (!isControl || operation === NOTIFY || operation === WAIT) return;
    const line = this.#place >> LINE_SHIFT;
    const copies = this.#copies.get(line);
    if (copies === undefined) this.#copies.set(line, new Set([this.#worker]));
    else if (!copies.has(this.#worker)) {
      copies.add(this.#worker);
      if (counts !== undefined) counts.moves++;
    }
  }

  after(wrote: boolean, old: number, now: number): void {
    if (!wrote || this.#place < 0 || this.#kind === NOTIFY) return;
    const line = this.#place >> LINE_SHIFT;
    this.#copies.set(line, new Set([this.#worker]));
    if (this.#counts === undefined) return;
    const writers = this.#writers.get(line);
    if (writers === undefined) this.#writers.set(line, new Set([this.#worker]));
    else writers.add(this.#worker);
    // Who enters an internal mutex writes its id there; the word of a Lock has flags beside it.
    if (this.#kind === UPDATE && old === 0 && now === this.#ids[this.#worker]) this.#counts.mutexes++;
  }

  sleep(): boolean {
    if (this.#counts !== undefined) this.#counts.sleeps++;
    const meanwhile = this.#meanwhile;
    this.#meanwhile = undefined;
    if (meanwhile !== undefined) {
      meanwhile();
      return true;
    }
    this.#isAsleep = true;
    throw ASLEEP;
  }

  notify(): number {
    return 1;
  }

  listen(): Promise<"ok"> {
    return new Promise(() => {});
  }

  pause(): void {}
}
