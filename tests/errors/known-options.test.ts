/**
 * Options that are unknown or cannot apply are refused by name: a walk over every public constructor and call that
 * takes options, each given a key that it does not know. The last test finds a public call that is not in the table.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import * as allcores from "allcores";
import { explore } from "allcores/testing";

const {
  AsyncPool,
  AutoPool,
  advise,
  asCompleted,
  Barrier,
  BoundedSemaphore,
  Condition,
  CountDownLatch,
  createPipe,
  createPool,
  detectDeadlocks,
  Event,
  gather,
  LifoQueue,
  Lock,
  pack,
  PriorityQueue,
  Process,
  ProcessPool,
  Queue,
  RLock,
  RWLock,
  select,
  selectSync,
  Semaphore,
  serve,
  SharedArray,
  SharedList,
  SharedMap,
  SharedMemory,
  shield,
  sleep,
  Struct,
  TaskGroup,
  task,
  Thread,
  ThreadPool,
  timeout,
  timeoutAt,
  Value,
  wait,
  waitFor,
} = allcores;

const nothing = task(import.meta, function nothing() {});
const NAME = "known-options";
/** Given to each call in place of its options. */
type Given = never;

const locks = { Lock, RLock };
const queues = { Queue, LifoQueue, PriorityQueue };
const pools = { AsyncPool, AutoPool, ThreadPool, ProcessPool };

