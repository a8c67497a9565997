/** The readers' side of an RWLock: how a reader comes in, waits, and leaves. */
import { NotHeldError, NotOwnerError, TimeoutError } from "../errors/index.js";
import { AT_ONCE, atomics, realDate, Spin, within } from "../memory/index.js";
import { insideOf, MONITOR, type Monitor, type MonitorInside } from "../objects/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import { cancelCheck } from "./cancels.js";
import type { Held } from "./held.js";
import type { HoldTable } from "./hold-table.js";
import { Patience } from "./patience.js";
import { type HeldSide, RWHeld } from "./rwlock-hold.js";
import type { WayIn } from "./rwlock-view.js";
import { isBehindWriter, isFairLock, offerToFirst, refuseBehindOwn, wakeAfterWriter } from "./rwlock-line.js";
import { checkHeir } from "./heir.js";
import {
  declareConsistent,
  endingWait,
  readersWait,
  RWLOCK,
  strikeOutDeadWriter,
  wakeWriter,
  writerDied,
  writersWait,
} from "./rwlock-words.js";
import { type Choice, choiceOf } from "./selectable.js";
import { priorityOf, TURN, TURN_SYNC, type TurnOptions } from "./turn-options.js";
import { tellFree } from "./unlock-watch.js";

const { load } = atomics;

/** For so long readers may pass a writer that is on its way. As the bound of Lock and Semaphore. */
const PASSING_MS = 5;
const EVERYBODY = 0x7fffffff;
/** How long a blocking caller of this thread looks at a lock before it stands in line. */
const outside = new Spin(200);

export class ReadSide implements WayIn, HeldSide {
  readonly #lock: MonitorInside;
  readonly #holds: HoldTable;
  readonly #isFair: boolean;

  constructor(lock: Monitor, holds: HoldTable) {
    this.#lock = insideOf(lock);
    this.#holds = holds;
    this.#isFair = isFairLock(this.#lock);
  }

