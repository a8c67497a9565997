/** What cases are about: objects of one kind with something in them, and all that can be done with them. */
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  CountDownLatch,
  createPipe,
  Event,
  LifoQueue,
  Lock,
  PriorityQueue,
  Queue,
  RLock,
  RWLock,
  select,
  Semaphore,
  SharedArray,
  SharedList,
  SharedMap,
  SharedMemory,
  snapshot,
  Struct,
  trySelect,
  Value,
} from "../../src/index.js";
import { encode } from "../../src/codec/index.js";
import { keep } from "../../src/codec/payload.js";
import { take } from "../../src/diagnosis/findings.js";
import {
  type Heap,
  KIND,
  LIVE,
  processHeap,
  RECORD,
  RECORD_WORDS,
  REGISTRY_AT,
  threadHeap,
} from "../../src/memory/index.js";
import { writeWorkerInfo } from "../../src/parking/worker-info.js";
import { DEAD, HEADER, STATE_BITS } from "../../src/memory/layout.js";
import { Completion, RETURNED } from "../../src/workers/completion.js";
import { Lane, LAST } from "../../src/workers/lane.js";
import { LaneOwner } from "../../src/workers/lane-owner.js";
import { LaneWorker } from "../../src/workers/lane-worker.js";

export type Operation = () => unknown;

export interface Subject {
  readonly objects: readonly { free(): void }[];
  readonly operations: readonly Operation[];
}

/** How far the objects of a case reach. */
let reach: { readonly across: "threads" | "processes" } = { across: "threads" };

/** From here on subjects are made in this heap. */
export function makeSubjectsAcross(across: "threads" | "processes"): void {
  reach = { across };
}

function heapHere(): Heap {
  return reach.across === "threads" ? threadHeap() : processHeap();
}

const now = { timeout: 0 };
const soon = { timeout: 1 };
const large = Buffer.alloc(6000, 7);
const middling = "m".repeat(1500);
/** Of all sizes, and with objects in them. */
const values = (): unknown[] => [
  1,
  { index: 1 },
  "x".repeat(70),
  [new Event(reach), "in"],
  middling,
  large,
  -5,
  new Map([[1, new Date(5)]]),
];

const times = (count: number, operation: (index: number) => unknown): Operation => {
  return () => {
    for (let index = 0; index < count; index++) operation(index);
  };
};

