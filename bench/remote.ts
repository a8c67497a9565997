/**
 * Remote pools over a Redis of their own: against the ideal of computing tasks, and against bare BullMQ for tasks that
 * do nothing.
 */
import { spawn } from "node:child_process";
import { isMain, task } from "allcores";
import { RemotePool, serveRemote } from "allcores/remote";
import { Queue, QueueEvents, Worker } from "bullmq";
import { noRedis, RedisServer } from "../tests/fixtures/redis.js";
import { alternate, compared, faster, report } from "./measure.js";

const TASKS = Number(process.env.TASKS ?? 10_000);
const EMPTY = Number(process.env.EMPTY ?? 3000);
const MS = 10;
const CONCURRENCY = 66;

export const works = task(import.meta, function works(n: number): number {
  const until = performance.now() + MS;
  while (performance.now() < until);
  return n;
});
export const nothing = task(import.meta, function nothing(n: number): number {
  return n;
});

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

/** A worker of one slot, in a program of its own. */
function startWorker(connection: object, queue: string): Promise<() => void> {
  const child = spawn(process.execPath, [process.argv[1]!, "worker", JSON.stringify({ connection, queue })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve) => child.stdout.once("data", () => resolve(() => child.kill("SIGKILL"))));
}

/** Microseconds for a task of bare BullMQ whose submitter receives every result. */
async function bare(connection: { path: string }): Promise<number> {
  const name = `bare-${performance.now()}`;
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  await events.waitUntilReady();
  const worker = new Worker(name, async (job) => ({ result: job.data.n as number }), {
    connection,
    concurrency: CONCURRENCY,
  });
  await worker.waitUntilReady();
  let received = 0;
  const start = performance.now();
  const all = new Promise<void>((resolve) => events.on("completed", () => ++received === EMPTY && resolve()));
  for (let from = 0; from < EMPTY; from += 500) {
    const jobs = count(Math.min(500, EMPTY - from)).map((n) => ({
      name: "nothing",
      data: { n, padding: "x".repeat(300) },
      opts: { jobId: `n-${from + n}`, priority: 1000, removeOnComplete: { age: 3600, count: 20_000 } },
    }));
    await queue.addBulk(jobs);
  }
  await all;
  const each = ((performance.now() - start) * 1000) / EMPTY;
  await Promise.all([worker.close(), events.close(), queue.close()]);
  return each;
}

if (isMain(import.meta) && process.argv[2] === "worker") {
  const options = JSON.parse(process.argv[3]!) as { connection: object; queue: string };
  await serveRemote({ ...options, connection: { ...options.connection }, allow: [import.meta.filename], workers: 1 });
  process.stdout.write("ready\n");
} else if (isMain(import.meta)) {
  if (noRedis() !== false) {
    console.error("no Redis");
    report([]);
  } else {
    await using redis = await RedisServer.start();
    const { connection } = redis;
    const ends = await Promise.all([startWorker(connection, "works"), startWorker(connection, "works")]);
    const pool = new RemotePool({ connection, queue: "works" });
    await pool.map(works, count(200));
    const ideal = await alternate(
      1,
      async () => {
        const start = performance.now();
        await pool.map(works, count(TASKS));
        return ((performance.now() - start) * 1000) / TASKS;
      },
      () => (MS * 1000) / 2,
      0,
    );
    for (const end of ends) end();
    pool.terminate();
    const server = await serveRemote({
      connection,
      queue: "nothing",
      allow: [import.meta.filename],
      workers: 2,
      model: "thread",
    });
    const empty = new RemotePool({ connection, queue: "nothing", inFlight: 1000 });
    await empty.map(nothing, count(200), { chunkSize: 1 });
    const each = async (items: number, chunkSize: number | undefined) => {
      const start = performance.now();
      await empty.map(nothing, count(items), chunkSize === undefined ? {} : { chunkSize });
      return ((performance.now() - start) * 1000) / items;
    };
    const single = await alternate(
      3,
      () => each(EMPTY, 1),
      () => bare(connection),
      1,
    );
    const chunks = await alternate(
      3,
      () => each(EMPTY * 10, undefined),
      () => bare(connection),
      1,
    );
    report([
      compared(`map of ${TASKS} tasks of ${MS} ms, two workers of one slot`, "µs", ideal, "the ideal", faster(0.9)),
      compared("tasks that do nothing, one by one", "µs", single, "bare BullMQ", faster(0.7)),
      compared("tasks that do nothing, by chunks", "µs", chunks, "bare BullMQ", faster(5)),
    ]);
    empty.terminate();
    await server.terminate();
    // The exit passes over what `await using` would do.
    await redis[Symbol.asyncDispose]();
    process.exit(0);
  }
}
