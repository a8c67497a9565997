/** The writers' side of an RWLock: how a writer comes in, waits, and leaves. */
import { NotHeldError, NotOwnerError, TimeoutError } from "../errors/index.js";
import { AT_ONCE, atomics, Spin, within } from "../memory/index.js";
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
import {
  isBehindAnybody,
  isFairLock,
  offerToFirst,
  offerToGroup,
  refuseBehindOwn,
  wakeAfterWriter,
} from "./rwlock-line.js";
import { checkHeir } from "./heir.js";
import {
  declareConsistent,
  endingWait,
  readersWait,
  RWLOCK,
  strikeOutDeadWriter,
  wakeReaders,
  writerDied,
} from "./rwlock-words.js";
import { type Choice, choiceOf } from "./selectable.js";
import { priorityOf, TURN, TURN_SYNC, type TurnOptions } from "./turn-options.js";
import { tellFree } from "./unlock-watch.js";

const { load } = atomics;

/** How long a blocking caller of this thread looks at a lock before it stands in line (see ReadSide). */
const outside = new Spin(200);

export class WriteSide implements WayIn, HeldSide {
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
    let held = this.tryAcquire();
    if (held === undefined && deadline !== 0) {
      const waiting = heap.parker.waitUntil(
        at + RWLOCK.writersWait,
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
    let held = this.tryAcquire() ?? (this.#isFair ? undefined : this.#soon());
    if (held === undefined) refuseBehindOwn(this.#lock, priority);
    try {
      held ??= heap.parker.blockUntil(at + RWLOCK.writersWait, this.#attempt(), deadline, false, true, priority);
    } finally {
      if (held === undefined) this.#gaveUp();
    }
    return held ?? this.#timedOut(options);
  }

  tryAcquire(): Held | undefined {
    const lock = this.#lock;
    const { words, at } = lock;
    if (
      words[at + RWLOCK.writer] !== 0 ||
      words[at + RWLOCK.readers] !== 0 ||
      words[at + RWLOCK.readersTurn] === 1 ||
      this.#isFair
    )
      lock.heap.registry.reap();
    return within(AT_ONCE, () =>
      lock.inside(() => {
        strikeOutDeadWriter(lock);
        return this.#admit(false, undefined);
      }),
    );
  }

  #soon(): Held | undefined {
    const { words, at } = this.#lock;
    for (let looks = outside.looks; looks > 0; looks--) {
      if (
        load(words, at + RWLOCK.writer) !== 0 ||
        load(words, at + RWLOCK.readers) !== 0 ||
        load(words, at + MONITOR.mutex) !== 0
      )
        continue;
      const held = this.tryAcquire();
      if (held === undefined) continue;
      outside.paid();
      return held;
    }
    outside.failed();
    return undefined;
  }

  #attempt(): Attempt<Held> {
    const lock = this.#lock;
    const patience = new Patience();
    const check = cancelCheck(lock.heap, lock.at + RWLOCK.cancels, lock.title);
    return (granted, node) => {
      if (granted) lock.arrive(RWLOCK.writersWait);
      const held = lock.inside(() => {
        check();
        strikeOutDeadWriter(lock);
        const held = this.#admit(granted, patience, node);
        if (held === undefined) lock.expectWake(RWLOCK.writersWait);
        return held;
      });
      if (held === undefined && this.#isFair) offerToFirst(lock);
      return held;
    };
  }

  /** Inside the mutex. */
  #admit(granted: boolean, patience: Patience | undefined, node = 0): Held | undefined {
    const lock = this.#lock;
    const { words, at } = lock;
    if (words[at + RWLOCK.writer] !== 0) return undefined;
    const ownerDied = writerDied(lock);
    if (words[at + RWLOCK.readers] !== 0) {
      if (this.#holds.reclaim() > 0) words[at + RWLOCK.readers] = this.#holds.total;
      if (words[at + RWLOCK.readers] !== 0) return undefined;
    }
    if (this.#isFair && isBehindAnybody(lock, node)) return undefined;
    if (words[at + RWLOCK.readersTurn] === 1 && !granted && readersWait(lock) && patience?.isOver !== true)
      return undefined;
    words[at + RWLOCK.writer] = lock.self;
    words[at + RWLOCK.readersTurn] = 0;
    words[at + RWLOCK.passedAt] = 0;
    return new RWHeld(this, ownerDied);
  }

  /** A writer gave up waiting: readers that it held back may go in. */
  #gaveUp(): void {
    const lock = this.#lock;
    if (lock.at === 0 || lock.words[lock.at + RWLOCK.writer] !== 0) return;
    if (this.#isFair) offerToGroup(lock);
    else wakeReaders(lock);
  }

  /** False when this worker does not write. */
  leave(): boolean {
    const lock = this.#lock;
    lock.checkUsable();
    if (lock.words[lock.at + RWLOCK.writer] !== lock.self) return false;
    const ended = lock.inside(() => {
      if (lock.words[lock.at + RWLOCK.writer] !== lock.self) return false;
      lock.words[lock.at + RWLOCK.readersTurn] = !this.#isFair && readersWait(lock) ? 1 : 0;
      lock.words[lock.at + RWLOCK.writer] = 0;
      return true;
    });
    if (ended) {
      tellFree(lock.heap, lock.at + RWLOCK.watch);
      wakeAfterWriter(lock);
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
      if (lock.words[lock.at + RWLOCK.writer] !== lock.self)
        throw new NotOwnerError(`${lock.title} is not held for writing by this worker`);
      lock.words[lock.at + RWLOCK.writer] = worker;
    });
  }

  release(): void {
    if (!this.leave()) throw new NotHeldError(`${this.#lock.title} is not held for writing by this worker`);
  }

  consistent(): void {
    this.#lock.checkUsable();
    if (declareConsistent(this.#lock)) wakeAfterWriter(this.#lock);
  }

  /** Whether somebody writes. */
  isLocked(): boolean {
    const lock = this.#lock;
    lock.checkUsable();
    return lock.words[lock.at + RWLOCK.writer] !== 0;
  }

  choice(): Choice<Held> {
    const { heap, at } = this.#lock;
    this.#lock.checkUsable();
    return choiceOf<Held, Held>({
      heap,
      key: at + RWLOCK.writersWait,
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
    throw new TimeoutError(`${this.#lock.title} was not free for writing within ${options?.timeout} ms`);
  }
}
