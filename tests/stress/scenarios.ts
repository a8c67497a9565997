/**
 * The scenarios of the stress test: each starts its workers, lets them loose at once, and checks that what they counted
 * adds up.
 */
import assert from "node:assert/strict";
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  Lock,
  Process,
  Queue,
  RLock,
  RWLock,
  Semaphore,
  type Task,
  Thread,
} from "allcores";
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

class StressWorkers {
  readonly cells: Event;
  readonly #gate: Event;
  readonly #workers: (Thread | Process)[];
  readonly #run: Run;

  // biome-ignore lint/suspicious/noExplicitAny: tasks of many shapes, all of which take a Round first.
  constructor(run: Run, work: Task<(round: Round, ...things: any[]) => Promise<Counts>>, ...things: unknown[]) {
    this.#run = run;
    this.cells = new Event({ across: run.across });
    this.#gate = new Event({ across: run.across });
    const Worker = run.across === "threads" ? Thread : Process;
    this.#workers = Array.from({ length: run.workers }, (_, worker) => {
      const round: Round = {
        gate: this.#gate,
        cells: this.cells,
        ms: run.ms,
        seed: run.seed,
        worker,
        workers: run.workers,
      };
      return new Worker(work, { args: [round, ...things], daemon: true }).start() as Thread | Process;
    });
    this.#gate.set();
  }

  /** The counts of the workers with these numbers, added up. */
  async counts(of: (worker: number) => boolean = () => true): Promise<Counts> {
    const total: Counts = {};
    for (const worker of this.#workers.filter((_, worker) => of(worker))) {
      const counts = (await worker.join({ timeout: this.#run.ms + SLACK_MS })) as Counts;
      for (const [name, n] of Object.entries(counts)) total[name] = (total[name] ?? 0) + n;
    }
    return total;
  }

  async end(): Promise<void> {
    for (const worker of this.#workers) if (worker.isAlive) worker.kill();
    await Promise.all(this.#workers.map((worker) => worker.join().catch(() => {})));
  }
}

type Scenario = (run: Run) => Promise<Counts>;

async function withWorkers(
  workers: StressWorkers,
  check: (workers: StressWorkers) => Promise<Counts>,
): Promise<Counts> {
  try {
    return await check(workers);
  } finally {
    await workers.end();
  }
}

function exclusive(make: (across: Across) => Lock | RLock | Semaphore | RWLock): Scenario {
  return (run) =>
    withWorkers(new StressWorkers(run, stressExclusive, make(run.across)), async (workers) => {
      const counts = await workers.counts();
      assert.equal(readCell(workers.cells, 0), counts.taken, "plain additions under the lock");
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
    return withWorkers(new StressWorkers(run, stressPermits, semaphore, 3), async (workers) => {
      const counts = await workers.counts();
      assert.equal(semaphore.value, 3);
      return counts;
    });
  },

  "RWLock, readers and writers": (run) => {
    const lock = new RWLock({ across: run.across });
    return withWorkers(new StressWorkers(run, stressReaders, lock), async (workers) => {
      const counts = await workers.counts();
      assert.deepEqual([readCell(workers.cells, 0), readCell(workers.cells, 1)], [counts.writes, counts.writes]);
      assert.deepEqual([lock.readers, lock.isWriting], [0, false]);
      return counts;
    });
  },

  Event: (run) =>
    withWorkers(new StressWorkers(run, stressEvent, new Event({ across: run.across })), (workers) => workers.counts()),

  Barrier: (run) => {
    const barrier = new Barrier(run.workers, { across: run.across });
    return withWorkers(new StressWorkers(run, stressBarrier, barrier), async (workers) => {
      const counts = await workers.counts();
      const rounds = counts.rounds! / run.workers;
      assert.deepEqual([counts.acted, counts.places], [rounds, (rounds * run.workers * (run.workers - 1)) / 2]);
      return counts;
    });
  },

  Condition: (run) => {
    const condition = new Condition(undefined, { across: run.across });
    return withWorkers(new StressWorkers(run, stressCondition, condition), async (workers) => {
      const { produced = 0 } = await workers.counts((worker) => worker % 2 === 1);
      await condition.run(() => {
        writeCell(workers.cells, 1, 1);
        condition.notifyAll();
      });
      const { consumed = 0 } = await workers.counts((worker) => worker % 2 === 0);
      assert.deepEqual([consumed, readCell(workers.cells, 0)], [produced, 0]);
      return { produced, consumed };
    });
  },

  Queue: (run) => {
    const queue = new Queue<{ from: number; n: number; pad: string }>({ across: run.across, maxSize: 16 });
    return withWorkers(new StressWorkers(run, stressQueue, queue), async (workers) => {
      const { put, putSum } = await workers.counts((worker) => worker % 2 === 1);
      await queue.join({ timeout: SLACK_MS });
      queue.shutdown();
      const { got, gotSum, disorder } = await workers.counts((worker) => worker % 2 === 0);
      assert.deepEqual({ got, gotSum, disorder, size: queue.size }, { got: put, gotSum: putSum, disorder: 0, size: 0 });
      return { put: put!, got: got! };
    });
  },
};
