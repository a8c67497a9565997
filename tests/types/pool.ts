/** What the compiler accepts and refuses; nothing here runs. */
import {
  advise,
  AsyncPool,
  AutoPool,
  asCompleted,
  type ChoosingPool,
  createPool,
  type Future,
  type MapRun,
  type Pool,
  type PoolStats,
  type PoolWorker,
  ProcessPool,
  Queue,
  type Settled,
  skip,
  type Task,
  task,
  ThreadPool,
  transfer,
  type UnresponsiveWorker,
  type WorkerDeath,
  WorkerDiedError,
  wait,
} from "allcores";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

const add = task(import.meta, function add(a: number, b: number) {
  return a + b;
});
const later = task(import.meta, async function later(text: string, times?: number) {
  return text.repeat(times ?? 1);
});
const first = task(import.meta, "first", <T>(items: readonly T[]): T | undefined => items[0]);
const drain = task(import.meta, "drain", (queue: Queue<string>) => [...queue]);
const nothing = task(import.meta, "nothing", () => {});
const rootOf = task(import.meta, "rootOf", (n: number) => (n < 0 ? skip : Math.sqrt(n)));

export async function pools(): Promise<void> {
  await using pool = new ThreadPool({ workers: 2 });
  const either: Pool = Math.random() < 0.5 ? pool : new ProcessPool();

  expectType<Future<number>>()(pool.submit(add, 1, 2), true);
  expectType<Future<string>>()(either.submit(later, "x"), true);
  expectType<Future<string>>()(pool.submit(later, "x", 2), true);
  expectType<Future<void>>()(pool.submit(nothing), true);
  expectType<string>()(await pool.submit(later, "x"), true);
  expectType<Future<string[]>>()(pool.submit(drain, new Queue<string>()), true);
  expectType<"pending" | "running" | "done" | "failed" | "cancelled">()(pool.submit(add, 1, 2).state, true);
  pool.submit(first, transfer([1, 2]));

  expectType<MapRun<string, string>>()(pool.map(later, ["a", "b"]), true);
  expectType<string[]>()(await pool.map(later, new Set(["a"])), true);
  for await (const text of pool.map(later, ["a"])) expectType<string>()(text, true);
  async function* texts() {
    yield "a";
  }
  expectType<string[]>()(await pool.map(later, texts()), true);

  expectType<Settled<string, string>[]>()(await pool.map(later, ["a"]).settled(), true);
  expectType<MapRun<string, string>>()(
    pool.map(later, ["a"], { chunkSize: 2, buffer: 8, timeout: 5 }).unordered(),
    true,
  );
  expectType<MapRun<[number, number], number>>()(pool.starmap(add, [[1, 2]] as [number, number][]), true);
  expectType<Future<number> | undefined>()(pool.trySubmit(add, 1, 2), true);
  expectType<Future<number>>()(pool.with({ priority: 1, retries: { limit: 2 } }).submit(add, 1, 2), true);
  expectType<Future<number>>()(pool.with({ taskTimeout: 100 }).submit(add, 1, 2), true);
  // @ts-expect-error a time in milliseconds
  pool.with({ taskTimeout: "1 s" });
  expectType<Future<number>[]>()((await wait([pool.submit(add, 1, 2)])).done, true);
  for await (const completed of asCompleted([pool.submit(add, 1, 2)]))
    if (completed.status === "fulfilled") expectType<number>()(completed.value, true);
  expectType<ThreadPool>()(createPool("thread", { workers: 1 }), true);
  expectType<ProcessPool>()(createPool("process"), true);
  expectType<number>()(await ThreadPool.run({ workers: 1 }, (own) => own.submit(add, 1, 2)), true);
  expectType<void>()(pool.joinSync({ timeout: 5 }), true);
  expectType<Promise<void>>()(either.waitForIdle({ timeout: 5, signal: AbortSignal.timeout(5) }), true);
  expectType<Promise<void>>()(either.waitForEmpty(), true);
  expectType<Promise<void>>()(either.waitForSizeLessThan(5, { timeout: 5 }), true);
  // @ts-expect-error a size is to be said
  void either.waitForSizeLessThan();
  expectType<void>()(either.recycle(), true);
  expectType<number[]>()(await pool.map(rootOf, [1]), true);
  const progressing = pool.map(rootOf, [1]).onProgress(({ done, total }) => {
    expectType<number>()(done, true);
    expectType<number | undefined>()(total, true);
  });
  expectType<MapRun<number, number>>()(progressing, true);
  const telling = pool.map(later, ["a"]).onNews((index, value) => {
    expectType<number>()(index, true);
    expectType<unknown>()(value, true);
  });
  expectType<MapRun<string, string>>()(telling, true);
  // @ts-expect-error a listener, not an option
  pool.map(later, ["a"], { onProgress: () => {} });
  expectType<void>()(either.pause(), true);
  expectType<void>()(either.start(), true);
  expectType<void>()(either.clear(), true);
  expectType<boolean>()(either.isPaused, true);
  // @ts-expect-error pause() and start() say it
  either.isPaused = true;
  pool.submit(add, 1, 2).onProgress((value) => expectType<unknown>()(value, true));

  // @ts-expect-error no signal reaches a thread that blocks
  pool.joinSync({ signal: AbortSignal.timeout(5) });
  expectType<ChoosingPool>()(createPool(), true);
  expectType<ChoosingPool>()(createPool("auto", { workers: 2, concurrency: 8 }), true);
  const auto = new AutoPool({ workers: 2 });
  expectType<Future<number>>()(auto.submit(add, 1, 2), true);
  expectType<"undecided" | "async" | "thread" | "process">()(auto.choice.model, true);
  // @ts-expect-error a closure cannot travel to the thread in which it would begin
  auto.submit((a: number) => a, 1);
  // @ts-expect-error some of its tasks run on the loop that it would block
  auto.joinSync();
  expectType<"async" | "thread" | "process">()((await advise(later, ["a"], { once: true })).model, true);
  // @ts-expect-error an input is no number
  void advise(later, [1]);
  // @ts-expect-error the tasks of an AsyncPool run on the loop that it would block
  new AsyncPool().joinSync();
  // @ts-expect-error no such model
  createPool("fibre");
  // @ts-expect-error a remote pool has a queue
  createPool("remote", { connection: "redis://localhost" });
  const far = createPool("remote", { connection: "redis://localhost", queue: "q" });
  expectType<Future<number>>()(far.with({ id: "a", delay: 5 }).submit(add, 1, 2), true);
  // @ts-expect-error tuples of other arguments
  pool.starmap(add, [["a", 1]]);
  // @ts-expect-error a number of items
  pool.map(later, ["a"], { chunkSize: "2" });
  // @ts-expect-error a closure cannot travel to another worker: register the function with task(import.meta, fn) and
  // pass that
  pool.submit(() => 1);
  // @ts-expect-error nor can a function that was not registered
  pool.submit(String, 5);
  // @ts-expect-error nor can one for map
  pool.map((n: number) => n, [1]);
  // @ts-expect-error an argument of another type
  pool.submit(add, 1, "2");
  // @ts-expect-error an argument is missing
  pool.submit(add, 1);
  // @ts-expect-error an argument too many
  pool.submit(add, 1, 2, 3);
  // @ts-expect-error a queue of other items
  pool.submit(drain, new Queue<number>());
  // @ts-expect-error items of another type
  pool.map(later, [1, 2]);
  // @ts-expect-error no items at all
  pool.map(later, 5);
  // @ts-expect-error a number of workers
  new ThreadPool({ workers: "2" });
  new ProcessPool({ workers: 2, tasksPerWorker: 10 });
  createPool("thread", { tasksPerWorker: 2 });
  // @ts-expect-error a number of tasks
  new ThreadPool({ tasksPerWorker: true });
  // @ts-expect-error an AsyncPool has concurrency for that
  new AsyncPool({ tasksPerWorker: 2 });
  // @ts-expect-error a pool waits when it is disposed of
  using _ = pool;
  // @ts-expect-error nothing is moved of a number
  transfer(5);
}

