/** What is compared: waiting for answers, and computing in two ways. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Event, type Lock, type Task, type TaskModule, taskModule, Thread, Value } from "../../index.js";
import { calibrate } from "./calibrate.js";
import { digitsOfFactorial } from "./factorial.js";
import type { ComparedModel, ComparedJob } from "./job.js";
import * as local from "./tasks.js";

const ANSWER_MS = 200;
const REQUESTS = 40;
const REQUESTERS = 10;
/** Serial work of each computing job. */
const SERIAL_MS = 2000;
const ITEMS_PER_CORE = 4;
const FEWEST_ITEMS = 8;
/** What the time of n! grows by with n. */
const FACTORIAL_POWER = 1.7;
const COMPUTE_ON_ONE_CORE: readonly ComparedModel[] = ["async", "asyncPool", "gil"];

/** The tasks' own file: beside the bundled command it has another name than among the sources. */
const tasksUrl = new URL(import.meta.url.endsWith("/jobs.js") ? "./tasks.js" : "./comparison.js", import.meta.url);
export const remote: TaskModule<typeof local> = taskModule<typeof local>(tasksUrl);

/** A server that takes its time, in a thread of its own. */
export async function startServer(): Promise<{ origin: string; stop(): Promise<void> }> {
  const port = new Value("int32");
  const [ready, stop] = [new Event(), new Event()];
  const server = Thread.start(remote.answerRequests, ANSWER_MS, port, ready, stop);
  await Promise.race([ready.wait(), server.join()]);
  return {
    origin: `http://127.0.0.1:${port.value}`,
    stop: async () => {
      stop.set();
      await server.join();
    },
  };
}

export function requests(origin: string): ComparedJob {
  const url = (id: number): string => `${origin}/${id}`;
  const parts = {
    item: url,
    here: local.request,
    task: remote.request,
    locked: (gil: Lock) => remote.requestUnderGlobalLock.partial(gil),
    expected: (id: number) => id,
  };
  return {
    kind: "waiting",
    title: `等待：HTTP请求，每个 ${ANSWER_MS} 毫秒，${REQUESTERS} 个线程或进程 / Waiting: HTTP requests of ${ANSWER_MS} ms, ${REQUESTERS} workers`,
    workers: REQUESTERS,
    items: REQUESTS,
    few: REQUESTS / 5,
    cannotGain: ["serial"],
    ...waysOf<string, number>(parts),
  };
}

export function factorials(cores: number): ComparedJob {
  const items = itemsFor(cores);
  const n = calibrate(local.countDigits, SERIAL_MS / items, 5000, FACTORIAL_POWER);
  const parts = {
    item: () => n,
    here: local.countDigits,
    task: remote.countDigits,
    locked: (gil: Lock) => remote.countDigitsUnderGlobalLock.partial(gil),
    expected: () => digitsOfFactorial(n),
  };
  return {
    kind: "computing",
    title: `计算：${n} 的阶乘，${items} 次，${cores} 个线程或进程 / Computing: the factorial of ${n}, ${items} times, ${cores} workers`,
    workers: cores,
    items,
    few: fifth(items),
    cannotGain: COMPUTE_ON_ONE_CORE,
    ...waysOf<number, number>(parts),
  };
}

export function hashes(cores: number): ComparedJob {
  const items = itemsFor(cores);
  const path = fileURLToPath(tasksUrl);
  const bytes = calibrate((bytes) => local.hashPiece({ path, bytes }), SERIAL_MS / items, 2 ** 16, 1);
  const text = readFileSync(path);
  const whole = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += text.length) text.copy(whole, at);
  const digest = createHash("sha256").update(whole).digest("hex");
  const parts = {
    item: () => ({ path, bytes }),
    here: local.hashPiece,
    task: remote.hashPiece,
    locked: (gil: Lock) => remote.hashPieceUnderGlobalLock.partial(gil),
    expected: () => digest,
  };
  const megabytes = (bytes / 1e6).toFixed(1);
  return {
    kind: "computing",
    title: `计算：${megabytes} MB 的 SHA-256（不用 node:crypto），${items} 次 / Computing: SHA-256 of ${megabytes} MB in plain JavaScript, ${items} times`,
    workers: cores,
    items,
    few: fifth(items),
    cannotGain: COMPUTE_ON_ONE_CORE,
    ...waysOf<local.Piece, string>(parts),
  };
}

function itemsFor(cores: number): number {
  return Math.max(FEWEST_ITEMS, ITEMS_PER_CORE * cores);
}

function fifth(items: number): number {
  return Math.ceil(items / 5);
}

interface Parts<A, R> {
  item(index: number): A;
  here(item: A): R | Promise<R>;
  task: Task<(item: A) => R | Promise<R>>;
  locked(gil: Lock): Task<(item: A) => R | Promise<R>>;
  expected(index: number): R;
}

function waysOf<A, R>({
  item,
  here,
  task,
  locked,
  expected,
}: Parts<A, R>): Omit<ComparedJob, "kind" | "title" | "workers" | "items" | "few" | "cannotGain"> {
  const all = (count: number): A[] => Array.from({ length: count }, (_, index) => item(index));
  // Each item is long: one that travels with another would keep a worker from it.
  const alone = { chunkSize: 1 };
  return {
    async serially(count) {
      const results: R[] = [];
      for (const each of all(count)) results.push(await here(each));
      return results;
    },
    asynchronously: (count) => Promise.all(all(count).map(async (each) => await here(each))),
    inPool: (pool, count) => pool.map(task, all(count), alone),
    inAsyncPool: (pool, count) => pool.map(here as Task<(each: A) => R | Promise<R>>, all(count), alone),
    underGlobalLock: (pool, gil, count) => pool.map(locked(gil), all(count), alone),
    check(results) {
      for (const [index, result] of results.entries())
        if (result !== expected(index)) throw new Error(`wrong result of item ${index}: ${String(result)}`);
    },
  };
}
