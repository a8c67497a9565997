/**
 * The worker registry of a heap: one record per thread that uses it, and the judgement of who is dead.
 *
 * A record's state word holds the worker's id beside the state, id << 3 | state, so every transition names the worker
 * it is about: VACANT -> CLAIMED -> ALIVE -> DEAD -> VACANT. The worker that wins the CAS on `sweeper` sweeps a DEAD
 * record; if it ends too, the next takes the sweep over. Whether the sweeper lives is asked of the kernel, not here: a
 * worker that ends cleanly sweeps its own record.
 * Ids carry a generation, so owner words in primitives need no sweep: an id that is not its slot's current one is dead.
 * Before the generations of a slot begin anew, words that still name its workers are struck out (see
 * objects/worker-names.ts).
 * Nobody supervises: one of those who wait looks at all workers, the others see that it does (see turn.ts).
 */
import { TooManyWorkersError } from "../errors/index.js";
import { add, compareExchange, controlled, load, slice, store } from "#atomics";
import { type Heap, onHeap } from "../memory/heap.js";
import type { WorkerLiveness } from "../memory/liveness.js";
import {
  ALIVE,
  CLAIMED,
  DEAD,
  HEADER,
  MAX_WORKERS,
  RECORD,
  RECORD_WORDS,
  recordOf,
  REGISTRY_AT,
  SLOT_BITS,
  SLOT_MASK,
  STATE_BITS,
  STATE_MASK,
  VACANT,
} from "../memory/layout.js";
import { monotonicMs, realNow } from "../memory/clock.js";
import { forgetEntered, noteEntered } from "./entered-heaps.js";
import { SLICE_MS, sliceOf, untilPhase } from "./crowd.js";
import { thisThread, type ThreadStat, threadStatOf } from "../platform/index.js";
import { contain } from "../memory/mishap.js";
import { Turn } from "./turn.js";
import { livingWorkers, stateWord } from "./records.js";
import { isWorn, kernelSaysRunning, nextGeneration, RecordSweeper } from "./record-sweeper.js";
import "./memory-steps.js";
import "./wait-queue.js";
import { isArmed } from "./worker-nodes.js";

/** Between two looks at all workers of a heap, by the one that has the turn. A look reads one kernel file a worker. */
const LOOK_EVERY_MS = 200;
const OVERDUE_MS = 500;
/**
 * The longest sleep in one piece of the one that looks, and of the others while it is late; else theirs is a slice, or
 * what a crowd allows (crowd.ts). After each the waiter attempts again, and a thread in a native wait notices
 * `terminate()`. Waking a thread for nothing costs some 0.1 ms, and an event loop twice that, most of it in the kernel
 * and in Node.
 */
const LOOKER_SLICE_MS = slice(300);
const LATE_SLICE_MS = slice(150);
/** The one that looks is late from here on: a little later than it wakes. */
const LATE_MS = 400;
/** How often one worker asks whether it is its turn: some of those who ask try in vain again and again. */
const ASK_EVERY_MS = 100;

/** What a hook was doing, if words of shared memory are spoilt. */
const LOOKING = "looking after a worker that was started here";
const HEEDING = "looking whether this worker was asked to end";

/** What else to do after each look: a starter looks after a worker that may end before it is in the registry. */
export const sliceHooks = new Set<() => void>();

/**
 * What else a blocked thread looks at after each sleep. Who asks for it rings (`Parker.rouse`): no sleep is shorter.
 */
export const requests = new Set<() => void>();

declare module "../memory/heap.js" {
  interface Heap {
    readonly registry: Registry;
  }
}

onHeap((heap) => {
  const registry = new Registry(heap);
  Object.assign(heap, { registry });
  heap.liveness = registry;
});

export class Registry implements WorkerLiveness {
  readonly #heap: Heap;
  readonly #sweeper: RecordSweeper;
  readonly #turn = new Turn(HEADER.looked, LOOK_EVERY_MS, OVERDUE_MS);
  #lastAsked = 0;
  /** A slot was passed over when this worker joined. */
  #metWorn = false;
  constructor(heap: Heap) {
    this.#heap = heap;
    this.#sweeper = new RecordSweeper(heap);
  }

  /** Where the record of a worker stands. */
  recordOf(worker: number): number {
    return recordOf(worker);
  }

