/**
 * The one line of an RWLock made with `{ fair: true }`, in which readers and writers stand by priority and arrival.
 *
 * A writer takes the lock only as the first of all. A reader takes it when no writer comes before it: so readers that
 * stand next to each other go in together, and their order among themselves is nobody's business. Nothing is handed
 * over. A wake-up says that it is time to look, and gives no right: one of a higher priority may have come. A waiter
 * that could not go in, although the lock lets somebody in, sees to it that the first is woken, since the one that left
 * may have died before it woke anybody.
 *
 * Readers and writers keep a key each, so that a report can tell what a waiter wants; the line is the nodes at both.
 */
import { DeadlockError } from "../errors/index.js";
import { atomics } from "../memory/index.js";
import type { MonitorInside } from "../objects/index.js";
import { coreCount } from "../platform/index.js";
import { FAIR, RWLOCK, wakeNext } from "./rwlock-words.js";

const { load } = atomics;

/** Whether the line of a read-write lock is kept in order. */
export function isFairLock({ words, at }: MonitorInside): boolean {
  return (words[at + RWLOCK.policy]! & FAIR) !== 0;
}

/** Whether a writer that waits comes before a reader at `node`; 0 for one that does not wait. Inside the mutex. */
export function isBehindWriter({ words, at, heap }: MonitorInside, node: number): boolean {
  return words[at + RWLOCK.writersWait] !== 0 && heap.waitQueue.isBehind(at + RWLOCK.writersWait, node);
}

/** Whether anybody that waits comes before a writer at `node`; 0 for one that does not wait. Inside the mutex. */
export function isBehindAnybody(lock: MonitorInside, node: number): boolean {
  const { at, heap } = lock;
  return somebodyMayWait(lock) && heap.waitQueue.isBehind(at + RWLOCK.readersWait, node, at + RWLOCK.writersWait);
}

/** Sees to it that the first in line is woken, if the lock lets it in now. Outside the mutex. */
export function offerToFirst(lock: MonitorInside): void {
  offer(lock, false);
}

/** After a writer: who comes next. Outside the mutex. */
export function wakeAfterWriter(lock: MonitorInside): void {
  if (isFairLock(lock)) offerToGroup(lock);
  else wakeNext(lock);
}

/**
 * As `offerToFirst`, after a writer, or where a writer left the line: of readers as many as there are cores to run
 * them, of which each that goes in wakes another. It wakes those first who come first.
 */
export function offerToGroup(lock: MonitorInside): void {
  offer(lock, true);
}

function offer(lock: MonitorInside, isGroup: boolean): void {
  const { words, at, heap } = lock;
  if (!somebodyMayWait(lock)) return;
  while (load(words, at + RWLOCK.writer) === 0) {
    const first = heap.waitQueue.firstOf(at + RWLOCK.readersWait, at + RWLOCK.writersWait);
    if (first === undefined) {
      // Nobody is there to be woken: this takes the flags down.
      lock.wake(at + RWLOCK.readersWait, 1, RWLOCK.readersWait);
      lock.wake(at + RWLOCK.writersWait, 1, RWLOCK.writersWait);
      return;
    }
    const isReader = first.key === at + RWLOCK.readersWait;
    if (!isReader && load(words, at + RWLOCK.readers) !== 0) return;
    if (isReader && isGroup) {
      lock.wake(at + RWLOCK.readersWait, coreCount(), RWLOCK.readersWait);
      return;
    }
    if (heap.waitQueue.wakeAsFirst(first)) return;
  }
}

/** The flags may be stale, but who has looked in vain and waits has raised one. */
function somebodyMayWait({ words, at }: MonitorInside): boolean {
  return load(words, at + RWLOCK.readersWait) !== 0 || load(words, at + RWLOCK.writersWait) !== 0;
}

/**
 * What this thread's loop awaits comes first, and cannot while the thread blocks. Of a reader behind a reader too: a
 * writer may come between them. @throws DeadlockError
 */
export function refuseBehindOwn(lock: MonitorInside, priority: number): void {
  const { heap, at, title } = lock;
  if (!isFairLock(lock)) return;
  if (
    !heap.parker.isAwaitedBefore(at + RWLOCK.readersWait, priority) &&
    !heap.parker.isAwaitedBefore(at + RWLOCK.writersWait, priority)
  )
    return;
  throw new DeadlockError(
    `${title} keeps its line in order, and awaiting code of this very thread comes first: it cannot take it while this call blocks the thread: await read() or write()`,
  );
}
