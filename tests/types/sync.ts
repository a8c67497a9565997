/** What the compiler accepts of the primitives, and what it must refuse. */
import {
  Barrier,
  type BoundedSemaphore,
  Condition,
  CountDownLatch,
  Event,
  type Held,
  Lock,
  type LockOptions,
  OwnerDiedError,
  RLock,
  RWLock,
  type RWLockView,
  type RHeld,
  Semaphore,
  select,
} from "allcores";

function same<A>(_value: A): <B>(proof: [A] extends [B] ? ([B] extends [A] ? true : never) : never, as: B) => void {
  return () => {};
}

export async function accepted(
  lock: Lock,
  rlock: RLock,
  condition: Condition,
  semaphore: Semaphore,
  barrier: Barrier,
  rwlock: RWLock,
): Promise<void> {
  {
    using held = lock.acquireSync({ timeout: 5 });
    held.ownerDied satisfies boolean;
  }
  using awaited = await lock.acquire({ timeout: 5, signal: AbortSignal.timeout(5) });
  same(awaited)(true, awaited as Held);
  (await new Lock({ fair: true }).acquire({ priority: 1, timeout: 5, signal: AbortSignal.timeout(5) })) satisfies Held;
  new RLock({ fair: true, across: "processes" }).acquireSync({ priority: -1 }) satisfies RHeld;
  for (const each of [lock, rlock, semaphore, rwlock, rwlock.reading]) {
    each.waitForUnlock({ timeout: 5, signal: AbortSignal.timeout(5) }) satisfies Promise<void>;
    each.waitForUnlockSync({ timeout: 5 });
    each.cancelWaiters();
  }
  semaphore.acquireSync({ permits: 2, timeout: 5 }) satisfies Held;
  (await semaphore.acquire({ permits: 2, signal: AbortSignal.timeout(5) })) satisfies Held;
  new Semaphore(2, { fair: true }).acquireSync({ permits: 2, priority: 1 }) satisfies Held;
  new RWLock({ fair: true }).readSync({ priority: 1, timeout: 5 }) satisfies Held;
  (await new RWLock({ fair: true, onOwnerDeath: "error" }).writing.acquire({ priority: 1 })) satisfies Held;
  semaphore.tryAcquire({ permits: 2 }) satisfies Held | undefined;
  lock.tryAcquire() satisfies Held | undefined;
  (await lock.run(() => 1)) satisfies number;
  (await lock.run(async () => "x")) satisfies string;
  lock.runSync((held) => held.ownerDied) satisfies boolean;
  rlock.acquireSync().acquire() satisfies RHeld;
  (await condition.waitFor(() => [1, 2].find((n) => n > 1))) satisfies number;
  condition.waitForSync((): "yes" | false => "yes") satisfies "yes";
  (await barrier.wait({ action: () => {} })) satisfies number;
  using permit = semaphore.acquireSync();
  using reading = rwlock.readSync();
  (await rwlock.runRead(async (held) => held.ownerDied)) satisfies boolean;
  rwlock.runWriteSync(() => "x") satisfies string;
  rwlock.writing satisfies RWLockView;
  using side = await rwlock.reading.acquire({ timeout: 5, signal: AbortSignal.timeout(5) });
  side satisfies Held;
  (await select({ turn: rwlock.writing })).value satisfies Held;
  rwlock.isWriting satisfies boolean;
  permit satisfies Held;
  reading satisfies Held;
  new Condition(new Lock());
  new Condition(new RLock({ across: "processes" }));
  new Event({ across: "threads", label: "ready" });
  new Barrier(2, { timeout: 5 });
  const latch = new CountDownLatch(2, { across: "processes", label: "loaded" });
  latch.countDown();
  latch.countDown(2);
  latch.wait({ timeout: 5, signal: AbortSignal.timeout(5) }) satisfies Promise<void>;
  latch.waitSync({ timeout: 5 });
  latch.tryWait() satisfies boolean;
  latch.count satisfies number;
  (await select({ latch })).value satisfies undefined;
  const strict: LockOptions = { across: "processes", label: "accounts", onOwnerDeath: "error" };
  for (const each of [
    new Lock(strict),
    new RLock(strict),
    new RWLock(strict),
    new Lock({ onOwnerDeath: "report" }),
    condition,
    semaphore,
  ])
    each.consistent();
  new OwnerDiedError("").code satisfies string;
}

export function refused(lock: Lock, rlock: RLock, rwlock: RWLock, bounded: BoundedSemaphore, event: Event): void {
  // @ts-expect-error whether somebody writes is isWriting; writing is the writers' side
  rwlock.writing satisfies boolean;
  // @ts-expect-error a side is no Lock
  rwlock.reading satisfies Lock;
  // @ts-expect-error a lock is not what is held: using _ = lock.acquireSync()
  using _ = lock;
  // @ts-expect-error a promise is not what is held: await it
  using __ = lock.acquire();
  // @ts-expect-error a lock has no permits to ask for
  lock.acquireSync({ permits: 2 });
  // @ts-expect-error a blocking wait has no signal
  lock.waitForUnlockSync({ signal: AbortSignal.timeout(1) });
  // @ts-expect-error an attempt never waits: it has no priority
  bounded.tryAcquire({ priority: 1 });
  // @ts-expect-error an attempt has no time
  bounded.tryAcquire({ timeout: 1 });
  // @ts-expect-error an owner that died is reported, or an error
  new Lock({ onOwnerDeath: "throw" });
  // @ts-expect-error said of the lock, not of the hold
  lock.acquireSync().consistent();
  // @ts-expect-error a hold tells, and is not told
  lock.acquireSync().ownerDied = false;
  // @ts-expect-error a blocking wait has no signal
  lock.acquireSync({ signal: AbortSignal.timeout(1) });
  // @ts-expect-error a Lock is no RLock
  lock satisfies RLock;
  // @ts-expect-error and the other way round
  rlock satisfies Lock;
  // @ts-expect-error an Event of ours is not the platform's
  event satisfies globalThis.Event;
  // @ts-expect-error a lock has no permits
  lock satisfies Semaphore;
  // @ts-expect-error reach is one of two words
  new Lock({ across: "machines" });
  // @ts-expect-error a timeout is a number
  lock.acquireSync({ timeout: "5" });
  // @ts-expect-error a barrier needs its number of parties
  new Barrier();
  // @ts-expect-error a latch needs its count
  new CountDownLatch();
  const latch = new CountDownLatch(1);
  // @ts-expect-error the count goes down by countDown alone
  latch.count = 0;
  // @ts-expect-error a latch is no event: it cannot be set, nor cleared
  latch satisfies Event;
  // @ts-expect-error a blocking wait has no signal
  latch.waitSync({ signal: AbortSignal.timeout(1) });
  // @ts-expect-error a semaphore is no lock for a condition
  new Condition(bounded);
  bounded satisfies Semaphore;
}
