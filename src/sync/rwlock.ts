/**
 * Many readers or one writer, phase-fair: a writer that waits holds newcomers among the readers back, and when it is done all readers that wait
 * come before the next writer. After Brandenburg and Anderson, "Reader-Writer Synchronization for Shared-Memory Multiprocessor Real-Time Systems" (2009).
 */
import { type Facts, portray } from "../codec/portrait.js";
import { Handle, type Hold, MONITOR, Monitor, MONITOR_WORDS, onInspect, onMonitorNames, registerShared } from "../objects/index.js";
import { NotHeldError, NotOwnerError, OwnerDiedError, TimeoutError } from "../errors/index.js";
import { AT_ONCE, atomics, BLOCKING, type Heap, onDestroy, realDate, Spin, within } from "../memory/index.js";
import { type Attempt, awaitDeadlineOf, deadlineOf, signalOf, type SyncWait, type WaitOptions } from "../parking/index.js";
import { coreCount } from "../platform/index.js";
import type { Held } from "./held.js";
import { HOLD_TABLE_WORDS, HoldTable } from "./hold-table.js";
import { failsOnOwnerDeath, type LockOptions, LOCK_OPTIONS } from "./owner-death.js";
import { Patience } from "./patience.js";
import { RWLockView } from "./rwlock-view.js";
import { type Choice, choiceOf } from "./selectable.js";
import { KIND } from "./kinds.js";

const { load } = atomics;

const RWLOCK = {
  /** Worker id of the writer, 0 for none. The truth. */
  writer: MONITOR_WORDS,
  /** How many hold it for reading: what the table holds. Derived. */
  readers: MONITOR_WORDS + 1,
  /** 1 when a reader may wait; its offset is the readers' key. */
  readersWait: MONITOR_WORDS + 2,
  /** 1 when a writer may wait; its offset is the writers' key. */
  writersWait: MONITOR_WORDS + 3,
  /** 1 after a writer, while readers that waited for it have not come in: no writer before them. */
  readersTurn: MONITOR_WORDS + 4,
  /** 1 once a writer died, until somebody says that it is consistent. */
  inconsistent: MONITOR_WORDS + 5,
  holds: MONITOR_WORDS + 6,
  /** 1 where that is an error. Set once. */
  fails: MONITOR_WORDS + 6 + HOLD_TABLE_WORDS,
  /** The moment when the first reader passed a writer on its way, 0 for none since a writer was in: milliseconds since 1970, modulo 2^32. A hint. */
  passedAt: MONITOR_WORDS + 7 + HOLD_TABLE_WORDS,
} as const;
const SIZE = RWLOCK.passedAt + 1;
/** For so long readers may pass a writer that is on its way. As the bound of Lock and Semaphore. */
const PASSING_MS = 5;
const EVERYBODY = 0x7fffffff;
/** How long a blocking caller of this thread looks at a lock before it stands in line. */
const outside = new Spin(200);

const endRead = Symbol("endRead");
const endWrite = Symbol("endWrite");
const giveRead = Symbol("giveRead");
const giveWrite = Symbol("giveWrite");

class RWHeld implements Held {
  readonly #lock: RWLock;
  readonly #writes: boolean;
  readonly ownerDied: boolean;
  #over = false;
  constructor(lock: RWLock, writes: boolean, ownerDied: boolean) {
    this.#lock = lock;
    this.#writes = writes;
    this.ownerDied = ownerDied;
  }
  handOff(worker: number): void {
    if (this.#over) throw new NotOwnerError("this hold of an RWLock is over");
    this.#lock[this.#writes ? giveWrite : giveRead](worker);
    this.#over = true;
  }
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#lock[this.#writes ? endWrite : endRead]();
  }
}
portray(
  RWHeld,
  ({ ownerDied }) => ({ ownerDied }),
  "a hold stays with its worker: give it on by held.handOff(worker), or send the object and acquire it there",
);