/** By the class that declares it: the table's keys are what the last test looks for. */
const calls: Record<string, (given: Given) => unknown> = {
  ...Object.fromEntries(
    Object.entries(locks).flatMap(([name, Class]) => [
      [`new ${name}`, (given: Given) => new Class(given)],
      [`${name}.acquire`, (given: Given) => new Class().acquire(given)],
      [`${name}.acquireSync`, (given: Given) => new Class().acquireSync(given)],
      [`${name}.run`, (given: Given) => new Class().run(() => {}, given)],
      [`${name}.runSync`, (given: Given) => new Class().runSync(() => {}, given)],
    ]),
  ),
  "new RWLock": (given) => new RWLock(given),
  "RWLock.read": (given) => new RWLock().read(given),
  "RWLock.readSync": (given) => new RWLock().readSync(given),
  "RWLock.write": (given) => new RWLock().write(given),
  "RWLock.writeSync": (given) => new RWLock().writeSync(given),
  ...Object.fromEntries(
    ["runRead", "runReadSync", "runWrite", "runWriteSync"].map((verb) => [
      `RWLock.${verb}`,
      (given: Given) => runs(verb, given),
    ]),
  ),
  ...Object.fromEntries(
    (["reading", "writing"] as const).flatMap((side) => [
      [`RWLockView.acquire`, (given: Given) => new RWLock()[side].acquire(given)],
      [`RWLockView.acquireSync`, (given: Given) => new RWLock()[side].acquireSync(given)],
      [`RWLockView.run`, (given: Given) => new RWLock()[side].run(() => {}, given)],
      [`RWLockView.waitForUnlock`, (given: Given) => new RWLock()[side].waitForUnlock(given)],
      [`RWLockView.waitForUnlockSync`, (given: Given) => new RWLock()[side].waitForUnlockSync(given)],
      [`RWLockView.runSync`, (given: Given) => new RWLock()[side].runSync(() => {}, given)],
    ]),
  ),
  "OwnerWord.waitForUnlock": (given) => new Lock().waitForUnlock(given),
  "OwnerWord.waitForUnlockSync": (given) => new Lock().waitForUnlockSync(given),
  "LockMonitor.waitForUnlock": (given) => new RWLock().waitForUnlock(given),
  "LockMonitor.waitForUnlockSync": (given) => new RWLock().waitForUnlockSync(given),
  "Semaphore.tryAcquire": (given) => new Semaphore(1).tryAcquire(given),
  "new Semaphore": (given) => new Semaphore(1, given),
  "new BoundedSemaphore": (given) => new BoundedSemaphore(1, given),
  "Semaphore.acquire": (given) => new Semaphore(1).acquire(given),
  "Semaphore.acquireSync": (given) => new Semaphore(1).acquireSync(given),
  "Semaphore.run": (given) => new Semaphore(1).run(() => {}, given),
  "Semaphore.runSync": (given) => new Semaphore(1).runSync(() => {}, given),
  "new Event": (given) => new Event(given),
  "Event.wait": (given) => new Event().wait(given),
  "Event.waitSync": (given) => new Event().waitSync(given),
  "new Barrier": (given) => new Barrier(1, given),
  "Barrier.wait": (given) => new Barrier(1).wait(given),
  "Barrier.waitSync": (given) => new Barrier(1).waitSync(given),
  "new CountDownLatch": (given) => new CountDownLatch(1, given),
  "CountDownLatch.wait": (given) => new CountDownLatch(1).wait(given),
  "CountDownLatch.waitSync": (given) => new CountDownLatch(1).waitSync(given),
  "new Condition": (given) => new Condition(undefined, given),
  "Condition.acquire": (given) => new Condition().acquire(given),
  "Condition.acquireSync": (given) => new Condition().acquireSync(given),
  "Condition.run": (given) => new Condition().run(() => {}, given),
  "Condition.runSync": (given) => new Condition().runSync(() => {}, given),
  "Condition.wait": (given) => new Condition().wait(given),
  "Condition.waitSync": (given) => new Condition().waitSync(given),
  "Condition.waitFor": (given) => new Condition().waitFor(() => true, given),
  "Condition.waitForSync": (given) => new Condition().waitForSync(() => true, given),
  ...Object.fromEntries(
    Object.entries(queues).flatMap(([name, Class]) => [
      [`new ${name}`, (given: Given) => new Class(given)],
      [`${name}.putSync`, (given: Given) => new Class().putSync(1, given)],
    ]),
  ),
  "AnyQueue.put": (given) => new Queue().put(1, given),
  "AnyQueue.putSync": (given) => new Queue().putSync(1, given),
  "AnyQueue.getUpTo": (given) => new Queue().getUpTo(1, given),
  "AnyQueue.getUpToSync": (given) => new Queue().getUpToSync(1, given),
  "AnyQueue.tryPut": (given) => new Queue().tryPut(1, given),
  "AnyQueue.get": (given) => new Queue().get(given),
  "AnyQueue.getSync": (given) => new Queue().getSync(given),
  "AnyQueue.join": (given) => new Queue().join(given),
  "AnyQueue.joinSync": (given) => new Queue().joinSync(given),
  "AnyQueue.shutdown": (given) => new Queue().shutdown(given),
  createPipe: (given) => createPipe(given),
  "Connection.send": (given) => createPipe()[0].send(1, given),
  "Connection.sendSync": (given) => createPipe()[0].sendSync(1, given),
  "Connection.recv": (given) => createPipe()[0].recv(given),
  "Connection.recvSync": (given) => createPipe()[0].recvSync(given),
  "Connection.recvInto": (given) => createPipe()[0].recvInto(new Uint8Array(8), given),
  "Connection.recvIntoSync": (given) => createPipe()[0].recvIntoSync(new Uint8Array(8), given),
  "Connection.poll": (given) => createPipe()[0].poll(given),
  "Connection.pollSync": (given) => createPipe()[0].pollSync(given),
  select: (given) => select({ one: new Queue() }, given),
  selectSync: (given) => selectSync({ one: new Queue() }, given),
  serve: (given) => serve({}, given),
  "new Value": (given) => new Value("int32", 0, given),
  "new SharedArray": (given) => new SharedArray("int32", 1, given),
  "new SharedList": (given) => new SharedList(given),
  "new SharedMap": (given) => new SharedMap(given),
  "SharedMap.open": (given) => SharedMap.open(NAME, given),
  "SharedMap.set": (given) => new SharedMap().set("a", 1, given),
  "SharedMap.compareAndSet": (given) => new SharedMap().compareAndSet("a", 1, 2, given),
  "SharedMap.update": (given) => new SharedMap().update("a", () => 1, given),
  "new SharedMemory": (given) => new SharedMemory(8, given),
  "SharedMemory.create": (given) => SharedMemory.create(NAME, 8, given),
  "SharedMemory.open": (given) => SharedMemory.open(NAME, given),
  "SharedMemory.openOrCreate": (given) => SharedMemory.openOrCreate(NAME, 8, given),
  "new Struct": (given) => new Struct({ a: "int32" }, {}, given),
  "Struct.read": (given) => new Struct({ a: "int32" }).read(given),
  "Struct.readSync": (given) => new Struct({ a: "int32" }).readSync(given),
  "Struct.update": (given) => new Struct({ a: "int32" }).update(() => ({}), given),
  "Struct.updateSync": (given) => new Struct({ a: "int32" }).updateSync(() => ({}), given),
  pack: (given) => pack(1, given),
  detectDeadlocks: (given) => detectDeadlocks(given),
  gather: (given) => gather([], given),
  shield: (given) => shield(Promise.resolve(), given),
  sleep: (given) => sleep(1, given),
  timeout: (given) => timeout(1, () => {}, given),
  timeoutAt: (given) => timeoutAt(1, () => {}, given),
  waitFor: (given) => waitFor(Promise.resolve(), given),
  wait: (given) => wait([], given),
  asCompleted: (given) => asCompleted([], given).next(),
  "new TaskGroup": (given) => new TaskGroup(given),
  "TaskGroup.run": (given) => TaskGroup.run(() => {}, given),
  "new Thread": (given) => new Thread(nothing, given),
  "new Process": (given) => new Process(nothing, given),
  "WorkerHandle.join": (given) => new Thread(nothing).join(given),
  "WorkerHandle.joinSync": (given) => new Thread(nothing).joinSync(given),
  ...Object.fromEntries(
    Object.entries(pools).flatMap(([name, Pool]) => [
      [`new ${name}`, (given: Given) => new Pool(given)],
      [`${name}.run`, (given: Given) => Pool.run(given, () => {})],
      [`${name}.with`, (given: Given) => new Pool({ workers: 1 }).with(given)],
      ...["map", "starmap", "stream", "transformStream"].map((verb) => [
        `${name}.${verb}`,
        (given: Given) => mapBy(verb, new Pool({ workers: 1 }), given),
      ]),
      ...["waitForIdle", "waitForEmpty"].map(
        (verb) =>
          [`${name}.${verb}`, (given: Given) => new Pool({ workers: 1 })[verb as "waitForIdle"](given)] as const,
      ),
      [`${name}.waitForSizeLessThan`, (given: Given) => new Pool({ workers: 1 }).waitForSizeLessThan(1, given)],
      [`${name} retries`, (given: Given) => new Pool({ retries: { limit: 1, ...(given as object) } })],
    ]),
  ),
  "WorkerPool.joinSync": (given) => new ThreadPool({ workers: 1 }).joinSync(given),
  "ThreadPool resourceLimits": (given) => new ThreadPool({ resourceLimits: given }),
  "ProcessPool resourceLimits": (given) => new ProcessPool({ resourceLimits: given }),
  "ProcessPool stdio": (given) => new ProcessPool({ stdio: given }),
  "ProcessPool stdio.stdout": (given) =>
    new ProcessPool({ stdio: { stdout: { file: "/dev/null", ...(given as object) } } }),
  "ThreadPool unresponsive": (given) => new ThreadPool({ unresponsive: { after: 1000, ...(given as object) } }),
  "AsyncPool rate": (given) => new AsyncPool({ rate: { limit: 1, interval: 1, ...(given as object) } }),
  advise: (given) => advise(nothing, [1], given),
  createPool: (given) => createPool("thread", given),
  explore: (given) => explore({ setup: nothing, workers: [nothing] }, given),
  "explore program": (given) => explore({ setup: nothing, workers: [nothing], ...(given as object) }),
};