  async acquire(options?: WaitOptions & TurnOptions): Promise<Held> {
    const { heap, at } = this.#lock;
    const deadline = awaitDeadlineOf(options, TURN);
    const priority = this.#priorityIn(options);
    const signal = signalOf(options);
    let held = deadline === 0 ? this.tryAcquire() : this.#now();
    if (held === undefined && deadline !== 0) {
      const waiting = heap.parker.waitUntil(
        at + RWLOCK.readersWait,
        this.#attempt(),
        deadline,
        signal,
        false,
        this.#isFair ? priority : undefined,
      );
      held = await endingWait(waiting, () => this.#gaveUp());
    }
    return held ?? this.#timedOut(options);
  }

  acquireSync(options?: SyncWait & TurnOptions): Held {
    const { heap, at } = this.#lock;
    const deadline = deadlineOf(options, TURN_SYNC);
    const priority = this.#priorityIn(options);
    if (deadline === 0) return this.tryAcquire() ?? this.#timedOut(options);
    let held = this.#now() ?? (this.#isFair ? undefined : this.#soon());
    if (held === undefined) refuseBehindOwn(this.#lock, priority);
    try {
      held ??= heap.parker.blockUntil(at + RWLOCK.readersWait, this.#attempt(), deadline, false, true, priority);
    } finally {
      if (held === undefined) this.#gaveUp();
    }
    return held ?? this.#timedOut(options);
  }

  tryAcquire(): Held | undefined {
    const lock = this.#lock;
    // Who is in, or waits, may be dead without anybody knowing.
    if (lock.words[lock.at + RWLOCK.writer] !== 0 || lock.words[lock.at + RWLOCK.writersWait] !== 0)
      lock.heap.registry.reap();
    return within(AT_ONCE, () =>
      lock.inside(() => {
        strikeOutDeadWriter(lock);
        return this.#admit(false, undefined);
      }),
    );
  }

  /** As `tryAcquire`, of one that is about to wait: it may pass a writer that is on its way. */
  #now(): Held | undefined {
    const lock = this.#lock;
    return within(AT_ONCE, () =>
      lock.inside(() => {
        strikeOutDeadWriter(lock);
        return this.#admit(false, undefined, true);
      }),
    );
  }

  /**
   * Who waits in the line stops all others, and when it sleeps, for as long as it takes to wake it. So a blocking
   * caller looks from outside first: mostly, who is in is on another core, and out in less than a microsecond.
   */
  #soon(): Held | undefined {
    const { words, at, heap } = this.#lock;
    for (let looks = outside.looks; looks > 0; looks--) {
      if (load(words, at + RWLOCK.writer) !== 0 || load(words, at + MONITOR.mutex) !== 0) continue;
      const held = this.#now();
      if (held === undefined) continue;
      outside.paid();
      return held;
    }
    outside.failed();
    heap.registry.reap();
    return undefined;
  }

  #attempt(): Attempt<Held> {
    const lock = this.#lock;
    const patience = new Patience();
    const check = cancelCheck(lock.heap, lock.at + RWLOCK.cancels, lock.title);
    return (granted, node) => {
      if (granted) lock.arrive(RWLOCK.readersWait);
      const held = lock.inside(() => {
        check();
        strikeOutDeadWriter(lock);
        const held = this.#admit(granted, patience, false, node);
        if (held === undefined) lock.expectWake(RWLOCK.readersWait);
        return held;
      });
      if (held === undefined) {
        if (this.#isFair) offerToFirst(lock);
      } else if (granted) {
        if (this.#isFair) lock.wake(lock.at + RWLOCK.readersWait, 1, RWLOCK.readersWait);
        else lock.wakeFor(lock.at + RWLOCK.readersWait, EVERYBODY, RWLOCK.readersWait);
      }
      return held;
    };
  }

  /**
   * A newcomer makes way for a writer that waits, unless it is the readers' turn, which would keep that writer out in
   * turn. Inside the mutex.
   */
  #admit(granted: boolean, patience: Patience | undefined, passes = false, node = 0): Held | undefined {
    const lock = this.#lock;
    const { words, at } = lock;
    if (words[at + RWLOCK.writer] !== 0) return undefined;
    const ownerDied = writerDied(lock);
    if (this.#isFair) return isBehindWriter(lock, node) ? undefined : this.#enter(ownerDied);
    const makesWay = !granted && words[at + RWLOCK.readersTurn] === 0 && writersWait(lock);
    // Only a free lock tries the patience: readers that are in keep the writer waiting rightfully.
    if (makesWay && !(passes && this.#mayPass()) && !(words[at + RWLOCK.readers] === 0 && patience?.isOver === true))
      return undefined;
    return this.#enter(ownerDied);
  }

  /** Inside the mutex. */
  #enter(ownerDied: boolean): Held {
    const { words, at, self } = this.#lock;
    // First, since its cell may need memory.
    this.#holds.add(self, 1);
    words[at + RWLOCK.readers]!++;
    words[at + RWLOCK.readersTurn] = 0;
    return new RWHeld(this, ownerDied);
  }

  /**
   * Whether a reader that is about to wait may go in before a writer that was woken and has not come yet. If none
   * might, each of a crowd would sleep after each reading as long as one writer waits, which is nearly always then.
   * Inside the mutex.
   */
  #mayPass(): boolean {
    const { words, at } = this.#lock;
    if (words[at + RWLOCK.writersWait]! <= 1) return false;
    const now = realDate() | 0 || 1;
    if (words[at + RWLOCK.passedAt] === 0) words[at + RWLOCK.passedAt] = now;
    const since = (now - words[at + RWLOCK.passedAt]!) | 0;
    // A clock that was set back must not keep the writer out.
    return since >= 0 && since < PASSING_MS;
  }

  /**
   * A reader gave up waiting. If it was the last that a writer before it had made way for, its turn goes to the next
   * writer, whom nobody else would wake.
   */
  #gaveUp(): void {
    const lock = this.#lock;
    const { words, at } = lock;
    if (at === 0 || words[at + RWLOCK.writer] !== 0) return;
    if (this.#isFair) offerToFirst(lock);
    else if (words[at + RWLOCK.readers] === 0 && !readersWait(lock)) wakeWriter(lock);
  }

  /** False when this worker does not read. */
  leave(): boolean {
    const lock = this.#lock;
    let isLast = false;
    const ended = lock.inside(() => {
      if (this.#holds.mine === 0) return false;
      this.#holds.add(lock.self, -1);
      isLast = --lock.words[lock.at + RWLOCK.readers]! === 0;
      return true;
    });
    if (isLast) {
      tellFree(lock.heap, lock.at + RWLOCK.watch);
      if (this.#isFair) offerToFirst(lock);
      else wakeWriter(lock);
    }
    return ended;
  }

  end(): void {
    if (this.#lock.at !== 0) this.leave();
  }

  give(worker: number): void {
    const lock = this.#lock;
    lock.inside(() => {
      checkHeir(lock.heap, worker, lock.title);
      if (this.#holds.mine === 0) throw new NotOwnerError(`${lock.title} is not held for reading by this worker`);
      // The heir first: its cell may need memory, and a throw must not change anything.
      this.#holds.add(worker, 1);
      this.#holds.add(lock.self, -1);
    });
  }

  release(): void {
    if (!this.leave()) throw new NotHeldError(`${this.#lock.title} is not held for reading by this worker`);
  }

  consistent(): void {
    this.#lock.checkUsable();
    if (declareConsistent(this.#lock)) wakeAfterWriter(this.#lock);
  }

  /** Whether somebody reads. */
  isLocked(): boolean {
    return this.count > 0;
  }

  /** How many hold it. */
  get count(): number {
    const lock = this.#lock;
    lock.checkUsable();
    return lock.words[lock.at + RWLOCK.readers]!;
  }

  choice(): Choice<Held> {
    const { heap, at } = this.#lock;
    this.#lock.checkUsable();
    return choiceOf<Held, Held>({
      heap,
      key: at + RWLOCK.readersWait,
      priority: this.#isFair ? 0 : undefined,
      poll: () => this.tryAcquire(),
      begin: (awaiting) => {
        if (!awaiting) refuseBehindOwn(this.#lock, 0);
        return this.#attempt();
      },
      left: () => this.#gaveUp(),
      open: (held) => held,
    });
  }

  #priorityIn(options: TurnOptions | undefined): number {
    return options === undefined ? 0 : priorityOf(options, this.#isFair);
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.#lock.title} was not free for reading within ${options?.timeout} ms`);
  }
}
