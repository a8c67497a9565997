/**
 * One case: a heap with objects of every kind in it, some of its words changed, then every operation. Each must come to its end by a value or an error; how long it may
 * take, and that the process lives, is seen to from outside (hunt.ts).
 */
import fc from "fast-check";
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  createPipe,
  Event,
  isAllcoresError,
  LifoQueue,
  Lock,
  PriorityQueue,
  Queue,
  RLock,
  RWLock,
  Semaphore,
  SharedArray,
  SharedList,
  SharedMap,
  SharedMemory,
  Struct,
  trySelect,
  Value,
} from "../../src/index.js";
import { sizeOf } from "../../src/memory/size-class.js";
import { BLOCK_HEADER_WORDS, BLOCKS_AT, HEADER, RECORD, RECORD_WORDS, REGISTRY_AT } from "../../src/memory/layout.js";
import type { Heap } from "../../src/memory/heap.js";

/** A word to change: where it stands (a share of the kind of place), and what becomes of it. */
export interface Change {
  readonly place: "block" | "header" | "record";
  readonly share: number;
  readonly becomes: "random" | "small" | "negative" | "place" | "nearby" | "flipped" | "other";
  readonly value: number;
}

export const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.record({
    place: fc.constantFrom("block", "block", "block", "block", "block", "header", "record"),
    share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    becomes: fc.constantFrom("random", "small", "negative", "place", "nearby", "flipped", "other"),
    value: fc.integer(),
  }) as fc.Arbitrary<Change>,
  { minLength: 1, maxLength: 12 },
);

/** Words of the header that say which memory this is: others are refused before it is mapped, and nothing goes by them later. */
const IDENTITY = [HEADER.magic, HEADER.version, HEADER.heapId];

export function corrupt(heap: Heap, list: readonly Change[]): void {
  const { words } = heap;
  const brk = words[HEADER.brk]!;
  const blocks: number[] = [];
  for (let header = BLOCKS_AT; header < brk; header += BLOCK_HEADER_WORDS + sizeOf(words[header]! >>> 8)) blocks.push(header);
  const places: Record<Change["place"], () => [number, number]> = {
    block: () => [BLOCKS_AT, brk - BLOCKS_AT],
    header: () => [0, HEADER.freeExtents + 56],
    record: () => [REGISTRY_AT + RECORD_WORDS, 2 * RECORD_WORDS],
  };
  for (const { place, share, becomes, value } of list) {
    const [from, length] = places[place]();
    // Mostly one of the first words of some block: most of memory is payload.
    const block = blocks[Math.floor(share * blocks.length)]!;
    const at = place === "block" ? block + ((value >>> 3) % 24) : from + Math.floor(share * length);
    if (IDENTITY.includes(at as 0)) continue;
    // Who it says it is: a record of another worker is judged by the kernel, and lives as long as that one.
    if (place === "record" && (at - REGISTRY_AT) % RECORD_WORDS <= RECORD.startTime) continue;
    const current = words[at]!;
    const next = {
      random: value,
      small: value & 31,
      negative: -(value & 31) - 1,
      place: BLOCKS_AT + ((value >>> 1) % (brk - BLOCKS_AT + 64)),
      nearby: current + ((value & 7) - 3),
      flipped: current ^ (1 << (value & 31)),
      other: words[BLOCKS_AT + ((value >>> 1) % (brk - BLOCKS_AT))]!,
    }[becomes];
    words[at] = next;
  }
}

type Operation = () => unknown;