export const subjects: Record<string, () => Subject> = {
  lock() {
    const lock = new Lock({ ...reach, label: "fuzzed" });
    return {
      objects: [lock],
      operations: [
        () => lock.tryAcquire()?.[Symbol.dispose](),
        () => lock.acquireSync(now)[Symbol.dispose](),
        () => lock.runSync(() => 1, soon),
        async () => (await lock.acquire(soon))[Symbol.dispose](),
        () => lock.isLocked,
        () => lock.acquireSync(soon),
        () => lock.release(),
      ],
    };
  },

  rlock() {
    const lock = new RLock(reach);
    const held = lock.tryAcquire();
    return {
      objects: [lock],
      operations: [
        () => lock.acquireSync(soon),
        () => lock.runSync(() => lock.runSync(() => 1, soon), soon),
        async () => (await held!.acquire())[Symbol.dispose](),
        () => lock.release(),
        () => held?.[Symbol.dispose](),
        () => lock.tryAcquire(),
      ],
    };
  },

  semaphore() {
    const [semaphore, bounded] = [new Semaphore(2, reach), new BoundedSemaphore(2, reach)];
    const held = [semaphore.tryAcquire(), bounded.tryAcquire()];
    return {
      objects: [semaphore, bounded],
      operations: [semaphore, bounded].flatMap((each): Operation[] => [
        () => each.acquireSync(now),
        () => each.tryAcquire()?.[Symbol.dispose](),
        () => each.runSync(() => 1, soon),
        async () => (await each.acquire(soon))[Symbol.dispose](),
        () => each.value,
        () => each.release(),
        () => held.map((hold) => hold?.[Symbol.dispose]()),
      ]),
    };
  },

  rwlock() {
    const lock = new RWLock(reach);
    // More than find room in its first table.
    const held = Array.from({ length: 3 }, () => lock.tryRead());
    return {
      objects: [lock],
      operations: [
        () => lock.readSync(now),
        () => lock.tryWrite()?.[Symbol.dispose](),
        () => lock.writeSync(soon)[Symbol.dispose](),
        async () => (await lock.read(soon))[Symbol.dispose](),
        () => held.map((hold) => hold?.[Symbol.dispose]()),
        () => lock.writeSync(soon)[Symbol.dispose](),
      ],
    };
  },

  countDownLatch() {
    const [latch, open] = [new CountDownLatch(3, reach), new CountDownLatch(0, reach)];
    return {
      objects: [latch, open],
      operations: [
        () => latch.waitSync(soon),
        () => latch.countDown(),
        () => [latch.count, latch.tryWait(), trySelect({ latch })],
        async () => await latch.wait(soon),
        () => open.waitSync(soon),
        () => latch.countDown(2),
        () => latch.waitSync(soon),
      ],
    };
  },

  event() {
    const [event, barrier, condition] = [new Event(reach), new Barrier(2, reach), new Condition(undefined, reach)];
    return {
      objects: [event, barrier, condition],
      operations: [
        () => event.waitSync(soon),
        () => event.set(),
        () => event.isSet,
        async () => await event.wait(soon),
        () => event.clear(),
        () => barrier.waitSync(soon),
        () => [barrier.isBroken, barrier.waiting, barrier.parties],
        () => barrier.reset(),
        async () => await barrier.wait(soon),
        () => barrier.abort(),
        () => condition.acquireSync(now),
        () => condition.waitSync(soon),
        () => condition.notify(),
        () => condition.waitForSync(() => false, soon),
        () => condition.notifyAll(),
        () => condition.release(),
      ],
    };
  },

  numbers() {
    const value = new Value("int32", 1, reach);
    const array = new SharedArray("int32", 8, reach);
    const struct = new Struct({ a: "int32", b: "float64" }, undefined, reach);
    const memory = new SharedMemory(256, reach);
    return {
      objects: [value, array, struct, memory],
      operations: [
        () => [value.add(1), value.value, value.compareExchange(1, 2)],
        () => value.update((n) => n + 1),
        () => value.lock.acquireSync(now)[Symbol.dispose](),
        () => [array.at(1), [...array], array.length],
        () => (array.view[2] = 3),
        () => array.set(3, 4),
        () => struct.update((fields) => ({ a: fields.a + 1 })),
        () => [struct.readSync(now), String(struct)],
        () => memory.bytes.fill(1),
        () => new SharedMemory(300, reach).free(),
      ],
    };
  },

  queue: () => queue(new Queue(reach)),
  boundedQueue: () => queue(new Queue({ ...reach, maxSize: 9, capacity: 20_000 })),
  lifo: () => queue(new LifoQueue(reach)),
  priority: () => queue(new PriorityQueue({ ...reach, priority: (value) => String(value).length % 5 })),

  pipe() {
    const [near, far] = createPipe<unknown>(reach);
    for (const value of values()) near.trySend(value);
    for (const value of values()) far.trySend(value);
    return {
      objects: [{ free: () => near.close() }, { free: () => far.close() }],
      operations: [
        () => far.pollSync(soon),
        () => far.tryRecv(),
        () => far.recvSync(now),
        async () => await far.recv(soon),
        () => far.recvInto(Buffer.alloc(10), soon as never),
        () => trySelect({ far }),
        () => near.trySend(large),
        () => near.sendSync(middling, soon),
        async () => await near.send({ more: 1 }, soon),
        times(40, (index) => near.trySend("z".repeat(index * 5))),
        times(40, () => far.tryRecv()),
        () => near.tryRecv(),
        () => near.close(),
        () => far.tryRecv(),
        () => far.close(),
      ],
    };
  },

  map: () => map(new SharedMap(reach)),
  cache: () => map(new SharedMap({ ...reach, maxBytes: 9000, ttl: 60_000 })),
  namedMap: () => map(SharedMap.open("fuzzed", reach)),

  list() {
    const list = new SharedList<unknown>(reach);
    list.push(...values(), ...values());
    return {
      objects: [list],
      operations: [
        () => list.length,
        () => list.get(0),
        () => list.get(-1),
        () => list.toArray(),
        () => list.set(1, large),
        () => list.update(0, (item) => [item]),
        () => list.push(1, 2, 3),
        () => list.pop(),
        () => list.shift(),
        () => list.unshift("first"),
        () => list.splice(1, 2, "other"),
        () => list.indexOf(5),
        times(30, (index) => list.push(index)),
        times(20, () => list.shift()),
        () => list.clear(),
        () => list.push(1),
      ],
    };
  },

  names() {
    const opened = ["one", "two", "three", "four"].map((name) => SharedMap.open<unknown>(name, reach));
    const memory = SharedMemory.openOrCreate("five", 100, reach);
    return {
      objects: [...opened, memory],
      operations: [
        () => SharedMap.open("two", reach),
        () => SharedMap.open("another", reach).free(),
        () => opened.map((each) => each.name),
        () => SharedMemory.open("five", reach),
        () => opened[1]!.free(),
        () => SharedMap.open("two", reach).free(),
      ],
    };
  },

  worker() {
    const heap = heapHere();
    const completion = Completion.create(heap);
    completion.args = encode([1, large], { boundary: "threads" } as never);
    completion.begin();
    const lane = Lane.create(heap, 0);
    const [owner, worker] = [new LaneOwner(lane, undefined), new LaneWorker(lane, undefined)];
    const send = (value: unknown) => owner.send(1, 1, 0, 0, keep(encode(value, { boundary: "threads" } as never)));
    const work = () => {
      if (!worker.take()) return;
      try {
        const value = worker.read();
        worker.reply(LAST, 1, 5, encode(value, { boundary: "threads" } as never));
      } finally {
        worker.done();
      }
    };
    const receive = () => {
      if (!owner.receive()) return;
      try {
        owner.read();
      } finally {
        owner.release();
      }
    };
    const positions = [1, { a: 1 }, middling, large, "y".repeat(400)].map(send);
    work();
    work();
    return {
      objects: [{ free: () => heap.references.letGo(completion.at) }, lane],
      operations: [
        receive,
        work,
        () =>
          positions.map((position) => position !== undefined && [owner.isTaken(position), owner.takeBack(position)]),
        times(4, work),
        times(6, receive),
        times(30, (index) => {
          send("w".repeat(index * 20));
          work();
          receive();
        }),
        () => owner.close(),
        () => completion.takeArgs(),
        () => completion.finish(RETURNED, encode({ result: 1 }, { boundary: "threads" } as never)),
        () => completion.takeResult(),
      ],
    };
  },

  /** A worker that died: what it held, waited for and had drafted is swept by whoever looks. */
  dead() {
    const heap = heapHere();
    const [lock, event, queue] = [new Lock(reach), new Event(reach), new Queue(reach)];
    queue.putSync(large);
    const { self: id } = heap;
    const record = REGISTRY_AT + 2 * RECORD_WORDS;
    const ledgers = [0, 1, 2].map(() => heap.allocator.allocate(64, KIND.plain));
    const nodes = [0, 1].map(() => heap.allocator.allocate(4 + 63 * 4, KIND.plain));
    heap.allocator.allocate(50, KIND.plain, 1);
    const { words } = heap;
    const other = (id & ~0x3ff) | 2;
    words[record + RECORD.state] = (other << STATE_BITS) | DEAD;
    words[record + RECORD.id] = other;
    words[record + RECORD.pid] = 0x3ffffff;
    words[record + RECORD.nodesHigh] = 3;
    words[record + RECORD.references] = ledgers[0]!;
    words[record + RECORD.moreNodes] = nodes[0]!;
    words[nodes[0]!] = nodes[1]!;
    ledgers.forEach((ledger, index) => {
      words[ledger] = ledgers[index + 1] ?? 0;
      [lock, event, queue].forEach((object, place) => {
        heap.allocator.retain((object as unknown as { at: number }).at);
        words[ledger + 1 + place] = (object as unknown as { at: number }).at;
      });
    });
    // It waits for the event, with a grant that it has not taken.
    const granted = (1 << 14) | (1 << 7) | 1;
    for (const node of [record + RECORD.nodes, nodes[0]! + 4, nodes[1]! + 8]) {
      words[node] = granted;
      words[node + 1] = (event as unknown as { at: number }).at;
    }
    words[HEADER.workersHigh] = 3;
    return {
      objects: [lock, event, queue],
      operations: [
        () => lock.tryAcquire(),
        () => event.set(),
        () => heap.waitQueue.countWaiters((event as unknown as { at: number }).at),
        () => heap.registry.workers(),
        () => heap.registry.reap(true),
        () => queue.getSync(now),
        () => event.waitSync(soon),
      ],
    };
  },

  diagnosis() {
    const heap = heapHere();
    const [lock, rlock, rwlock, semaphore, queue, map, list] = [
      new Lock({ ...reach, label: "held" }),
      new RLock(reach),
      new RWLock(reach),
      new Semaphore(1, reach),
      new Queue(reach),
      new SharedMap(reach),
      new SharedList(reach),
    ];
    for (const hold of [lock, rlock, semaphore]) hold.tryAcquire();
    rwlock.tryRead();
    queue.putSync(1);
    writeWorkerInfo(heap, JSON.stringify({ name: "me", model: "thread" }));
    for (let index = 0; index < 3; index++) {
      const text = JSON.stringify({ kind: "cycle", index });
      const block = heap.allocator.allocate(2 + ((text.length + 3) >> 2), KIND.plain, LIVE as never);
      heap.words[block + 1] = text.length;
      heap.bytes.set(Buffer.from(text), (block + 2) * 4);
      heap.words[block] = heap.words[HEADER.findings]!;
      heap.words[HEADER.findings] = block;
    }
    return {
      objects: [lock, rlock, rwlock, semaphore, queue, map, list],
      operations: [
        () => snapshot(),
        () => take(heap),
        () => heap.allocator.objects(),
        () => heap.allocator.usedWords(),
        () => heap.waitQueue.armed(),
      ],
    };
  },
};

