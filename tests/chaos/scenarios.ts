/** What is played under blows: each scenario makes what its workers share, hires them, lets the storm pass, and checks that everything adds up. */
import assert from "node:assert/strict";
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  CountDownLatch,
  Event,
  LifoQueue,
  Lock,
  PriorityQueue,
  Queue,
  RLock,
  RWLock,
  Semaphore,
  SharedArray,
  Value,
} from "allcores";
import * as tasks from "../fixtures/chaos-tasks.js";
import { dataScenarios, fatesOf } from "./data-scenarios.js";
import { poolScenarios } from "./pool-scenarios.js";
import { type Scenario, type Stage, seedOf, type Tally, until, WORKERS } from "./stage.js";
import { timeLimit } from "../time-limit.js";

/** A guarded section, and who is in it. After the storm it must be entered by every worker once more. */
async function exclusive({ crew, random, blows }: Stage, lock: Lock | RLock | Semaphore | RWLock): Promise<Tally> {
  const { across } = crew;
  const stop = new Event({ across });
  const cells = new SharedArray("int32", tasks.CELLS, { across });
  for (let index = 0; index < WORKERS; index++)
    crew.keep("worker", lock instanceof RWLock ? tasks.readAndWrite : tasks.exclude, () => [stop, lock, cells, seedOf(random)]);
  await crew.storm(blows);
  const before = cells.view[tasks.A]!;
  await until(() => cells.view[tasks.A]! > before + 100, crew);
  stop.set();
  await crew.rest();
  const held = lock instanceof RWLock ? await lock.write({ timeout: timeLimit(10_000) }) : await lock.acquire({ timeout: timeLimit(10_000) });
  if (!held.ownerDied) assert.equal(cells.view[tasks.A], cells.view[tasks.B]);
  held[Symbol.dispose]();
  if (lock instanceof Lock || lock instanceof RLock) assert.equal(lock.isLocked, false);
  return { entered: cells.view[tasks.A]!, repaired: cells.view[tasks.REPAIRS]! };
}

/** Two permits: every one comes back, and no more than there were. */
async function shared({ crew, random, blows }: Stage, semaphore: Semaphore): Promise<Tally> {
  const { across } = crew;
  const stop = new Event({ across });
  for (let index = 0; index < WORKERS; index++) crew.keep("worker", tasks.shareOut, () => [stop, semaphore, seedOf(random)]);
  await crew.storm(blows);
  stop.set();
  await crew.rest();
  const held = [await semaphore.acquire({ timeout: timeLimit(10_000) }), await semaphore.acquire({ timeout: timeLimit(10_000) })];
  assert.equal(semaphore.tryAcquire(), undefined);
  for (const permit of held) permit[Symbol.dispose]();
  return {};
}

/** Items through a queue: each at most once, and none lost but what a dead consumer had in its hands. */
async function delivery(
  { crew, random, blows }: Stage,
  queue: Queue<tasks.ChaosItem> | LifoQueue<tasks.ChaosItem> | PriorityQueue<tasks.ChaosItem>,
): Promise<Tally> {
  const { across } = crew;
  const stop = new Event({ across });
  const ids = new Value("int32", 0, { across });
  const fates = new SharedArray("uint8", 2_000_000, { across });
  for (let index = 0; index < 2; index++) {
    crew.keep("producer", tasks.produce, () => [stop, queue, ids, fates, seedOf(random)]);
    crew.keep("consumer", tasks.consume, () => [queue, fates, seedOf(random)]);
  }
  await crew.storm(blows);
  const before = ids.value;
  await until(() => ids.value > before + 100 || ids.value > fates.length, crew);
  stop.set();
  // Consumers drain what is in it.
  queue.shutdown();
  await crew.rest();
  assert.equal(queue.size, 0);
  return fatesOf(ids, fates, crew.deathsOf("consumer"));
}