function runs(verb: string, given: Given): unknown {
  return new RWLock()[verb as "runRead" | "runReadSync"](() => {}, given);
}

/** A stream says it once it is asked for something. */
async function mapBy(verb: string, pool: allcores.Pool, given: Given): Promise<unknown> {
  if (verb === "map") return pool.map(nothing as never, [], given);
  if (verb === "starmap") return pool.starmap(nothing as never, [], given);
  if (verb === "stream") for await (const one of pool.stream(nothing as never, given)([])) return one;
  else for await (const one of pool.transformStream(nothing as never, given).readable) return one;
}

const TYPE = "ERR_ALLCORES_ARGUMENT_TYPE";

for (const [call, run] of Object.entries(calls)) {
  test(`an option that is unknown is refused by name: ${call}`, async () => {
    await assert.rejects(
      async () => await run({ strangeKey: 1 } as never),
      (error: Error & { code?: string }) =>
        error.code === TYPE && /\.strangeKey is unknown: (known are|did you mean) /.test(error.message),
    );
  });
}

const refused: [what: string, run: () => unknown, message: RegExp][] = [
  ["maxsize", () => new Queue({ maxsize: 1 } as never), /options\.maxsize is unknown: did you mean maxSize\?/],
  ["timout", () => new Lock().acquireSync({ timout: 1 } as never), /did you mean timeout\?/],
  ["maxWorkers", () => new ThreadPool({ maxWorkers: 1 } as never), /did you mean workers\?/],
  ["threads", () => new ThreadPool({ threads: 1 } as never), /options\.threads does not apply here: say workers/],
  [
    "rss for threads",
    () => new ThreadPool({ resourceLimits: { rss: 1 } }),
    /options\.resourceLimits\.rss does not apply here: threads share/,
  ],
  [
    "killGrace of a thread",
    () => new Thread(nothing, { killGrace: 1 } as never),
    /options\.killGrace does not apply here/,
  ],
  [
    "a signal for who blocks",
    () => new Event().waitSync({ signal: new AbortController().signal } as never),
    /options\.signal does not apply here/,
  ],
  ["cwd of threads", () => new ThreadPool({ cwd: "/" }), /options\.cwd does not apply here: all threads of a program/],
  ["concurrency of threads", () => new ThreadPool({ concurrency: 1 } as never), /only an AsyncPool has it/],
  [
    "idleTimeout of an AsyncPool",
    () => new AsyncPool({ idleTimeout: 1 } as never),
    /options\.idleTimeout does not apply here/,
  ],
  [
    "minWorkers of an AsyncPool",
    () => new AsyncPool({ minWorkers: 1 } as never),
    /options\.minWorkers does not apply here/,
  ],
  [
    "tasksPerWorker of an AsyncPool",
    () => new AsyncPool({ tasksPerWorker: 2 } as never),
    /options\.tasksPerWorker does not apply here: say concurrency/,
  ],
  [
    "tasksPerWorker of an AutoPool",
    () => new AutoPool({ tasksPerWorker: 2 } as never),
    /options\.tasksPerWorker does not apply here: only a pool of one model has it/,
  ],
  [
    "concurrentTasksPerWorker",
    () => new ProcessPool({ concurrentTasksPerWorker: 2 } as never),
    /options\.concurrentTasksPerWorker does not apply here: say tasksPerWorker/,
  ],
  ["priority of a map", () => new AsyncPool().map(() => 1, [], { priority: 1 } as never), /set it by pool\.with\(\)/],
];
for (const [what, run, message] of refused)
  test(`an option that is misspelt or cannot apply is refused, and the error suggests: ${what}`, () =>
    assert.throws(run, { code: TYPE, message }));