function queue(fuzzed: Queue | LifoQueue | PriorityQueue): Subject {
  for (const value of values()) fuzzed.tryPut(value);
  // Over the ends of chunks and of segments.
  for (let index = 0; index < 12; index++) fuzzed.tryPut(`${index}`.repeat(index * 3));
  for (let index = 0; index < 5; index++) fuzzed.tryGet();
  return {
    objects: [fuzzed],
    operations: [
      () => fuzzed.tryGet(),
      () => [fuzzed.size, fuzzed.isEmpty, fuzzed.isFull],
      () => fuzzed.getSync(now),
      () => fuzzed.putSync({ put: 1 }, now),
      () => fuzzed.tryPut(large),
      async () => await fuzzed.get(soon),
      async () => await fuzzed.put(middling, soon),
      async () => await select({ fuzzed }, soon),
      () => trySelect({ fuzzed }),
      () => fuzzed.taskDone(),
      () => fuzzed.joinSync(soon),
      times(30, (index) => fuzzed.tryPut("q".repeat(index * 10))),
      times(40, () => fuzzed.tryGet()),
      times(5, (index) => fuzzed.tryPut(index)),
      () => fuzzed.getSync(soon),
      () => fuzzed.shutdown({ immediate: true }),
      () => fuzzed.tryGet(),
    ],
  };
}

function map(fuzzed: SharedMap): Subject {
  for (const [index, value] of values().entries()) fuzzed.set(`key ${index}`, value);
  for (let index = 0; index < 12; index++) fuzzed.set(`more ${index}`, index);
  fuzzed.delete("more 3");
  return {
    objects: [fuzzed],
    operations: [
      () => fuzzed.get("key 1"),
      () => fuzzed.get("key 3"),
      () => fuzzed.get("key 5"),
      () => fuzzed.has("key 2"),
      () => fuzzed.set("key 1", { other: 1 }),
      () => fuzzed.set("new key", "v"),
      () => fuzzed.delete("key 2"),
      () => fuzzed.update("key 3", (seen) => [seen]),
      () => fuzzed.compareAndSet("key 0", 1, 2),
      () => fuzzed.size,
      () => [...fuzzed],
      () => fuzzed.stats(),
      times(12, (index) => fuzzed.get(`more ${index}`)),
      times(40, (index) => fuzzed.set(`grown ${index}`, index)),
      times(8, (index) => fuzzed.delete(`key ${index}`)),
      () => fuzzed.clear(),
      () => fuzzed.set("after", 1),
      () => fuzzed.get("after"),
    ],
  };
}