export function deaths(): void {
  const pool = new ThreadPool({ unresponsive: { after: 5000 } });
  new ProcessPool({
    unresponsive: { after: 5000, action: "kill", report: (worker) => expectType<UnresponsiveWorker>()(worker, true) },
  });
  const stats: PoolStats = pool.stats();
  expectType<readonly PoolWorker[]>()(stats.perWorker, true);
  expectType<number>()(stats.utilization, true);
  expectType<number>()(stats.run.standardDeviation + stats.wait.min, true);
  new AsyncPool({ rate: { limit: 1, interval: 1, window: "fixed", carryOver: true } });
  // @ts-expect-error no such windows
  new AsyncPool({ rate: { limit: 1, interval: 1, window: "hopping" } });
  const worker = stats.perWorker[0] as PoolWorker;
  expectType<"starting" | "idle" | "busy" | "awaiting" | "waiting" | "blocked" | "stopped">()(worker.state, true);
  expectType<string | undefined>()(worker.task, true);
  const error = new WorkerDiedError("gone");
  expectType<readonly WorkerDeath[]>()(error.deaths, true);
  expectType<unknown>()((error.deaths[0] as WorkerDeath).lastProgress, true);

  // @ts-expect-error a history is not changed
  error.deaths.push(error.deaths[0] as WorkerDeath);
  // @ts-expect-error after how long is to be said
  new ThreadPool({ unresponsive: { action: "kill" } });
  // @ts-expect-error no such action
  new ThreadPool({ unresponsive: { after: 5, action: "ignore" } });
  // @ts-expect-error the tasks of an AsyncPool share their thread
  new AsyncPool({ unresponsive: { after: 5 } });
  // @ts-expect-error so none of them can be asked of any pool
  createPool("thread" as "async" | "thread", { unresponsive: { after: 5 } });
}

export function tasks(): void {
  // A task is the function that it was.
  expectType<number>()(add(1, 2), true);
  expectType<Promise<string>>()(later("x"), true);
  expectType<number | undefined>()(first([1, 2]), true);
  expectType<string | undefined>()(first(["a"]), true);

  expectType<number>()(add.partial(1)(2), true);
  const pool = new ThreadPool();
  expectType<Future<number>>()(pool.submit(add.partial(1), 2), true);
  expectType<MapRun<number, number>>()(pool.map(add.partial(1), [1, 2, 3]), true);
  const stored: Task<(a: number, b: number) => number> = add;
  void stored;

  // @ts-expect-error the first argument has another type
  add.partial("1");
  // @ts-expect-error only one is left
  pool.submit(add.partial(1), 2, 3);
  // @ts-expect-error the one that is left has another type
  pool.map(add.partial(1), ["2"]);
  // @ts-expect-error there is no first argument
  nothing.partial(1);
  // @ts-expect-error a function is needed
  task(import.meta, "add", 5);
  // @ts-expect-error a task of other arguments
  const other: Task<(a: string, b: string) => number> = add;
  void other;
}
