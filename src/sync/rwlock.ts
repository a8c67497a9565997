/**
 * Many readers or one writer, phase-fair: a writer that waits holds newcomers among the readers back, and when it is
 * done all readers that wait come before the next writer. After Brandenburg and Anderson, "Reader-Writer
 * Synchronization for Shared-Memory Multiprocessor Real-Time Systems" (2009).
 */
import type { Facts } from "../codec/portrait.js";
import { Handle, type Hold, insideOf, onInspect, onMonitorNames, registerShared } from "../objects/index.js";
import { checkFunction, NotHeldError } from "../errors/index.js";
import { BLOCKING, type Heap, onDestroy } from "../memory/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";
import type { Held } from "./held.js";
import { HoldTable } from "./hold-table.js";
import { LockMonitor } from "./lock-monitor.js";
import { failsOnOwnerDeath, type LockOptions, LOCK_OPTIONS } from "./owner-death.js";
import { ReadSide } from "./read-side.js";
import { RWLockView } from "./rwlock-view.js";
import { RWLOCK, RWLOCK_WAITS, RWLOCK_WORDS, strikeOutDeadWriter } from "./rwlock-words.js";
import { WriteSide } from "./write-side.js";
import { KIND } from "./kinds.js";

/**
 * A lock that many may hold for reading, or one for writing.
 *
 * Two verbs take it, `read` and `write`. `rw.reading` and `rw.writing` are its two sides with the verbs of a `Lock`,
 * for `select` and for code that is given a lock.
 * **Fairness:** phase-fair: neither readers nor writers starve. Not re-entrant: a reader that reads again while a
 * writer waits blocks itself.
 * **Death:** what a dead reader held comes back; after a dead writer everybody sees `held.ownerDied` until a writer
 * calls `consistent()`, or gets an `OwnerDiedError` with `{ onOwnerDeath: "error" }`.
 * **Cancel:** a wait that is aborted or runs out leaves no trace; readers that a writer held back while it waited go
 * in.
 *
 * @example
 * ```ts
 * import { RWLock } from "allcores";
 * const lock = new RWLock();
 * {
 *   using a = lock.readSync();
 *   using b = lock.readSync();
 *   console.log(lock.tryWrite()); // undefined
 * }
 * {
 *   using writing = lock.writeSync();
 *   console.log(lock.tryRead()); // undefined
 * }
 * await lock.runWrite(() => console.log(lock.isWriting)); // true
 * lock.runWriteSync(() => console.log(lock.readers)); // 0
 * lock.runReadSync(() => console.log(lock.readers)); // 1
 * await lock.runRead(({ ownerDied }) => console.log(ownerDied)); // false
 * const held = await lock.read();
 * console.log(await lock.write({ timeout: 5 }).catch(({ code }) => code)); // ERR_ALLCORES_TIMEOUT
 * lock.release(); // as held[Symbol.dispose]() does
 * ```
 */
export class RWLock extends LockMonitor {
  readonly #holds: HoldTable;
  readonly #readSide: ReadSide;
  readonly #writeSide: WriteSide;
  #reading: RWLockView | undefined;
  #writing: RWLockView | undefined;

  /**
   * Makes a lock that nobody holds.
   *
   * @param options `across`: how far it reaches; `label`: its name in errors and reports; `onOwnerDeath`: what those
   *   get who come after a dead writer
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(options?: LockOptions);
  constructor(options?: LockOptions | Handle) {
    const fails = failsOnOwnerDeath(options);
    super(KIND.rwlock, RWLOCK_WORDS, options, LOCK_OPTIONS, RWLOCK_WAITS);
    this.#holds = new HoldTable(this.heap, this.at + RWLOCK.holds);
    this.#readSide = new ReadSide(this, this.#holds);
    this.#writeSide = new WriteSide(this, this.#holds);
    if (!(options instanceof Handle)) this.words[this.at + RWLOCK.fails] = fails ? 1 : 0;
  }

  /** @internal */
  static attach(handle: Handle): RWLock {
    return new RWLock(handle as never);
  }

  /**
   * Takes it for reading, without blocking the event loop. Waits while somebody writes, or waits to write.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @returns the hold; disposing it leaves
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` after a dead writer where that
   *   is an error, `ERR_ALLCORES_FREED`; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of its internal mutex
   *   where it is free; else it sleeps.
   */
  read(options?: WaitOptions): Promise<Held> {
    return this.#readSide.acquire(options);
  }

