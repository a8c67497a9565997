/**
 * The worker registry of a heap: one record per thread that uses it, and the judgement of who is dead.
 *
 * A record goes VACANT -> CLAIMED -> ALIVE -> DEAD -> SWEEPING -> VACANT; only the winner of the CAS to SWEEPING sweeps, and if that worker dies too,
 * the next one takes the sweep over. Ids carry a generation, so owner words in primitives need no sweep: an id that is not its slot's current one is dead.
 * Nobody supervises: whoever waits looks, at least every SLICE_MS (see parker.ts).
 */
import { TooManyWorkersError } from "../errors/index.js";
import { add, compareExchange, load, store } from "./atomics.js";
import type { Heap } from "./heap.js";
import {
  ALIVE,
  CLAIMED,
  DEAD,
  GENERATION_MASK,
  HEADER,
  MAX_WORKERS,
  RECORD,
  RECORD_WORDS,
  REGISTRY_AT,
  SLOT_BITS,
  SLOT_MASK,
  SWEEPING,
  VACANT,
} from "./layout.js";
import { isRunning, thisThread } from "./liveness.js";

/** Between two looks at the whole registry by one worker. */
const REAP_INTERVAL_MS = 100;

export class Registry {
  readonly #heap: Heap;
  #lastReap = 0;
  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** Where the record of a worker stands. */
  recordOf(worker: number): number {
    return REGISTRY_AT + (worker & SLOT_MASK) * RECORD_WORDS;
  }

  /** Enters the calling thread; returns its worker id. Slot 0 is never used, so that no id is 0. */
  join(): number {
    const { words } = this.#heap;
    const identity = thisThread();
    for (let pass = 0; pass < 2; pass++) {
      for (let slot = 1; slot <= MAX_WORKERS; slot++) {
        const record = REGISTRY_AT + slot * RECORD_WORDS;
        if (load(words, record + RECORD.state) !== VACANT || compareExchange(words, record + RECORD.state, VACANT, CLAIMED) !== VACANT) continue;
        const generation = ((words[record + RECORD.id]! >>> SLOT_BITS) + 1) & GENERATION_MASK || 1;
        const id = (generation << SLOT_BITS) | slot;
        // Not the nodes: the sweep has emptied them, and their sequences go on so that a late waker's CAS fails.
        words.fill(0, record + RECORD.pid, record + RECORD.nodes);
        words[record + RECORD.pid] = identity.pid;
        words[record + RECORD.tid] = identity.tid;
        words[record + RECORD.startTime] = identity.startTime;
        store(words, record + RECORD.id, id);
        store(words, record + RECORD.state, ALIVE);
        for (let high = load(words, HEADER.workersHigh); high <= slot; ) {
          const seen = compareExchange(words, HEADER.workersHigh, high, slot + 1);
          if (seen === high) break;
          high = seen;
        }
        return id;
      }
      this.reap(true);
    }
    throw new TooManyWorkersError(`more than ${MAX_WORKERS} workers share one heap; end some, or use a pool instead of one worker per piece of work`);
  }

  /** As far as the registry knows. Two loads. */
  isAlive(worker: number): boolean {
    const { words } = this.#heap;
    const record = this.recordOf(worker);
    return load(words, record + RECORD.id) === worker && load(words, record + RECORD.state) === ALIVE;
  }

  /** Asks the kernel too; a worker found dead is declared dead and swept. */
  confirmAlive(worker: number): boolean {
    if (!this.isAlive(worker)) return false;
    if (this.#kernelSaysRunning(this.recordOf(worker))) return true;
    this.declareDead(worker);
    return false;
  }

  /** The worker has ended, in whatever way: what it held passes on. Harmless when it is known already. */
  declareDead(worker: number): void {
    const { words } = this.#heap;
    const record = this.recordOf(worker);
    if (load(words, record + RECORD.id) !== worker) return;
    compareExchange(words, record + RECORD.state, ALIVE, DEAD);
    this.#sweep(record);
  }

  /** Looks at every worker, at most every REAP_INTERVAL_MS unless `now`. */
  reap(now = false): void {
    const time = performance.now();
    if (!now && time - this.#lastReap < REAP_INTERVAL_MS) return;
    this.#lastReap = time;
    const { words } = this.#heap;
    const self = this.#heap.selfIfJoined;
    const high = load(words, HEADER.workersHigh);
    for (let slot = 1; slot < high; slot++) {
      const record = REGISTRY_AT + slot * RECORD_WORDS;
      const state = load(words, record + RECORD.state);
      if (state === ALIVE) {
        const worker = load(words, record + RECORD.id);
        if (worker !== self && !this.#kernelSaysRunning(record)) this.declareDead(worker);
      } else if (state === DEAD || state === SWEEPING) {
        this.#sweep(record);
      }
    }
  }

  /** The ids of all workers alive. */
  workers(): number[] {
    const { words } = this.#heap;
    const high = load(words, HEADER.workersHigh);
    const alive: number[] = [];
    for (let slot = 1; slot < high; slot++) {
      const record = REGISTRY_AT + slot * RECORD_WORDS;
      if (load(words, record + RECORD.state) === ALIVE) alive.push(load(words, record + RECORD.id));
    }
    return alive;
  }

  /** The next number of a counter of names, from 1. */
  nextName(counter: number): number {
    return add(this.#heap.words, counter, 1) + 1;
  }

  #kernelSaysRunning(record: number): boolean {
    const { words } = this.#heap;
    return isRunning({ pid: words[record + RECORD.pid]!, tid: words[record + RECORD.tid]!, startTime: words[record + RECORD.startTime]! });
  }

  /**
   * Passes on what a dead worker had won but not taken, and gives back what it had allocated. Each step may be repeated:
   * wake-ups are passed on before the node is cleared, so a sweeper that dies between the two doubles a wake-up rather than losing it.
   */
  #sweep(record: number): void {
    const heap = this.#heap;
    const { words } = heap;
    const self = heap.self;
    const state = load(words, record + RECORD.state);
    if (state === SWEEPING) {
      const other = load(words, record + RECORD.sweeper);
      if (other === self || other === 0 || this.isAlive(other) || compareExchange(words, record + RECORD.sweeper, other, self) !== other) return;
    } else if (state === DEAD && compareExchange(words, record + RECORD.state, DEAD, SWEEPING) === DEAD) {
      store(words, record + RECORD.sweeper, self);
    } else return;
    const dead = load(words, record + RECORD.id);
    heap.waitQueue.passOn(record);
    heap.references.dropAllOf(record);
    heap.allocator.freeDraftsOf(dead);
    store(words, record + RECORD.sweeper, 0);
    store(words, record + RECORD.state, VACANT);
  }
}
