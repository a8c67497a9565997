/** What the compiler accepts and refuses; nothing here runs. */
import { pipeline } from "node:stream/promises";
import {
  AsyncPool,
  createPool,
  type Future,
  gather,
  type MapRun,
  type Pool,
  runSync,
  shield,
  task,
  TaskGroup,
  timeout,
  timeoutAt,
  ThreadPool,
  toProcess,
  toThread,
  waitFor,
} from "allcores";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

const add = task(import.meta, function add(a: number, b: number) {
  return a + b;
});
const later = task(import.meta, async function later(text: string) {
  return text;
});

export async function groups(): Promise<void> {
  await using group = new TaskGroup({ signal: AbortSignal.timeout(5) });
  expectType<Future<number>>()(
    group.spawn(() => 5),
    true,
  );
  expectType<Future<string>>()(
    group.spawn(async (signal) => signal.reason as string),
    true,
  );
  expectType<number>()(await TaskGroup.run(async (own) => await own.spawn(() => 5)), true);
  expectType<AbortSignal>()(group.signal, true);
  // @ts-expect-error a promise has begun already
  group.spawn(Promise.resolve(5));
  // @ts-expect-error a task of two arguments is no function of a signal
  group.spawn(add);
  // @ts-expect-error a group waits when it is disposed of
  using _ = group;

  expectType<string>()(await timeout(5, async ({ signal }) => `${signal.aborted}`), true);
  expectType<boolean>()(await timeoutAt(5, (scope) => scope.isExpired), true);
  expectType<number>()(await waitFor(Promise.resolve(1), { timeout: 5 }), true);
  expectType<number>()(await waitFor(async (signal) => (signal.aborted ? 1 : 2)), true);
  expectType<number>()(await shield(Promise.resolve(1)), true);
  // @ts-expect-error a promise cannot be told of the limit
  timeout(5, Promise.resolve());
  // @ts-expect-error a function cannot be shielded: call it
  shield(() => Promise.resolve());

  expectType<[number, string]>()(await gather([async () => 1, Promise.resolve("a")]), true);
  expectType<[number, string]>()(await gather(() => 1, Promise.resolve("a")), true);
  expectType<[PromiseSettledResult<number>]>()(await gather([async () => 1], { settle: true }), true);
  expectType<number[]>()(await gather(new Set([async () => 1])), true);
  // @ts-expect-error neither a function nor a promise
  gather([1]);

  expectType<Future<number>>()(toThread(add, 1, 2), true);
  expectType<Future<string>>()(toProcess(later, "a"), true);
  expectType<string>()(runSync(later, "a"), true);
  // @ts-expect-error a closure cannot travel to another worker
  toThread(() => 1);
  // @ts-expect-error nor to the helper
  runSync(async () => 1);
}

export async function asyncPools(): Promise<void> {
  await using pool = new AsyncPool({ concurrency: 2, rate: { limit: 1, interval: 5 } });
  expectType<Future<number>>()(
    pool.submit(async (n: number) => n, 5),
    true,
  );
  expectType<Future<number>>()(pool.submit(add, 1, 2), true);
  expectType<Future<string> | undefined>()(pool.trySubmit(later, "a"), true);
  expectType<MapRun<number, string>>()(
    pool.map(async (n: number) => `${n}`, [1, 2]),
    true,
  );
  expectType<MapRun<[number, number], number>>()(pool.starmap(add, [[1, 2]] as [number, number][]), true);
  expectType<AsyncPool>()(pool.with({ priority: 1 }), true);
  expectType<AsyncPool>()(createPool("async", { concurrency: 2 }), true);
  expectType<number>()(await AsyncPool.run({ concurrency: 1 }, (own) => own.submit(() => 1)), true);

  // One word makes the difference.
  const contract: Pool = Math.random() < 0.5 ? pool : new ThreadPool();
  expectType<Future<number>>()(contract.submit(add, 1, 2), true);
  const model = Math.random() < 0.5 ? "async" : "process";
  expectType<Pool>()(createPool(model, { workers: 2 }), true);

  await pipeline(
    [1, 2],
    pool.stream(async (n: number) => `${n}`),
    async (results) => {
      for await (const result of results) expectType<string>()(result, true);
    },
  );
  expectType<TransformStream<string, string>>()(contract.transformStream(later), true);

  // @ts-expect-error a closure cannot travel to another worker, and the contract is for all of them
  contract.submit(() => 1);
  // @ts-expect-error an argument of another type
  pool.submit(async (n: number) => n, "5");
  // @ts-expect-error there are no workers whose memory could be bounded
  new AsyncPool({ resourceLimits: { heap: 5 } });
  // @ts-expect-error a rate has an interval
  new AsyncPool({ rate: { limit: 5 } });
  // @ts-expect-error a thread pool has no rate
  createPool("thread", { rate: { limit: 5, interval: 5 } });
}
