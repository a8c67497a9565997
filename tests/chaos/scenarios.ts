/** What is played under blows: each scenario makes what its workers share, hires them, lets the storm pass, and checks that everything adds up. */
import assert from "node:assert/strict";
import {
  Barrier,
  Condition,
  Event,
  isAllcoresError,
  Lock,
  type Pool,
  ProcessPool,
  Queue,
  RLock,
  RWLock,
  Semaphore,
  SharedArray,
  ThreadPool,
  Value,
} from "allcores";
import * as tasks from "../fixtures/chaos-tasks.js";
import { CHAOS, type Crew } from "./crew.js";

export interface Stage {
  readonly crew: Crew;
  readonly random: () => number;
  /** Blows to deal. */
  readonly blows: number;
}

/** What it says of itself at the end. */
export type Tally = Record<string, number>;
export type Scenario = (stage: Stage) => Promise<Tally>;

const WORKERS = 3;

/** Waits until it is so; the watchdog of the suite ends what never comes. */
async function until(condition: () => boolean, crew: Crew): Promise<void> {
  while (!condition() && crew.failure === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
}

function seedOf(random: () => number): number {
  return 1 + Math.floor(random() * 2 ** 30);
}

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
  const held = lock instanceof RWLock ? await lock.write({ timeout: 10_000 }) : await lock.acquire({ timeout: 10_000 });
  if (!held.ownerDied) assert.equal(cells.view[tasks.A], cells.view[tasks.B]);
  held[Symbol.dispose]();
  if (lock instanceof Lock || lock instanceof RLock) assert.equal(lock.locked, false);
  return { entered: cells.view[tasks.A]!, repaired: cells.view[tasks.REPAIRS]! };
}

/** Items through a queue: each at most once, and none lost but what a dead consumer had in its hands. */
async function delivery({ crew, random, blows }: Stage, queue: Queue<tasks.ChaosItem>): Promise<Tally> {
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
  const { view } = fates;
  let lost = 0;
  const made = Math.min(ids.value, fates.length);
  for (let id = 0; id < made; id++) if (view[id]! & tasks.PUT && !(view[id]! & tasks.TAKEN)) lost++;
  const deaths = crew.deathsOf("consumer");
  assert.ok(lost <= deaths, `${lost} items were put and never came out, by ${deaths} deaths of consumers`);
  assert.equal(queue.size, 0);
  return { items: made, lost };
}

async function pool({ crew, random, blows }: Stage, make: () => Pool): Promise<Tally> {
  const pids = new Set<number>();
  let done = 0;
  let died = 0;
  let submitted = 0;
  const running = make();
  const settle = async (n: number, retried: boolean) => {
    try {
      const [square, pid] = retried ? await running.with({ retries: 200 }).submit(tasks.steady, n) : await running.submit(tasks.work, n);
      assert.equal(square, n * n);
      if (pid !== process.pid) pids.add(pid);
      done++;
    } catch (error) {
      if (error instanceof Error && error.message === CHAOS) return;
      if (retried || !isAllcoresError(error) || !["ERR_ALLCORES_WORKER_DIED", "ERR_ALLCORES_CANCELLED"].includes(error.code)) throw error;
      died++;
    }
  };
  let isOver = false;
  const lanes = Array.from({ length: 12 }, async (_, lane) => {
    while (!isOver) await settle(submitted++, lane % 2 === 0);
  });
  const failed = Promise.all(lanes);
  failed.catch(() => (isOver = true));
  for (let dealt = 0; dealt < blows && !isOver; ) {
    await new Promise((resolve) => setTimeout(resolve, random() * 40));
    if (crew.across === "threads") {
      // What a thread can be hit by from outside: a task that is called off and does not listen.
      const deaf = running.submit(tasks.steady, 2);
      deaf.catch(() => {});
      deaf.cancel();
      dealt++;
      continue;
    }
    const pid = [...pids][Math.floor(random() * pids.size)];
    if (pid === undefined) continue;
    pids.delete(pid);
    try {
      process.kill(pid, random() < 0.8 ? "SIGKILL" : "SIGTERM");
      dealt++;
    } catch {
      // It was gone already.
    }
  }
  isOver = true;
  await failed;
  const results = await running.map(
    tasks.steady,
    Array.from({ length: 50 }, (_, n) => n),
  );
  assert.deepEqual(
    results.map(([square]) => square),
    Array.from({ length: 50 }, (_, n) => n * n),
  );
  running.close();
  await running.join();
  return { done, died };
}

export const scenarios: Record<string, Scenario> = {
  lock: (stage) => exclusive(stage, new Lock({ across: stage.crew.across })),
  rlock: (stage) => exclusive(stage, new RLock({ across: stage.crew.across })),
  rwlock: (stage) => exclusive(stage, new RWLock({ across: stage.crew.across })),
  "semaphore of one": (stage) => exclusive(stage, new Semaphore(1, { across: stage.crew.across })),
  semaphore: async ({ crew, random, blows }) => {
    const { across } = crew;
    const stop = new Event({ across });
    const semaphore = new Semaphore(2, { across });
    for (let index = 0; index < WORKERS; index++) crew.keep("worker", tasks.shareOut, () => [stop, semaphore, seedOf(random)]);
    await crew.storm(blows);
    stop.set();
    await crew.rest();
    // Every permit has come back, and no more than there were.
    const held = [await semaphore.acquire({ timeout: 10_000 }), await semaphore.acquire({ timeout: 10_000 })];
    assert.equal(semaphore.tryAcquire(), undefined);
    for (const permit of held) permit[Symbol.dispose]();
    return {};
  },
  queue: (stage) => delivery(stage, new Queue({ across: stage.crew.across })),
  "bounded queue": (stage) => delivery(stage, new Queue({ across: stage.crew.across, maxSize: 5 })),
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
  pool: (stage) => pool(stage, () => (stage.crew.across === "threads" ? new ThreadPool({ workers: 2, killGrace: 5 }) : new ProcessPool({ workers: 2 }))),
};
