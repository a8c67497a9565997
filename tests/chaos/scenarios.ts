/**
 * What workers do under faults: each scenario makes what its workers share, hires them, injects faults, and checks that
 * everything adds up.
 */
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
import { type Scenario, type ScenarioContext, seedOf, type Tally, until, WORKERS } from "./scenario.js";
import { timeLimit } from "../time-limit.js";

/** A guarded section, and who is in it. After the faults it must be entered by every worker once more. */
async function exclusive(
  { supervisor, random, faults }: ScenarioContext,
  lock: Lock | RLock | Semaphore | RWLock,
): Promise<Tally> {
  const { across } = supervisor;
  const stop = new Event({ across });
  const cells = new SharedArray("int32", tasks.CELLS, { across });
  for (let index = 0; index < WORKERS; index++)
    supervisor.keep("worker", lock instanceof RWLock ? tasks.readAndWrite : tasks.exclude, () => [
      stop,
      lock,
      cells,
      seedOf(random),
    ]);
  await supervisor.inject(faults);
  const before = cells.view[tasks.A]!;
  await until(() => cells.view[tasks.A]! > before + 100, supervisor);
  stop.set();
  await supervisor.rest();
  const held =
    lock instanceof RWLock
      ? await lock.write({ timeout: timeLimit(10_000) })
      : await lock.acquire({ timeout: timeLimit(10_000) });
  if (!held.ownerDied) assert.equal(cells.view[tasks.A], cells.view[tasks.B]);
  held[Symbol.dispose]();
  if (lock instanceof Lock || lock instanceof RLock) assert.equal(lock.isLocked, false);
  return { entered: cells.view[tasks.A]!, repaired: cells.view[tasks.REPAIRS]! };
}

/** Two permits: every one comes back, and no more than there were. */
async function shared({ supervisor, random, faults }: ScenarioContext, semaphore: Semaphore): Promise<Tally> {
  const { across } = supervisor;
  const stop = new Event({ across });
  for (let index = 0; index < WORKERS; index++)
    supervisor.keep("worker", tasks.shareOut, () => [stop, semaphore, seedOf(random)]);
  await supervisor.inject(faults);
  stop.set();
  await supervisor.rest();
  const held = [
    await semaphore.acquire({ timeout: timeLimit(10_000) }),
    await semaphore.acquire({ timeout: timeLimit(10_000) }),
  ];
  assert.equal(semaphore.tryAcquire(), undefined);
  for (const permit of held) permit[Symbol.dispose]();
  return {};
}

/** Items through a queue: each at most once, and none lost but what a dead consumer had in its hands. */
async function delivery(
  { supervisor, random, faults }: ScenarioContext,
  queue: Queue<tasks.ChaosItem> | LifoQueue<tasks.ChaosItem> | PriorityQueue<tasks.ChaosItem>,
): Promise<Tally> {
  const { across } = supervisor;
  const stop = new Event({ across });
  const ids = new Value("int32", 0, { across });
  const fates = new SharedArray("uint8", 2_000_000, { across });
  for (let index = 0; index < 2; index++) {
    supervisor.keep("producer", tasks.produce, () => [stop, queue, ids, fates, seedOf(random)]);
    supervisor.keep("consumer", tasks.consume, () => [queue, fates, seedOf(random)]);
  }
  await supervisor.inject(faults);
  const before = ids.value;
  await until(() => ids.value > before + 100 || ids.value > fates.length, supervisor);
  stop.set();
  // Consumers drain what is in it.
  queue.shutdown();
  await supervisor.rest();
  assert.equal(queue.size, 0);
  return fatesOf(ids, fates, supervisor.deathsOf("consumer"));
}