export const scenarios: Record<string, Scenario> = {
  lock: (stage) => exclusive(stage, new Lock({ across: stage.crew.across })),
  "fair lock": (stage) => exclusive(stage, new Lock({ across: stage.crew.across, fair: true })),
  rlock: (stage) => exclusive(stage, new RLock({ across: stage.crew.across })),
  rwlock: (stage) => exclusive(stage, new RWLock({ across: stage.crew.across })),
  "semaphore of one": (stage) => exclusive(stage, new Semaphore(1, { across: stage.crew.across })),
  semaphore: (stage) => shared(stage, new Semaphore(2, { across: stage.crew.across })),
  "bounded semaphore": (stage) => shared(stage, new BoundedSemaphore(2, { across: stage.crew.across })),
  queue: (stage) => delivery(stage, new Queue({ across: stage.crew.across })),
  "bounded queue": (stage) => delivery(stage, new Queue({ across: stage.crew.across, maxSize: 5 })),
  "lifo queue": (stage) => delivery(stage, new LifoQueue({ across: stage.crew.across })),
  "bounded lifo queue": (stage) => delivery(stage, new LifoQueue({ across: stage.crew.across, maxSize: 5 })),
  "priority queue": (stage) => delivery(stage, new PriorityQueue({ across: stage.crew.across })),
  "bounded priority queue": (stage) => delivery(stage, new PriorityQueue({ across: stage.crew.across, maxSize: 5 })),
  barrier: async ({ crew, random, blows }) => {
    const { across } = crew;
    const stop = new Event({ across });
    const barrier = new Barrier(WORKERS, { across });
    const rounds = new Value("int32", 0, { across });
    for (let index = 0; index < WORKERS; index++) crew.keep("party", tasks.attend, () => [stop, barrier, rounds, seedOf(random)]);
    await crew.storm(blows);
    const before = rounds.value;
    await until(() => rounds.value > before + 20, crew);
    stop.set();
    await crew.rest();
    return { rounds: rounds.value };
  },
  "count down latch": async ({ crew, random, blows }) => {
    const { across } = crew;
    const stop = new Event({ across });
    const most = 0x7fffffff;
    const ledger = new CountDownLatch(most, { across });
    const [begun, done] = [new Value("int32", 0, { across }), new Value("int32", 0, { across })];
    const gates = Array.from({ length: 100 }, () => new CountDownLatch(5, { across }));
    for (let index = 0; index < WORKERS; index++) crew.keep("counter", tasks.countDown, () => [stop, ledger, begun, done, gates, seedOf(random)]);
    const opened = () => gates.filter((gate) => gate.tryWait()).length;
    await crew.storm(blows);
    const before = opened();
    await until(() => opened() >= Math.min(gates.length, before + 5), crew);
    stop.set();
    await crew.rest();
    const counted = most - ledger.count;
    assert.ok(done.value <= counted && counted <= begun.value, `${done.value} <= ${counted} <= ${begun.value}`);
    assert.ok(begun.value - done.value <= 3 * crew.deathsOf("counter"));
    return { counted, opened: opened() };
  },
  condition: async ({ crew, random, blows }) => {
    const { across } = crew;
    const stop = new Event({ across });
    const condition = new Condition(new Lock({ across }), { across });
    const cells = new SharedArray("int32", tasks.CELLS, { across });
    crew.keep("giver", tasks.giveTickets, () => [stop, condition, cells, seedOf(random)]);
    for (let index = 0; index < 2; index++) crew.keep("taker", tasks.takeTickets, () => [stop, condition, cells, seedOf(random)]);
    await crew.storm(blows);
    const before = cells.view[tasks.B]!;
    await until(() => cells.view[tasks.B]! > before + 20, crew);
    stop.set();
    await crew.rest();
    return { taken: cells.view[tasks.B]! };
  },
  value: async ({ crew, random, blows }) => {
    const { across } = crew;
    const stop = new Event({ across });
    const [begun, sum, done] = [new Value("int32", 0, { across }), new Value("int32", 0, { across }), new Value("int32", 0, { across })];
    for (let index = 0; index < WORKERS; index++) crew.keep("worker", tasks.addUp, () => [stop, begun, sum, done, seedOf(random)]);
    await crew.storm(blows);
    stop.set();
    await crew.rest();
    assert.ok(done.value <= sum.value && sum.value <= begun.value, `${done.value} <= ${sum.value} <= ${begun.value}`);
    assert.ok(begun.value - done.value <= 2 * crew.deathsOf("worker"));
    return { sum: sum.value };
  },
  ...dataScenarios,
  ...poolScenarios,
};
