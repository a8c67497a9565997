/**
 * Each start of a worker or a pool, to be made fifty times. A key names the calls of one start, which are made by
 * turns.
 */
import {
  advise,
  createPool,
  describeAdvice,
  type PoolOptions,
  Process,
  ProcessPool,
  select,
  Thread,
  ThreadPool,
  toProcess,
} from "allcores";
import { type Exploration, explore } from "allcores/testing";
import { counter, incrementByRetry, isTwo } from "../fixtures/explored-programs.js";
import { add, sleepFor } from "../fixtures/pool-tasks.js";

/** Starts the nth. */
export type Start = (nth: number) => unknown;

/** One that is ended in the middle: its `join` fails. */
async function cutOff(worker: Thread | Process, verb: "terminate" | "kill"): Promise<void> {
  worker[verb]();
  await worker.join().catch(() => {});
}

/** Six ways from a start to its end. */
function workers(Worker: typeof Thread | typeof Process): Start {
  const make = () =>
    (Worker === Thread ? new Thread(add, { args: [1, 2] }) : new Process(add, { args: [1, 2] })).start();
  const ways: (() => unknown)[] = [
    () => make().join(),
    () => make().joinSync(),
    () => cutOff(Worker.start(sleepFor, 100_000) as Thread, "terminate"),
    () => cutOff(Worker.start(sleepFor, 100_000) as Thread, "kill"),
    () => select({ worker: make() }),
    () => make()[Symbol.asyncDispose](),
  ];
  return (nth) => ways[nth % ways.length]!();
}

type WorkerPool = ThreadPool | ProcessPool;

function pools(make: (options: PoolOptions) => WorkerPool, run: (fn: (pool: WorkerPool) => unknown) => unknown): Start {
  const used = async (): Promise<WorkerPool> => {
    const pool = make({ workers: 1 });
    await pool.submit(add, 1, 2);
    return pool;
  };
  const ways: (() => unknown)[] = [
    async () => {
      const pool = await used();
      pool.close();
      await pool.join();
    },
    async () => {
      const pool = await used();
      const last = pool.submit(add, 3, 4);
      pool.close();
      pool.joinSync();
      await last;
    },
    async () => {
      const pool = await used();
      pool.submit(sleepFor, 100_000).catch(() => {});
      pool.terminate();
      await pool.join();
    },
    async () => {
      await using pool = make({ workers: 1, tasksPerWorker: 2 });
      pool.submit(sleepFor, 1).catch(() => {});
      await pool.submit(add, 3, 4);
    },
    async () => {
      await using pool = await used();
      pool.recycle();
      await pool.submit(add, 3, 4);
    },
    async () => (await used())[Symbol.asyncDispose](),
    () => run((pool) => pool.submit(add, 1, 2)),
  ];
  return (nth) => ways[nth % ways.length]!();
}

const endsOf = (name: string): string[] =>
  ["join", "joinSync", "terminate", "kill", "[selectable]", "[Symbol.asyncDispose]"].map((end) => `${name}.${end}`);
const poolEnds = (name: string): string[] =>
  ["close", "terminate", "join", "joinSync", "recycle", "[Symbol.asyncDispose]", "run"].map((end) => `${name}.${end}`);

interface Starts {
  /** The public calls that they are. */
  readonly calls: readonly string[];
  readonly start: Start;
}

/** One is used, and one is not. */
function spares(Worker: typeof Thread | typeof Process): Start {
  return async () => {
    Worker.spare(1);
    await Worker.start(add, 1, 2).join();
    Worker.spare(1);
    Worker.spare(0);
  };
}

export const starts: Readonly<Record<string, Starts>> = {
  Thread: { calls: ["new Thread", "Thread.start", ...endsOf("Thread")], start: workers(Thread) },
  Process: { calls: ["new Process", "Process.start", ...endsOf("Process")], start: workers(Process) },
  "Thread.spare": { calls: ["Thread.spare"], start: spares(Thread) },
  "Process.spare": { calls: ["Process.spare"], start: spares(Process) },
  ThreadPool: {
    calls: ["new ThreadPool", "createPool", ...poolEnds("ThreadPool")],
    start: pools(
      (options) => createPool("thread", options),
      (fn) => ThreadPool.run({ workers: 1 }, fn),
    ),
  },
  ProcessPool: {
    calls: ["new ProcessPool", ...poolEnds("ProcessPool")],
    start: pools(
      (options) => new ProcessPool(options),
      (fn) => ProcessPool.run({ workers: 1 }, fn),
    ),
  },
  advise: {
    calls: ["advise", "describeAdvice"],
    start: async () => describeAdvice(await advise(sleepFor, [0], { budget: 20, once: true })),
  },
  toProcess: { calls: ["toProcess"], start: () => toProcess(add, 1, 2) },
  explore: {
    calls: ["explore", "Exploration.throwIfFailed", "Exploration.toString"],
    start: async (nth) => {
      // Each explores a program in threads of its own.
      if (nth % 10 !== 0) return;
      const exploration: Exploration = await explore(
        { setup: counter, workers: [incrementByRetry, incrementByRetry], check: isTwo },
        { schedules: 3 },
      );
      exploration.throwIfFailed();
      String(exploration);
    },
  },
};
