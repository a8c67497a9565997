/** The scenarios of the stress test: each starts its workers, lets them loose at once, and checks that what they counted adds up. */
import assert from "node:assert/strict";
import { Barrier, BoundedSemaphore, Condition, Event, Lock, Process, Queue, RLock, RWLock, Semaphore, type Task, Thread } from "allcores";
import { readCell, writeCell } from "../fixtures/plain-cells.js";
import {
  type Counts,
  type Round,
  stressBarrier,
  stressCondition,
  stressEvent,
  stressExclusive,
  stressPermits,
  stressQueue,
  stressReaders,
} from "../fixtures/stress-tasks.js";
import { timeLimit } from "../time-limit.js";

export type Across = "threads" | "processes";

export interface Run {
  readonly across: Across;
  readonly workers: number;
  readonly ms: number;
  readonly seed: number;
}

/** How much longer than its time a run may take before a wake-up counts as lost. */
const SLACK_MS = timeLimit(20_000);

class Crew {
  readonly cells: Event;
  readonly #gate: Event;
  readonly #hands: (Thread | Process)[];
  readonly #run: Run;

  // biome-ignore lint/suspicious/noExplicitAny: tasks of many shapes, all of which take a Round first.
  constructor(run: Run, work: Task<(round: Round, ...things: any[]) => Promise<Counts>>, ...things: unknown[]) {
    this.#run = run;
    this.cells = new Event({ across: run.across });
    this.#gate = new Event({ across: run.across });
    const Worker = run.across === "threads" ? Thread : Process;
    this.#hands = Array.from({ length: run.workers }, (_, worker) => {
      const round: Round = { gate: this.#gate, cells: this.cells, ms: run.ms, seed: run.seed, worker, workers: run.workers };
      return new Worker(work, { args: [round, ...things], daemon: true }).start() as Thread | Process;
    });
    this.#gate.set();
  }

  /** The counts of the workers with these numbers, added up. */
  async counts(of: (worker: number) => boolean = () => true): Promise<Counts> {
    const total: Counts = {};
    for (const hand of this.#hands.filter((_, worker) => of(worker))) {
      const counts = (await hand.join({ timeout: this.#run.ms + SLACK_MS })) as Counts;
      for (const [name, n] of Object.entries(counts)) total[name] = (total[name] ?? 0) + n;
    }
    return total;
  }

  async end(): Promise<void> {
    for (const hand of this.#hands) if (hand.isAlive) hand.kill();
    await Promise.all(this.#hands.map((hand) => hand.join().catch(() => {})));
  }
}

type Scenario = (run: Run) => Promise<Counts>;

async function withCrew(crew: Crew, check: (crew: Crew) => Promise<Counts>): Promise<Counts> {
  try {
    return await check(crew);
  } finally {
    await crew.end();
  }
}

function exclusive(make: (across: Across) => Lock | RLock | Semaphore | RWLock): Scenario {
  return (run) =>
    withCrew(new Crew(run, stressExclusive, make(run.across)), async (crew) => {
      const counts = await crew.counts();
      assert.equal(readCell(crew.cells, 0), counts.taken, "plain additions under the lock");
      return counts;
    });
}

export const scenarios: Record<string, Scenario> = {
  Lock: exclusive((across) => new Lock({ across })),
  RLock: exclusive((across) => new RLock({ across })),
  "Semaphore of 1": exclusive((across) => new Semaphore(1, { across })),
  "RWLock, writers": exclusive((across) => new RWLock({ across })),

  "BoundedSemaphore of 3": (run) => {
    const semaphore = new BoundedSemaphore(3, { across: run.across });
    return withCrew(new Crew(run, stressPermits, semaphore, 3), async (crew) => {
      const counts = await crew.counts();
      assert.equal(semaphore.value, 3);
      return counts;
    });
  },

  "RWLock, readers and writers": (run) => {
    const lock = new RWLock({ across: run.across });
    return withCrew(new Crew(run, stressReaders, lock), async (crew) => {
      const counts = await crew.counts();
      assert.deepEqual([readCell(crew.cells, 0), readCell(crew.cells, 1)], [counts.writes, counts.writes]);
      assert.deepEqual([lock.readers, lock.isWriting], [0, false]);
      return counts;
    });
  },

  Event: (run) => withCrew(new Crew(run, stressEvent, new Event({ across: run.across })), (crew) => crew.counts()),

  Barrier: (run) => {
    const barrier = new Barrier(run.workers, { across: run.across });
    return withCrew(new Crew(run, stressBarrier, barrier), async (crew) => {
      const counts = await crew.counts();
      const rounds = counts.rounds! / run.workers;
      assert.deepEqual([counts.acted, counts.places], [rounds, (rounds * run.workers * (run.workers - 1)) / 2]);
      return counts;
    });
  },

  Condition: (run) => {
    const condition = new Condition(undefined, { across: run.across });
    return withCrew(new Crew(run, stressCondition, condition), async (crew) => {
      const { produced = 0 } = await crew.counts((worker) => worker % 2 === 1);
      await condition.run(() => {
        writeCell(crew.cells, 1, 1);
        condition.notifyAll();
      });
      const { consumed = 0 } = await crew.counts((worker) => worker % 2 === 0);
      assert.deepEqual([consumed, readCell(crew.cells, 0)], [produced, 0]);
      return { produced, consumed };
    });
  },

  Queue: (run) => {
    const queue = new Queue<{ from: number; n: number; pad: string }>({ across: run.across, maxSize: 16 });
    return withCrew(new Crew(run, stressQueue, queue), async (crew) => {
      const { put, putSum } = await crew.counts((worker) => worker % 2 === 1);
      await queue.join({ timeout: SLACK_MS });
      queue.shutdown();
      const { got, gotSum, disorder } = await crew.counts((worker) => worker % 2 === 0);
      assert.deepEqual({ got, gotSum, disorder, size: queue.size }, { got: put, gotSum: putSum, disorder: 0, size: 0 });
      return { put: put!, got: got! };
    });
  },
};