/**
 * A lock that many may hold for reading, or one for writing.
 *
 * Two verbs take it, `read` and `write`. `rw.reading` and `rw.writing` are its two sides with the verbs of a `Lock`, for `select` and for code that is given a lock.
 * **Fairness:** phase-fair: neither readers nor writers starve. Not re-entrant: a reader that reads again while a writer waits blocks itself.
 * **Death:** what a dead reader held comes back; after a dead writer everybody sees `held.ownerDied` until a writer calls `consistent()`, or gets an `OwnerDiedError` with
 * `{ onOwnerDeath: "error" }`.
 * **Cancel:** a wait that is aborted or runs out leaves no trace; readers that a writer held back while it waited go in.
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
export class RWLock extends Monitor {
  readonly #holds: HoldTable;
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
    super(KIND.rwlock, SIZE, options, LOCK_OPTIONS);
    this.#holds = new HoldTable(this.heap, this.at + RWLOCK.holds);
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
  async read(options?: WaitOptions): Promise<Held> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    return (
      (deadline === 0 ? this.tryRead() : this.#readNow()) ??
      (deadline === 0
        ? undefined
        : await this.#endingWait(this.heap.parker.waitUntil(this.at + RWLOCK.readersWait, this.#readAttempt(), deadline, signal), () => this.#readerLeft())) ??
      this.#timedOut("reading", options)
    );
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
    const deadline = deadlineOf(options);
    if (deadline === 0) return this.tryRead() ?? this.#timedOut("reading", options);
    let held = this.#readNow() ?? this.#readSoon();
    try {
      held ??= this.heap.parker.blockUntil(this.at + RWLOCK.readersWait, this.#readAttempt(), deadline);
    } finally {
      if (held === undefined) this.#readerLeft();
    }
    return held ?? this.#timedOut("reading", options);
  }

  /**
   * Takes it for reading if no writer has it or waits for it; never waits.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_OWNER_DIED` after a dead writer where that is an error, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex.
   */
  tryRead(): Held | undefined {
    // Who is in, or waits, may be dead without anybody knowing.
    if (this.words[this.at + RWLOCK.writer] !== 0 || this.words[this.at + RWLOCK.writersWait] !== 0) this.heap.registry.reap();
    return within(AT_ONCE, () =>
      this.inside(() => {
        this.#writerGone();
        return this.#admitReader(false, undefined);
      }),
    );
  }

  /** As `tryRead`, of one that is about to wait: it may pass a writer that is on its way. */
  #readNow(): Held | undefined {
    return within(AT_ONCE, () =>
      this.inside(() => {
        this.#writerGone();
        return this.#admitReader(false, undefined, true);
      }),
    );
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
  async write(options?: WaitOptions): Promise<Held> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    return (
      this.tryWrite() ??
      (deadline === 0
        ? undefined
        : await this.#endingWait(this.heap.parker.waitUntil(this.at + RWLOCK.writersWait, this.#writeAttempt(), deadline, signal), () => this.#writerLeft())) ??
      this.#timedOut("writing", options)
    );
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
    const deadline = deadlineOf(options);
    if (deadline === 0) return this.tryWrite() ?? this.#timedOut("writing", options);
    let held = this.tryWrite() ?? this.#writeSoon();
    try {
      held ??= this.heap.parker.blockUntil(this.at + RWLOCK.writersWait, this.#writeAttempt(), deadline);
    } finally {
      if (held === undefined) this.#writerLeft();
    }
    return held ?? this.#timedOut("writing", options);
  }

  /**
   * Takes it for writing if nobody has it; never waits.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_OWNER_DIED` after a dead writer where that is an error, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex.
   */
  tryWrite(): Held | undefined {
    const { words, at } = this;
    if (words[at + RWLOCK.writer] !== 0 || words[at + RWLOCK.readers] !== 0 || words[at + RWLOCK.readersTurn] === 1) this.heap.registry.reap();
    return within(AT_ONCE, () =>
      this.inside(() => {
        this.#writerGone();
        return this.#admitWriter(false, undefined);
      }),
    );
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
    using held = this.writeSync(options);
    return fn(held);
  }

  /**
   * Its side for readers, with the verbs of a `Lock`: each of them takes it for reading. Always the same object in a worker.
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
    return (this.#reading ??= new RWLockView({
      acquire: (options) => this.read(options),
      acquireSync: (options) => this.readSync(options),
      tryAcquire: () => this.tryRead(),
      release: () => {
        if (!this.#leaveRead()) throw new NotHeldError(`${this.title} is not held for reading by this worker`);
      },
      consistent: () => this.consistent(),
      isLocked: () => this.readers > 0,
      choice: () =>
        this.#choice(
          RWLOCK.readersWait,
          () => this.tryRead(),
          () => this.#readAttempt(),
          () => this.#readerLeft(),
        ),
    }));
  }

  /**
   * Its side for writers, with the verbs of a `Lock`: each of them takes it for writing. Always the same object in a worker. Whether somebody writes is `isWriting`.
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
    return (this.#writing ??= new RWLockView({
      acquire: (options) => this.write(options),
      acquireSync: (options) => this.writeSync(options),
      tryAcquire: () => this.tryWrite(),
      release: () => {
        if (!this.#leaveWrite()) throw new NotHeldError(`${this.title} is not held for writing by this worker`);
      },
      consistent: () => this.consistent(),
      isLocked: () => this.isWriting,
      choice: () =>
        this.#choice(
          RWLOCK.writersWait,
          () => this.tryWrite(),
          () => this.#writeAttempt(),
          () => this.#writerLeft(),
        ),
    }));
  }

  /** `left`: a select was over that has not taken this side: whom its wait held back may come. */
  #choice(key: number, poll: () => Held | undefined, begin: () => Attempt<Held>, left: () => void): Choice<Held> {
    this.checkUsable();
    return choiceOf<Held, Held>({ heap: this.heap, key: this.at + key, poll, begin, left, open: (held) => held });
  }

  /**
   * Gives back what this worker holds: the writing, else one reading. Disposing the hold does the same; this is for one that another worker handed over.
   *
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker holds it neither way, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex; a wake-up where somebody waits.
   */
  release(): void {
    this.checkUsable();
    if (!this.#leaveWrite() && !this.#leaveRead()) throw new NotHeldError(`${this.title} is not held by this worker, neither for reading nor for writing`);
  }

  /**
   * What a dead writer left half changed is whole again: later holders are no longer told. A writer says it, having repaired that. Of a lock made with
   * `{ onOwnerDeath: "error" }`, which nobody gets meanwhile, any worker says it; see to it that one repairs. Without a death it does nothing.
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
    this.checkUsable();
    const { words, at } = this;
    const writer = words[at + RWLOCK.writer]!;
    if (writer !== 0 && writer !== this.self) this.heap.registry.confirmAlive(writer);
    const opened = this.inside(() => {
      this.#writerGone();
      if (words[at + RWLOCK.writer] !== this.self) {
        if (words[at + RWLOCK.writer] !== 0)
          throw new NotOwnerError(`${this.title} is held for writing by another worker: consistent() is for who holds it so`);
        if (words[at + RWLOCK.fails] === 0)
          throw new NotHeldError(`${this.title} is not held for writing: repair what it guards as a writer, and call consistent() before you release it`);
      }
      const opened = words[at + RWLOCK.fails] === 1 && words[at + RWLOCK.inconsistent] === 1;
      words[at + RWLOCK.inconsistent] = 0;
      return opened;
    });
    if (opened) this.#wakeNext();
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
    this.checkUsable();
    return this.words[this.at + RWLOCK.writer] !== 0;
  }

  /**
   * How many hold it for reading now.
   * @throws `ERR_ALLCORES_FREED`
   */
  get readers(): number {
    this.checkUsable();
    return this.words[this.at + RWLOCK.readers]!;
  }

  /** @internal */
  [endRead](): void {
    if (this.at !== 0) this.#leaveRead();
  }

  /** @internal */
  [endWrite](): void {
    if (this.at !== 0) this.#leaveWrite();
  }

  /** False when this worker does not read. */
  #leaveRead(): boolean {
    let isLast = false;
    const ended = this.inside(() => {
      if (this.#holds.mine === 0) return false;
      this.#holds.add(this.self, -1);
      isLast = --this.words[this.at + RWLOCK.readers]! === 0;
      return true;
    });
    if (isLast) this.#wakeWriter();
    return ended;
  }

  /** False when this worker does not write. */
  #leaveWrite(): boolean {
    this.checkUsable();
    if (this.words[this.at + RWLOCK.writer] !== this.self) return false;
    const ended = this.inside(() => {
      if (this.words[this.at + RWLOCK.writer] !== this.self) return false;
      this.words[this.at + RWLOCK.readersTurn] = this.#readersWaiting() ? 1 : 0;
      this.words[this.at + RWLOCK.writer] = 0;
      return true;
    });
    if (ended) this.#wakeNext();
    return ended;
  }

  /** @internal */
  [giveRead](worker: number): void {
    this.inside(() => {
      this.#checkHeir(worker);
      if (this.#holds.mine === 0) throw new NotOwnerError(`${this.title} is not held for reading by this worker`);
      // The heir first: its cell may need memory, and a throw must not change anything.
      this.#holds.add(worker, 1);
      this.#holds.add(this.self, -1);
    });
  }

  /** @internal */
  [giveWrite](worker: number): void {
    this.inside(() => {
      this.#checkHeir(worker);
      if (this.words[this.at + RWLOCK.writer] !== this.self) throw new NotOwnerError(`${this.title} is not held for writing by this worker`);
      this.words[this.at + RWLOCK.writer] = worker;
    });
  }

  /** @internal */
  protected rebuild(): void {
    this.words[this.at + RWLOCK.readers] = this.#holds.total;
  }

  #checkHeir(worker: number): void {
    if (!this.heap.registry.isAlive(worker))
      throw new NotOwnerError(`${this.title} cannot be handed to worker ${worker}: no such worker is alive in its reach`);
  }

  /** A writer or readers that died no longer keep anybody out. Inside the mutex. */
  #writerGone(): void {
    const { words, at } = this;
    const writer = words[at + RWLOCK.writer]!;
    if (writer === 0 && words[at + RWLOCK.readers] === 0) return;
    if (writer !== 0 && !this.heap.registry.isAlive(writer)) {
      words[at + RWLOCK.inconsistent] = 1;
      words[at + RWLOCK.writer] = 0;
    }
  }

  /** Who comes is to be told of a dead writer: by a mark, or an error. Inside the mutex. @throws OwnerDiedError */
  #refuseIfStrict(): void {
    if (this.words[this.at + RWLOCK.fails] === 0) return;
    throw new OwnerDiedError(
      `a worker ended while it wrote under ${this.title}: repair what it guards, which nobody can enter meanwhile, then call consistent()`,
    );
  }

  /**
   * Who waits in the line stops all others, and when it sleeps, for as long as it takes to wake it. So a blocking caller looks from outside first: mostly, who is in is
   * on another core, and out in less than a microsecond.
   */
  #readSoon(): Held | undefined {
    const { words, at } = this;
    for (let looks = outside.looks; looks > 0; looks--) {
      if (load(words, at + RWLOCK.writer) !== 0 || load(words, at + MONITOR.mutex) !== 0) continue;
      const held = this.#readNow();
      if (held === undefined) continue;
      outside.paid();
      return held;
    }
    outside.failed();
    this.heap.registry.reap();
    return undefined;
  }

  #writeSoon(): Held | undefined {
    const { words, at } = this;
    for (let looks = outside.looks; looks > 0; looks--) {
      if (load(words, at + RWLOCK.writer) !== 0 || load(words, at + RWLOCK.readers) !== 0 || load(words, at + MONITOR.mutex) !== 0) continue;
      const held = this.tryWrite();
      if (held === undefined) continue;
      outside.paid();
      return held;
    }
    outside.failed();
    return undefined;
  }

  /** The flags may be stale, the nodes are not. */
  #writersWaiting(): boolean {
    return this.words[this.at + RWLOCK.writersWait] !== 0 && this.heap.waitQueue.countWaiters(this.at + RWLOCK.writersWait, 1) > 0;
  }

  #readersWaiting(): boolean {
    return this.words[this.at + RWLOCK.readersWait] !== 0 && this.heap.waitQueue.countWaiters(this.at + RWLOCK.readersWait, 1) > 0;
  }

  /** A newcomer makes way for a writer that waits, unless it is the readers' turn, which would keep that writer out in turn. */
  #admitReader(granted: boolean, patience: Patience | undefined, passes = false): Held | undefined {
    const { words, at } = this;
    if (words[at + RWLOCK.writer] !== 0) return undefined;
    const ownerDied = words[at + RWLOCK.inconsistent] === 1;
    if (ownerDied) this.#refuseIfStrict();
    const makesWay = !granted && words[at + RWLOCK.readersTurn] === 0 && this.#writersWaiting();
    // Only a free lock tries the patience: readers that are in keep the writer waiting rightfully.
    if (makesWay && !(passes && this.#mayPass()) && !(words[at + RWLOCK.readers] === 0 && patience?.isOver === true)) return undefined;
    this.#holds.add(this.self, 1);
    words[at + RWLOCK.readers]!++;
    words[at + RWLOCK.readersTurn] = 0;
    return new RWHeld(this, false, ownerDied);
  }

  /**
   * Whether a reader that is about to wait may go in before a writer that was woken and has not come yet. If none might, each of a crowd would sleep after each reading as
   * long as one writer waits, which is nearly always then. Inside the mutex.
   */
  #mayPass(): boolean {
    const { words, at } = this;
    if (words[at + RWLOCK.writersWait]! <= 1) return false;
    const now = realDate() | 0 || 1;
    if (words[at + RWLOCK.passedAt] === 0) words[at + RWLOCK.passedAt] = now;
    const since = (now - words[at + RWLOCK.passedAt]!) | 0;
    // A clock that was set back must not keep the writer out.
    return since >= 0 && since < PASSING_MS;
  }

  #admitWriter(granted: boolean, patience: Patience | undefined): Held | undefined {
    const { words, at } = this;
    if (words[at + RWLOCK.writer] !== 0) return undefined;
    const ownerDied = words[at + RWLOCK.inconsistent] === 1;
    if (ownerDied) this.#refuseIfStrict();
    if (words[at + RWLOCK.readers] !== 0) {
      if (this.#holds.reclaim() > 0) this.rebuild();
      if (words[at + RWLOCK.readers] !== 0) return undefined;
    }
    if (words[at + RWLOCK.readersTurn] === 1 && !granted && this.#readersWaiting() && patience?.isOver !== true) return undefined;
    words[at + RWLOCK.writer] = this.self;
    words[at + RWLOCK.readersTurn] = 0;
    words[at + RWLOCK.passedAt] = 0;
    return new RWHeld(this, true, ownerDied);
  }

  #readAttempt(): Attempt<Held> {
    const patience = new Patience();
    return (granted) => {
      if (granted) this.arrive(RWLOCK.readersWait);
      const held = this.inside(() => {
        this.#writerGone();
        const held = this.#admitReader(granted, patience);
        if (held === undefined) this.expectWake(RWLOCK.readersWait);
        return held;
      });
      if (granted && held !== undefined) this.wakeFor(this.at + RWLOCK.readersWait, EVERYBODY, RWLOCK.readersWait);
      return held;
    };
  }

  #writeAttempt(): Attempt<Held> {
    const patience = new Patience();
    return (granted) => {
      if (granted) this.arrive(RWLOCK.writersWait);
      return this.inside(() => {
        this.#writerGone();
        const held = this.#admitWriter(granted, patience);
        if (held === undefined) this.expectWake(RWLOCK.writersWait);
        return held;
      });
    };
  }

  /** After a writer: the readers that waited for it, or else the next writer. */
  #wakeNext(): void {
    if (this.#wakeReaders() === 0) this.#wakeWriter();
  }

  /** As many as there are cores to run them: each that gets in wakes another. All at once they would keep the reader from a core that the next writer waits for. */
  #wakeReaders(): number {
    return this.wake(this.at + RWLOCK.readersWait, coreCount(), RWLOCK.readersWait);
  }

  #wakeWriter(): void {
    this.wakeFor(this.at + RWLOCK.writersWait, 1, RWLOCK.writersWait);
  }

  /** A writer gave up waiting: readers that it held back may go in. */
  #writerLeft(): void {
    if (this.at !== 0 && this.words[this.at + RWLOCK.writer] === 0) this.#wakeReaders();
  }

  /** A reader gave up waiting. If it was the last that a writer before it had made way for, its turn goes to the next writer, whom nobody else would wake. */
  #readerLeft(): void {
    const { words, at } = this;
    if (at !== 0 && words[at + RWLOCK.writer] === 0 && words[at + RWLOCK.readers] === 0 && !this.#readersWaiting()) this.#wakeWriter();
  }

  async #endingWait(waiting: Promise<Held | undefined>, leave: () => void): Promise<Held | undefined> {
    let held: Held | undefined;
    try {
      held = await waiting;
    } finally {
      if (held === undefined) leave();
    }
    return held;
  }

  #timedOut(what: string, options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} was not free for ${what} within ${options?.timeout} ms`);
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
    // A reader that makes way waits for the writers before it: for those that wait for readers in their turn, since nobody makes way at a free lock for long.
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
