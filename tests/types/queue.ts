/** What the compiler accepts and refuses; nothing here runs. */
import { type AnyQueue, LifoQueue, Lock, PriorityQueue, Queue, type RHeld, RLock, Semaphore } from "allcores";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

export async function queues(): Promise<void> {
  const queue = new Queue<string | null>({ across: "processes", maxSize: 10, capacity: 1000, label: "fruit" });
  expectType<string | null>()(queue.getSync({ timeout: 5 }), true);
  expectType<string | null>()(await queue.get({ timeout: 5, signal: AbortSignal.timeout(5) }), true);
  expectType<{ value: string | null } | undefined>()(queue.tryGet(), true);
  expectType<boolean>()(queue.tryPut("apple"), true);
  expectType<Promise<boolean>>()(queue.put(null), true);
  expectType<boolean>()(queue.putSync("apple"), true);
  expectType<{ value: string | null } | undefined>()(queue.peek(), true);
  expectType<(string | null)[]>()(await queue.getUpTo(5, { timeout: 5, signal: AbortSignal.timeout(5) }), true);
  expectType<(string | null)[]>()(queue.getUpToSync(5, { timeout: 5 }), true);
  expectType<(string | null)[] | undefined>()(queue.tryGetUpTo(5), true);
  new Queue({ maxSize: 10, whenFull: "dropOldest" });
  expectType<number>()(queue.size, true);
  for (const item of queue) expectType<string | null>()(item, true);
  for await (const item of queue) expectType<string | null>()(item, true);
  expectType<unknown>()(new Queue().getSync(), true);
  queue.shutdown({ immediate: true });

  // @ts-expect-error an item of another type
  queue.putSync(5);
  // @ts-expect-error an item of another type
  queue.tryPut(undefined);
  // @ts-expect-error an item is needed
  queue.put();
  // @ts-expect-error there may be none
  queue.tryGet().value;
  // @ts-expect-error a blocking wait cannot be aborted
  queue.getSync({ signal: AbortSignal.timeout(5) });
  // @ts-expect-error milliseconds are a number
  queue.get({ timeout: "5" });
  // @ts-expect-error no such reach
  new Queue({ across: "planets" });
  // @ts-expect-error no such way to be full
  new Queue({ maxSize: 10, whenFull: "dropAll" });
  // @ts-expect-error how many at most has to be said
  queue.getUpTo();
  // @ts-expect-error a bound is a number
  new Queue({ maxSize: "10" });
  // @ts-expect-error its size is what is in it
  queue.size = 5;
  // @ts-expect-error a Queue of other items
  const other: Queue<number> = queue;
  void other;
}

export async function otherQueues(): Promise<void> {
  const stack = new LifoQueue<number>({ across: "processes", maxSize: 10 });
  expectType<number>()(await stack.get(), true);
  for (const item of stack) expectType<number>()(item, true);
  const ranked = new PriorityQueue<{ rank: number }>({ priority: (item) => item.rank, capacity: 1000 });
  expectType<Promise<boolean>>()(
    ranked.put({ rank: 1 }, { priority: 2, timeout: 5, signal: AbortSignal.timeout(5) }),
    true,
  );
  expectType<boolean>()(ranked.tryPut({ rank: 1 }, { priority: 2 }), true);
  ranked.putSync({ rank: 1 }, { priority: 2, timeout: 5 });
  expectType<{ value: { rank: number } } | undefined>()(ranked.tryGet(), true);
  const any: AnyQueue<number>[] = [new Queue<number>(), stack, new PriorityQueue<number>()];
  void any;

  // @ts-expect-error only a PriorityQueue has priorities
  stack.putSync(1, { priority: 2 });
  // @ts-expect-error a priority is a number
  ranked.putSync({ rank: 1 }, { priority: "high" });
  // @ts-expect-error a priority is a number
  new PriorityQueue<string>({ priority: (item) => item });
  // @ts-expect-error it has no such field
  new PriorityQueue<string>({ priority: (item) => item.rank });
  // @ts-expect-error a Queue is no LifoQueue
  const wrong: LifoQueue<number> = new Queue<number>();
  void wrong;
}

export function held(): void {
  const lock = new Lock();
  {
    using _ = lock.acquireSync();
  }
  // @ts-expect-error the lock is not what is held: lock.acquireSync() gives that
  using _ = lock;
  // @ts-expect-error a semaphore is not what is held
  using _permit = new Semaphore(1);
  // @ts-expect-error it may not be held
  lock.tryAcquire().ownerDied;

  const reentrant = new RLock();
  expectType<RHeld>()(reentrant.acquireSync(), true);
  // @ts-expect-error a Lock does not re-enter
  const wrong: RLock = lock;
  // @ts-expect-error an RLock is no Lock
  const alsoWrong: Lock = reentrant;
  void wrong;
  void alsoWrong;
}