test("an option that is undefined, or stands in a prototype, counts as absent", () => {
  new Queue({ strangeKey: undefined } as never).putSync(1, Object.create({ strangeKey: 1 }));
});

test("every public call that takes options is in this table", () => {
  const folder = join(resolve(import.meta.dirname, "../../.."), "dist/types");
  const known = new Set(Object.keys(calls));
  const missing: string[] = [];
  const names = [...Object.keys(allcores), "AnyQueue", "WorkerHandle", "RWLockView", "OwnerWord", "LockMonitor"];
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".d.ts"),
  )) {
    let owner = "";
    for (const line of readFileSync(join(folder, file), "utf8").split("\n")) {
      owner =
        /^export declare (?:abstract )?class (\w+)/.exec(line)?.[1] ??
        (/^\S/.test(line) && !line.startsWith("}") ? "" : owner);
      if (!/\boptions\??: /.test(line) || /^\s*(\*|protected|private)/.test(line)) continue;
      const fn = /^export declare function (\w+)/.exec(line)?.[1];
      const method = /^ {4}(?:static )?(\w+)(?:<.*?>)?\(/.exec(line)?.[1];
      const call =
        fn ??
        (owner === "" || method === undefined
          ? undefined
          : method === "constructor"
            ? `new ${owner}`
            : `${owner}.${method}`);
      if (
        call === undefined ||
        !names.includes(fn ?? owner) ||
        /Error$/.test(owner) ||
        /^new (AnyQueue|WorkerHandle|RWLockView|OwnerWord|LockMonitor)$/.test(call)
      )
        continue;
      if (!known.has(call)) missing.push(call);
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(known.has("new Lock"));
});