  /**
   * Takes it for reading, blocking this thread and its event loop. Waits while somebody writes, or waits to write.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @returns the hold; disposing it leaves
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` after a dead writer where that
   *   is an error, `ERR_ALLCORES_FREED`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of its internal mutex
   *   where it is free; else it sleeps.
   */
  readSync(options?: SyncWait): Held {
    return this.#readSide.acquireSync(options);
  }

  /**
   * Takes it for reading if no writer has it or waits for it; never waits.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_OWNER_DIED` after a dead writer where that is an error, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex.
   */
  tryRead(): Held | undefined {
    return this.#readSide.tryAcquire();
  }

  /**
   * Takes it for writing, without blocking the event loop. Waits while anybody has it.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @returns the hold; disposing it leaves
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` after a dead writer where that
   *   is an error, `ERR_ALLCORES_FREED`; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of its internal mutex
   *   where it is free; else it sleeps.
   */
  write(options?: WaitOptions): Promise<Held> {
    return this.#writeSide.acquire(options);
  }

  /**
   * Takes it for writing, blocking this thread and its event loop. Waits while anybody has it.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @returns the hold; disposing it leaves
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` after a dead writer where that
   *   is an error, `ERR_ALLCORES_FREED`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of its internal mutex
   *   where it is free; else it sleeps.
   */
  writeSync(options?: SyncWait): Held {
    return this.#writeSide.acquireSync(options);
  }

  /**
   * Takes it for writing if nobody has it; never waits.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_OWNER_DIED` after a dead writer where that is an error, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex.
   */
  tryWrite(): Held | undefined {
    return this.#writeSide.tryAcquire();
  }

  /**
   * Runs `fn` while this worker reads; the lock is left when the promise of `fn` settles.
   *
   * @param fn what to run; it is given the hold, whose `ownerDied` tells of a dead writer
   * @param options as of `read`
   * @returns what `fn` gives
   * @throws as `read`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, the reason of `signal`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the class says. Once `fn` runs nothing cancels it. **Cost:** that of
   *   `read`, and a promise.
   */
  async runRead<R>(fn: (held: Held) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    checkFunction("runRead(fn)", fn);
    using held = await this.read(options);
    return await fn(held);
  }

  /**
   * Runs `fn` while this worker reads, for code that cannot say `using`. Blocks this thread until it may.
   *
   * @param fn what to run, synchronous; it is given the hold, whose `ownerDied` tells of a dead writer
   * @param options as of `readSync`
   * @returns what `fn` gives
   * @throws as `readSync`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** that of `readSync`.
   */
  runReadSync<R>(fn: (held: Held) => R, options?: SyncWait): R {
    checkFunction("runReadSync(fn)", fn);
    using held = this.readSync(options);
    return fn(held);
  }

  /**
   * Runs `fn` while this worker writes; the lock is left when the promise of `fn` settles.
   *
   * @param fn what to run; it is given the hold, whose `ownerDied` tells of a dead writer
   * @param options as of `write`
   * @returns what `fn` gives
   * @throws as `write`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, the reason of `signal`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the class says. Once `fn` runs nothing cancels it. **Cost:** that of
   *   `write`, and a promise.
   */
  async runWrite<R>(fn: (held: Held) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    checkFunction("runWrite(fn)", fn);
    using held = await this.write(options);
    return await fn(held);
  }

  /**
   * Runs `fn` while this worker writes, for code that cannot say `using`. Blocks this thread until it may.
   *
   * @param fn what to run, synchronous; it is given the hold, whose `ownerDied` tells of a dead writer
   * @param options as of `writeSync`
   * @returns what `fn` gives
   * @throws as `writeSync`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** that of `writeSync`.
   */
  runWriteSync<R>(fn: (held: Held) => R, options?: SyncWait): R {
    checkFunction("runWriteSync(fn)", fn);
    using held = this.writeSync(options);
    return fn(held);
  }