export const scenarios: Record<string, Scenario> = {
  lock: (context) => exclusive(context, new Lock({ across: context.supervisor.across })),
  "fair lock": (context) => exclusive(context, new Lock({ across: context.supervisor.across, fair: true })),
  rlock: (context) => exclusive(context, new RLock({ across: context.supervisor.across })),
  rwlock: (context) => exclusive(context, new RWLock({ across: context.supervisor.across })),
  "semaphore of one": (context) => exclusive(context, new Semaphore(1, { across: context.supervisor.across })),
  semaphore: (context) => shared(context, new Semaphore(2, { across: context.supervisor.across })),
  "bounded semaphore": (context) => shared(context, new BoundedSemaphore(2, { across: context.supervisor.across })),
  queue: (context) => delivery(context, new Queue({ across: context.supervisor.across })),
  "bounded queue": (context) => delivery(context, new Queue({ across: context.supervisor.across, maxSize: 5 })),
  "lifo queue": (context) => delivery(context, new LifoQueue({ across: context.supervisor.across })),
  "bounded lifo queue": (context) =>
    delivery(context, new LifoQueue({ across: context.supervisor.across, maxSize: 5 })),
  "priority queue": (context) => delivery(context, new PriorityQueue({ across: context.supervisor.across })),
  "bounded priority queue": (context) =>
    delivery(context, new PriorityQueue({ across: context.supervisor.across, maxSize: 5 })),
  barrier: async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const barrier = new Barrier(WORKERS, { across });
    const rounds = new Value("int32", 0, { across });
    for (let index = 0; index < WORKERS; index++)
      supervisor.keep("party", tasks.attend, () => [stop, barrier, rounds, seedOf(random)]);
    await supervisor.inject(faults);
    const before = rounds.value;
    await until(() => rounds.value > before + 20, supervisor);
    stop.set();
    await supervisor.rest();
    return { rounds: rounds.value };
  },
  "count down latch": async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const most = 0x7fffffff;
    const ledger = new CountDownLatch(most, { across });
    const [begun, done] = [new Value("int32", 0, { across }), new Value("int32", 0, { across })];
    const gates = Array.from({ length: 100 }, () => new CountDownLatch(5, { across }));
    for (let index = 0; index < WORKERS; index++)
      supervisor.keep("counter", tasks.countDown, () => [stop, ledger, begun, done, gates, seedOf(random)]);
    const opened = () => gates.filter((gate) => gate.tryWait()).length;
    await supervisor.inject(faults);
    const before = opened();
    await until(() => opened() >= Math.min(gates.length, before + 5), supervisor);
    stop.set();
    await supervisor.rest();
    const counted = most - ledger.count;
    assert.ok(done.value <= counted && counted <= begun.value, `${done.value} <= ${counted} <= ${begun.value}`);
    assert.ok(begun.value - done.value <= 3 * supervisor.deathsOf("counter"));
    return { counted, opened: opened() };
  },
  condition: async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const condition = new Condition(new Lock({ across }), { across });
    const cells = new SharedArray("int32", tasks.CELLS, { across });
    supervisor.keep("giver", tasks.giveTickets, () => [stop, condition, cells, seedOf(random)]);
    for (let index = 0; index < 2; index++)
      supervisor.keep("taker", tasks.takeTickets, () => [stop, condition, cells, seedOf(random)]);
    await supervisor.inject(faults);
    const before = cells.view[tasks.B]!;
    await until(() => cells.view[tasks.B]! > before + 20, supervisor);
    stop.set();
    await supervisor.rest();
    return { taken: cells.view[tasks.B]! };
  },
  value: async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const [begun, sum, done] = [
      new Value("int32", 0, { across }),
      new Value("int32", 0, { across }),
      new Value("int32", 0, { across }),
    ];
    for (let index = 0; index < WORKERS; index++)
      supervisor.keep("worker", tasks.addUp, () => [stop, begun, sum, done, seedOf(random)]);
    await supervisor.inject(faults);
    stop.set();
    await supervisor.rest();
    assert.ok(done.value <= sum.value && sum.value <= begun.value, `${done.value} <= ${sum.value} <= ${begun.value}`);
    assert.ok(begun.value - done.value <= 2 * supervisor.deathsOf("worker"));
    return { sum: sum.value };
  },
  ...dataScenarios,
  ...poolScenarios,
  "fair rwlock": (context) => exclusive(context, new RWLock({ across: context.supervisor.across, fair: true })),
};