/** Objects of every kind with something in them, and all that can be done with each. */
export function furnish(across: "threads" | "processes"): { objects: { free(): void }[]; operations: Operation[] } {
  const reach = { across };
  const now = { timeout: 0 };
  const soon = { timeout: 1 };
  const [lock, rlock, semaphore, bounded] = [new Lock(reach), new RLock(reach), new Semaphore(2, reach), new BoundedSemaphore(2, reach)];
  const [event, barrier, rwlock, condition] = [new Event(reach), new Barrier(2, reach), new RWLock(reach), new Condition(undefined, reach)];
  const [value, array, list, map] = [
    new Value("int32", 1, reach),
    new SharedArray("int32", 8, reach),
    new SharedList<unknown>(reach),
    new SharedMap<unknown>(reach),
  ];
  const cache = new SharedMap<unknown>({ ...reach, maxBytes: 2048, ttl: 60_000 });
  const memory = new SharedMemory(256, reach);
  const struct = new Struct({ a: "int32", b: "float64" } as const, undefined, reach);
  const named = SharedMap.open<unknown>("fuzzed", reach);
  const large = Buffer.alloc(6000, 7);
  const [fifo, lifo, ranked] = [new Queue<unknown>(reach), new LifoQueue<unknown>(reach), new PriorityQueue<unknown>({ ...reach, priority: () => 1 })];
  const bounds = new Queue<unknown>({ ...reach, maxSize: 4, capacity: 5000 });
  const queues = [fifo, lifo, ranked, bounds];
  const [near, far] = createPipe<unknown>(reach);
  for (let index = 0; index < 4; index++) {
    for (const queue of queues) queue.tryPut(index % 2 ? { index, lock } : "x".repeat(index * 50));
    list.push({ index }, "item", 5);
    map.set(`key ${index}`, index === 1 ? [event] : { index });
    cache.set(`key ${index}`, "y".repeat(index * 100));
    near.trySend({ index });
  }
  for (const queue of [fifo, lifo, ranked]) queue.tryPut(large);
  for (let index = 0; index < 30; index++) {
    map.set(`more ${index}`, index);
    lifo.tryPut(`z${index}`.repeat(20));
    ranked.tryPut(index);
  }
  map.set("large", large);
  near.trySend(large);
  named.set("a", 1);
  const held = [semaphore.tryAcquire(), rwlock.tryRead(), rlock.tryAcquire()];
  const operations: Operation[] = [
    () => lock.acquireSync(now),
    () => lock.tryAcquire()?.[Symbol.dispose](),
    () => lock.release(),
    () => rlock.acquireSync(soon),
    () => rlock.release(),
    () => held.map((hold) => hold?.[Symbol.dispose]()),
    ...[semaphore, bounded].flatMap((each): Operation[] => [() => each.acquireSync(now), () => each.tryAcquire(), () => each.release(), () => each.value]),
    () => semaphore.acquireSync(soon),
    () => event.set(),
    () => event.clear(),
    () => event.waitSync(soon),
    () => barrier.waitSync(soon),
    () => [barrier.broken, barrier.waiting, barrier.reset(), barrier.abort()],
    () => rwlock.readSync(now),
    () => rwlock.writeSync(soon),
    () => rwlock.tryWrite()?.[Symbol.dispose](),
    () => condition.acquireSync(now),
    () => condition.waitSync(soon),
    () => condition.notifyAll(),
    () => [value.add(1), value.value],
    () => value.lock.acquireSync(now)[Symbol.dispose](),
    () => value.update((n) => n + 1),
    () => [array.at(1), [...array]],
    () => (array.view[2] = 3),
    () => struct.toString(),
    () => new Uint8Array(memory.bytes).length,
    ...[map, cache, named].flatMap((each): Operation[] => [
      () => each.get("key 1"),
      () => each.get("large"),
      () => each.has("key 2"),
      () => each.set("key 1", { other: 1 }),
      () => each.set("new key", "v"),
      () => each.delete("key 2"),
      () => each.update("key 3", (seen) => [seen]),
      () => each.compareAndSet("key 0", { index: 0 }, 1),
      () => each.size,
      () => [...each],
      () => each.stats(),
      () => {
        for (let index = 0; index < 40; index++) each.set(`grown ${index}`, index);
      },
      () => each.clear(),
      () => each.set("after", 1),
    ]),
    () => SharedMap.open("fuzzed", reach),
    () => SharedMap.open("another", reach).free(),
    () => named.name,
    () => list.length,
    () => [list.get(0), list.get(-1)],
    () => list.set(1, large),
    () => list.update(0, (item) => [item]),
    () => list.push(1, 2, 3),
    () => [list.pop(), list.shift()],
    () => list.unshift("first"),
    () => list.splice(1, 2, "other"),
    () => list.indexOf(5),
    () => list.toArray(),
    () => list.clear(),
    ...queues.flatMap((queue): Operation[] => [
      () => [queue.size, queue.isEmpty, queue.isFull],
      () => queue.tryGet(),
      () => queue.getSync(now),
      () => queue.putSync({ put: 1 }, now),
      () => queue.tryPut(large),
      () => trySelect({ queue }),
      () => queue.taskDone(),
      () => queue.joinSync(soon),
      () => {
        for (let index = 0; index < 30; index++) queue.tryPut(index);
      },
      () => {
        for (let index = 0; index < 60; index++) queue.tryGet();
      },
      () => queue.shutdown({ immediate: true }),
    ]),
    () => fifo.getSync(soon),
    () => far.tryRecv(),
    () => far.recvSync(now),
    () => far.recvInto(Buffer.alloc(10), soon as never).catch(() => {}),
    () => near.trySend(large),
    () => near.sendSync(5, now),
    () => far.pollSync(soon),
    () => [near.close(), far.close()],
    () => new Queue(reach).free(),
    () => new SharedMemory(5000, reach).close(),
  ];
  return {
    objects: [lock, rlock, semaphore, bounded, event, barrier, rwlock, condition, value, array, list, map, cache, named, struct, memory, ...queues],
    operations,
  };
}

/** How operations ended: by a value, an error of ours, or one of the platform's checks of bounds, by its first words. */
export type Ends = Record<string, number>;

export function attemptAll(operations: readonly Operation[], ends: Ends, said: (index: number) => void): void {
  for (const [index, operation] of operations.entries()) {
    said(index);
    let end = "value";
    try {
      operation();
    } catch (error) {
      if (isAllcoresError(error)) end = error.code;
      else if (error instanceof RangeError || error instanceof TypeError) end = `${error.name}: ${error.message.slice(0, 40)}`;
      else throw error;
    }
    ends[end] = (ends[end] ?? 0) + 1;
  }
}