  /** Enters the calling thread; returns its worker id. Slot 0 is never used, so that no id is 0. */
  join(): number {
    this.#sweeper.isJoining = true;
    try {
      return this.#join();
    } finally {
      this.#sweeper.isJoining = false;
    }
  }

  joined(): void {
    noteEntered(this.#heap);
    this.renewSlots();
  }

  forget(): void {
    forgetEntered(this.#heap);
  }

  #join(): number {
    const { words } = this.#heap;
    const identity = thisThread();
    for (let pass = 0; pass < 2; pass++) {
      for (let slot = 1; slot <= MAX_WORKERS; slot++) {
        const record = REGISTRY_AT + slot * RECORD_WORDS;
        const vacant = load(words, record + RECORD.state);
        if ((vacant & STATE_MASK) !== VACANT) continue;
        const generation = nextGeneration(vacant);
        if (isWorn(words, record, vacant)) {
          this.#metWorn = true;
          continue;
        }
        const id = (generation << SLOT_BITS) | slot;
        if (compareExchange(words, record + RECORD.state, vacant, stateWord(id, CLAIMED)) !== vacant) continue;
        // Not the nodes: the sweep has emptied them, and a late waker's CAS fails by their sequences.
        // Not the sweeper: it strikes itself out.
        words.fill(0, record + RECORD.pid, record + RECORD.sweeper);
        words.fill(0, record + RECORD.references, record + RECORD.nodes);
        words[record + RECORD.pid] = identity.pid;
        words[record + RECORD.tid] = identity.tid;
        words[record + RECORD.startTime] = identity.startTime;
        store(words, record + RECORD.id, id);
        store(words, record + RECORD.state, stateWord(id, ALIVE));
        for (let high = load(words, HEADER.workersHigh); high <= slot; ) {
          const seen = compareExchange(words, HEADER.workersHigh, high, slot + 1);
          if (seen === high) break;
          high = seen;
        }
        return id;
      }
      this.reap(true);
    }
    throw tooManyWorkers();
  }

  /** Whether so many more workers can enter now; others may be faster. Looks for the dead before it says no. */
  hasRoomFor(workers: number): boolean {
    if (this.#countVacant() >= workers) return true;
    this.reap(true);
    return this.#countVacant() >= workers;
  }

  #countVacant(): number {
    const { words } = this.#heap;
    let vacant = 0;
    for (let slot = 1; slot <= MAX_WORKERS; slot++) {
      const record = REGISTRY_AT + slot * RECORD_WORDS;
      const word = load(words, record + RECORD.state);
      if ((word & STATE_MASK) === VACANT && !isWorn(words, record, word)) vacant++;
    }
    return vacant;
  }

  /** As far as the registry knows. One load. */
  isAlive(worker: number): boolean {
    return load(this.#heap.words, this.recordOf(worker) + RECORD.state) === stateWord(worker, ALIVE);
  }

  /**
   * Whether a worker that is dead ended normally, so that what it took is used up. Asked of a worker that a semaphore
   * names: none does any more once the record of one that ended normally is vacant.
   */
  endedNormally(worker: number): boolean {
    const { words } = this.#heap;
    const record = this.recordOf(worker);
    return load(words, record + RECORD.id) === worker && load(words, record + RECORD.ended) === 1;
  }

  /** A worker may hold, from here on, what its ledger does not name. */
  markStrays(worker: number): void {
    store(this.#heap.words, this.recordOf(worker) + RECORD.strays, 1);
  }

  /** What the kernel tells of a worker's thread; undefined where it does not. */
  threadStatOf(worker: number): ThreadStat | undefined {
    if (controlled) return undefined;
    const { words } = this.#heap;
    const record = this.recordOf(worker);
    return threadStatOf(words[record + RECORD.pid]!, words[record + RECORD.tid]!);
  }

  /** Asks the kernel too; a worker found dead is declared dead and swept. */
  confirmAlive(worker: number): boolean {
    if (!this.isAlive(worker)) return false;
    if (kernelSaysRunning(this.#heap.words, this.recordOf(worker))) return true;
    this.declareDead(worker);
    return false;
  }

  /** The worker has ended, in whatever way: what it held passes on. Harmless when it is known already. */
  declareDead(worker: number): void {
    const isNews = this.markDead(worker);
    this.#sweeper.sweep(this.recordOf(worker), worker);
    // A worker that ends by itself has said so. This one may have died before it woke somebody.
    if (isNews) this.#heap.waitQueue.rouseAll();
  }

  /** The worker is about to end; it sweeps nothing itself. False when that is known. */
  markDead(worker: number): boolean {
    const alive = stateWord(worker, ALIVE);
    return (
      compareExchange(this.#heap.words, this.recordOf(worker) + RECORD.state, alive, stateWord(worker, DEAD)) === alive
    );
  }

  /** Looks at every worker, if nobody does; `now`: in any case. For those who tried in vain. */
  reap(now = false): void {
    if (now) {
      this.#turn.seize(this.#heap.words);
      this.#look();
    } else {
      const time = realNow();
      if (time - this.#lastAsked < ASK_EVERY_MS) return;
      this.#lastAsked = time;
      if (this.#turn.take(this.#heap.words)) this.#look();
    }
    this.heed();
  }

  /** Looks at what concerns this thread alone: the workers that it started, and what it is asked. */
  heed(): void {
    for (const look of sliceHooks) contain(LOOKING, look);
    for (const look of requests) contain(HEEDING, look);
  }

  /**
   * For a waiter after each slice: looks at every worker if it is its turn. How long it may sleep in one piece then, so
   * that a death is noticed within a second. `isLasting`: it has waited for some slices in vain, and may sleep as long
   * as the crowd allows.
   */
  watch(isLasting: boolean): number {
    const { words } = this.#heap;
    if (this.#turn.take(words)) this.#look();
    this.heed();
    if (this.#turn.isMine(words)) return LOOKER_SLICE_MS;
    if (this.#turn.ago > LATE_MS) return LATE_SLICE_MS;
    if (!isLasting || sliceHooks.size > 0 || !this.#heap.isSleepCutShort) return SLICE_MS;
    const most = sliceOf(load(words, HEADER.crowd));
    return most === SLICE_MS ? SLICE_MS : untilPhase(this.#heap.self & SLOT_MASK, monotonicMs() >>> 0, most);
  }

  /** It waits no longer: somebody else is to look. */
  endWatch(): void {
    this.#turn.leave(this.#heap.words);
  }

  #look(): void {
    const { words } = this.#heap;
    const self = this.#heap.selfIfJoined;
    const high = Math.min(load(words, HEADER.workersHigh), MAX_WORKERS + 1);
    let found = false;
    let crowd = 0;
    for (let slot = 1; slot < high; slot++) {
      const record = REGISTRY_AT + slot * RECORD_WORDS;
      const word = load(words, record + RECORD.state);
      const worker = word >>> STATE_BITS;
      const state = word & STATE_MASK;
      if (state === ALIVE) {
        if (isArmed(this.#heap, record)) crowd++;
        if (worker === self || kernelSaysRunning(words, record)) continue;
        found = this.markDead(worker) || found;
        this.#sweeper.sweep(record, worker);
      } else if (state === DEAD) {
        this.#sweeper.sweep(record, worker);
      } else if (state === VACANT) {
        this.#sweeper.renew(record, word);
      }
    }
    store(words, HEADER.crowd, crowd);
    // Of a death that nobody had told of the others hear now, not after a slice of their own.
    if (found) this.#heap.waitQueue.rouseAll();
  }

  /** Has slots renewed that were passed over when this worker joined. */
  renewSlots(): void {
    if (!this.#metWorn) return;
    this.#metWorn = false;
    const { words } = this.#heap;
    const high = Math.min(load(words, HEADER.workersHigh), MAX_WORKERS + 1);
    for (let slot = 1; slot < high; slot++) {
      const record = REGISTRY_AT + slot * RECORD_WORDS;
      this.#sweeper.renew(record, load(words, record + RECORD.state));
    }
  }

  /** The ids of all workers alive. */
  workers(): number[] {
    return livingWorkers(this.#heap.words);
  }

  /** The next number of a counter of names, from 1. */
  nextName(counter: number): number {
    return add(this.#heap.words, counter, 1) + 1;
  }
}

/** The heap has no slot for another worker. */
export function tooManyWorkers(): TooManyWorkersError {
  return new TooManyWorkersError(
    `more than ${MAX_WORKERS} workers share one heap; end some, or use a pool instead of one worker per piece of work`,
  );
}
