/** The words of an RWLock, and what both of its sides ask of them. */
import { NotHeldError, NotOwnerError, OwnerDiedError } from "../errors/index.js";
import { MONITOR_WORDS, type MonitorInside } from "../objects/index.js";
import { coreCount } from "../platform/index.js";
import { HOLD_TABLE_WORDS } from "./hold-table.js";
import { tellFree } from "./unlock-watch.js";

export const RWLOCK = {
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
  /** FAILS where that is an error, FAIR where the line is kept in order. Set once. */
  policy: MONITOR_WORDS + 6 + HOLD_TABLE_WORDS,
  /**
   * The moment when the first reader passed a writer on its way, 0 for none since a writer was in: milliseconds since
   * 1970, modulo 2^32. A hint.
   */
  passedAt: MONITOR_WORDS + 7 + HOLD_TABLE_WORDS,
  /** Who waits until it is free: see unlock-watch.ts. */
  watch: MONITOR_WORDS + 8 + HOLD_TABLE_WORDS,
  /** How often those who waited were told to end: see cancels.ts. */
  cancels: MONITOR_WORDS + 9 + HOLD_TABLE_WORDS,
} as const;
export const FAILS = 1;
export const FAIR = 2;
export const RWLOCK_WORDS = RWLOCK.cancels + 1;
export const RWLOCK_WAITS = {
  watch: RWLOCK.watch,
  cancels: RWLOCK.cancels,
  keys: [RWLOCK.readersWait, RWLOCK.writersWait],
} as const;

/** A writer that died no longer keeps anybody out. Inside the mutex. */
export function strikeOutDeadWriter({ words, at, heap }: MonitorInside): void {
  const writer = words[at + RWLOCK.writer]!;
  if (writer !== 0 && !heap.registry.isAlive(writer)) {
    words[at + RWLOCK.inconsistent] = 1;
    words[at + RWLOCK.writer] = 0;
    // It has been free since that one's end.
    tellFree(heap, at + RWLOCK.watch);
  }
}

/**
 * Whether who comes is to be told of a dead writer: by the mark of its hold, or by an error. Inside the mutex. @throws
 * OwnerDiedError
 */
export function writerDied({ words, at, title }: MonitorInside): boolean {
  if (words[at + RWLOCK.inconsistent] !== 1) return false;
  if ((words[at + RWLOCK.policy]! & FAILS) === 0) return true;
  throw new OwnerDiedError(
    `a worker ended while it wrote under ${title}: repair what it guards, which nobody can enter meanwhile, then call consistent()`,
  );
}

/** The flags may be stale, the nodes are not. */
export function writersWait({ words, at, heap }: MonitorInside): boolean {
  return words[at + RWLOCK.writersWait] !== 0 && heap.waitQueue.countWaiters(at + RWLOCK.writersWait, 1) > 0;
}

export function readersWait({ words, at, heap }: MonitorInside): boolean {
  return words[at + RWLOCK.readersWait] !== 0 && heap.waitQueue.countWaiters(at + RWLOCK.readersWait, 1) > 0;
}

/** After a writer: the readers that waited for it, or else the next writer. */
export function wakeNext(lock: MonitorInside): void {
  if (wakeReaders(lock) === 0) wakeWriter(lock);
}

/**
 * As many as there are cores to run them: each that gets in wakes another. All at once they would keep the reader from
 * a core that the next writer waits for.
 */
export function wakeReaders(lock: MonitorInside): number {
  return lock.wake(lock.at + RWLOCK.readersWait, coreCount(), RWLOCK.readersWait);
}

export function wakeWriter(lock: MonitorInside): void {
  lock.wakeFor(lock.at + RWLOCK.writersWait, 1, RWLOCK.writersWait);
}

/**
 * What a dead writer left half changed is whole again. Whether it kept everybody out, so that the next is to be woken.
 */
export function declareConsistent(lock: MonitorInside): boolean {
  const { words, at, heap, self } = lock;
  const writer = words[at + RWLOCK.writer]!;
  if (writer !== 0 && writer !== self) heap.registry.confirmAlive(writer);
  return lock.inside(() => {
    strikeOutDeadWriter(lock);
    if (words[at + RWLOCK.writer] !== self) {
      if (words[at + RWLOCK.writer] !== 0)
        throw new NotOwnerError(
          `${lock.title} is held for writing by another worker: consistent() is for who holds it so`,
        );
      if ((words[at + RWLOCK.policy]! & FAILS) === 0)
        throw new NotHeldError(
          `${lock.title} is not held for writing: repair what it guards as a writer, and call consistent() before you release it`,
        );
    }
    const opened = (words[at + RWLOCK.policy]! & FAILS) !== 0 && words[at + RWLOCK.inconsistent] === 1;
    words[at + RWLOCK.inconsistent] = 0;
    return opened;
  });
}

/** `waiting`, after which `leave` is called unless it was given something. */
export async function endingWait<T>(waiting: Promise<T | undefined>, leave: () => void): Promise<T | undefined> {
  let held: T | undefined;
  try {
    held = await waiting;
  } finally {
    if (held === undefined) leave();
  }
  return held;
}