  /**
   * Its side for readers, with the verbs of a `Lock`: each of them takes it for reading. Always the same object in a
   * worker.
   *
   * @example
   * ```ts
   * import { Event, RWLock, select } from "allcores";
   * const rw = new RWLock();
   * const stop = new Event();
   * const chosen = await select({ turn: rw.reading, stop }, { timeout: 1000 });
   * if (chosen.key === "turn") chosen.value[Symbol.dispose]();
   * ```
   */
  get reading(): RWLockView {
    return (this.#reading ??= new RWLockView(this.#readSide, this, () => this.#letsRead()));
  }

  /**
   * Its side for writers, with the verbs of a `Lock`: each of them takes it for writing. Always the same object in a
   * worker. Whether somebody writes is `isWriting`.
   *
   * @example
   * ```ts
   * import { type Lock, RWLock, type RWLockView } from "allcores";
   * const append = (lock: Lock | RWLockView, line: string) => lock.runSync(() => lines.push(line));
   * const lines: string[] = [];
   * const rw = new RWLock();
   * append(rw.writing, "one");
   * ```
   */
  get writing(): RWLockView {
    return (this.#writing ??= new RWLockView(this.#writeSide, this, () => this.looksFree()));
  }

  /**
   * Gives back what this worker holds: the writing, else one reading. Disposing the hold does the same; this is for one
   * that another worker handed over.
   *
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker holds it neither way, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex; a wake-up where somebody waits.
   */
  release(): void {
    this.checkUsable();
    if (!this.#writeSide.leave() && !this.#readSide.leave())
      throw new NotHeldError(`${this.title} is not held by this worker, neither for reading nor for writing`);
  }

  /**
   * What a dead writer left half changed is whole again: later holders are no longer told. A writer says it, having
   * repaired that. Of a lock made with `{ onOwnerDeath: "error" }`, which nobody gets meanwhile, any worker says it;
   * see to it that one repairs. Without a death it does nothing.
   *
   * @throws `ERR_ALLCORES_NOT_OWNER` when another worker writes, `ERR_ALLCORES_NOT_HELD` when nobody does,
   *   `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex.
   *
   * @example
   * ```ts
   * import { RWLock } from "allcores";
   * const lock = new RWLock();
   * using writing = lock.writeSync();
   * if (writing.ownerDied) lock.consistent(); // after the repair
   * ```
   */
  consistent(): void {
    this.#writeSide.consistent();
  }

  /** @internal */
  protected override facts(): Facts {
    return { isWriting: this.isWriting, readers: this.readers };
  }

  /**
   * Whether a writer has it now.
   * @throws `ERR_ALLCORES_FREED`
   */
  get isWriting(): boolean {
    return this.#writeSide.isLocked();
  }

  /**
   * How many hold it for reading now.
   * @throws `ERR_ALLCORES_FREED`
   */
  get readers(): number {
    return this.#readSide.count;
  }

  /** @internal */
  protected looksFree(): boolean {
    return this.inside(() => {
      const { words, at } = this;
      strikeOutDeadWriter(insideOf(this));
      if (words[at + RWLOCK.writer] !== 0) return false;
      if (words[at + RWLOCK.readers] !== 0 && this.#holds.reclaim() > 0) words[at + RWLOCK.readers] = this.#holds.total;
      return words[at + RWLOCK.readers] === 0;
    });
  }

  /** Whether nobody writes. */
  #letsRead(): boolean {
    return this.inside(() => {
      strikeOutDeadWriter(insideOf(this));
      return this.words[this.at + RWLOCK.writer] === 0;
    });
  }

  /** @internal */
  protected rebuild(): void {
    this.words[this.at + RWLOCK.readers] = this.#holds.total;
  }
}

function held(heap: Heap, at: number): Hold[] {
  const writer = heap.words[at + RWLOCK.writer]!;
  if (writer !== 0) return [{ worker: writer, count: 1, how: "writing" }];
  return HoldTable.holders(heap, at + RWLOCK.holds).map((hold) => ({ ...hold, how: "reading" }));
}

onDestroy(KIND.rwlock, (heap, at) => {
  const overflow = HoldTable.overflowOf(heap, at + RWLOCK.holds);
  if (overflow !== 0) heap.allocator.free(overflow);
});
onInspect(KIND.rwlock, {
  name: "RWLock",
  held,
  holders(heap, at, key) {
    const workers = held(heap, at).map(({ worker }) => worker);
    // A reader that makes way waits for the writers before it: for those that wait for readers in their turn, since
    // nobody makes way at a free lock for long.
    const makesWay = key === at + RWLOCK.readersWait && heap.words[at + RWLOCK.writer] === 0;
    if (!makesWay) return { workers, firm: true };
    const writers = heap.waitQueue.armed().filter(({ key: armed, kind }) => armed === at + RWLOCK.writersWait && kind === BLOCKING);
    return { workers: writers.map(({ worker }) => worker), firm: true };
  },
  purpose: (at, key) => (key === at + RWLOCK.readersWait ? "reading" : "writing"),
  state: ({ words }, at) => ({ writing: words[at + RWLOCK.writer] !== 0, readers: words[at + RWLOCK.readers]! }),
});
onMonitorNames(KIND.rwlock, (heap, at, strike) => {
  strike(at + RWLOCK.writer);
  new HoldTable(heap, at + RWLOCK.holds).names(strike);
});
registerShared(KIND.rwlock, RWLock);
