/** The async pool beside p-limit and p-queue, and this event loop beside Python's asyncio. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { asCompleted, AsyncPool, isMain, sleep, TaskGroup } from "allcores";
import pLimit from "p-limit";
import PQueue from "p-queue";
import {
  alternate,
  atMost,
  besidePython,
  compared,
  type Figure,
  pythonVersion,
  python,
  report,
  within,
} from "./measure.js";

const CONCURRENCY = 10;
const BATCH = 1000;
const BATCHES = 30;
const TURNS = 9;
const WARM_UPS = 3;
const MANY = 10_000;
const SLEEP_MS = 100;
const CONNECTIONS = 100;
const ITEMS = 1_000_000;
const FUTURES = 100_000;

const work = async (n: number): Promise<number> => n;

/**
 * Nanoseconds that a task costs which does nothing: submitted by the thousand, as many at a time as there are places.
 */
async function perTask(submit: (n: number) => Promise<number>): Promise<number> {
  const start = performance.now();
  for (let batch = 0; batch < BATCHES; batch++) {
    const futures: Promise<number>[] = [];
    for (let n = 0; n < BATCH; n++) futures.push(submit(n));
    await Promise.all(futures);
  }
  return ((performance.now() - start) * 1e6) / (BATCHES * BATCH);
}

async function overhead(): Promise<Figure[]> {
  const pool = new AsyncPool({ concurrency: CONCURRENCY });
  const limit = pLimit(CONCURRENCY);
  const queue = new PQueue({ concurrency: CONCURRENCY });
  const ours = () => perTask((n) => pool.submit(work, n));
  const withLimit = await alternate(TURNS, ours, () => perTask((n) => limit(work, n)), WARM_UPS);
  const withQueue = await alternate(TURNS, ours, () => perTask((n) => queue.add(() => work(n))), WARM_UPS);
  return [
    compared("AsyncPool, a task that does nothing", "ns", withLimit, "p-limit", atMost(1)),
    compared("AsyncPool, a task that does nothing", "ns", withQueue, "p-queue", atMost(0.75)),
  ];
}

/** What it costs to hear of each of many futures in the order of their ends, beside hearing of all at once. */
async function completions(): Promise<Figure[]> {
  const perFuture = async (hear: (futures: Promise<number>[]) => Promise<unknown>) => {
    await using pool = new AsyncPool({ concurrency: CONCURRENCY });
    const futures = Array.from({ length: FUTURES }, (_, n) => pool.submit(work, n));
    const start = performance.now();
    await hear(futures);
    return ((performance.now() - start) * 1e3) / FUTURES;
  };
  const inOrder = async (futures: Promise<number>[]) => {
    for await (const _ of asCompleted(futures));
  };
  const turns = await alternate(
    TURNS,
    () => perFuture(inOrder),
    () => perFuture((futures) => Promise.all(futures)),
    WARM_UPS,
  );
  return [compared("asCompleted, a future of 100,000", "us", turns, "Promise.all", atMost(2))];
}

/** What the heap has grown by when a million items have passed through. */
async function longMap(): Promise<Figure[]> {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const pool = new AsyncPool({ concurrency: CONCURRENCY });
  let done = 0;
  let before = 0;
  function* items() {
    for (let n = 0; n < ITEMS; n++) yield n;
  }
  const start = performance.now();
  for await (const _ of pool.map(work, items())) {
    if (++done !== ITEMS / 100) continue;
    collectGarbage();
    before = process.memoryUsage().heapUsed;
  }
  const seconds = (performance.now() - start) / 1e3;
  collectGarbage();
  const grown = Math.max(0, process.memoryUsage().heapUsed - before) / 1e6;
  return [
    within("AsyncPool.map, a million items: growth of the heap", "MB", [grown], 5),
    { name: "AsyncPool.map, a million items", unit: "s", ours: seconds, runs: 1 },
  ];
}

async function sleeps(): Promise<Figure[]> {
  const ours = async () => {
    const start = performance.now();
    await TaskGroup.run((group) => {
      for (let n = 0; n < MANY; n++) group.spawn((signal) => sleep(SLEEP_MS, { signal }));
    });
    return performance.now() - start;
  };
  return [
    await besidePython(
      `TaskGroup, ${MANY} sleeps of ${SLEEP_MS} ms`,
      "ms",
      5,
      ours,
      "asyncio_sleep",
      "asyncio.TaskGroup",
      atMost(1),
    ),
  ];
}

/** Ten thousand requests to one server, which is a program of its own, over so many connections that are kept. */
async function requests(): Promise<Figure[]> {
  const server = fork(fileURLToPath(new URL("./rivals/http-server.js", import.meta.url)));
  const [port] = (await once(server, "message")) as [number];
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const request = (path: number) =>
    new Promise<number>((resolve, reject) => {
      get({ port, host: "127.0.0.1", path: `/${path}`, agent }, (response) => {
        let length = 0;
        response.on("data", (chunk: Buffer) => (length += chunk.length));
        response.on("end", () => resolve(length));
      }).on("error", reject);
    });
  const ours = async () => {
    const start = performance.now();
    await using pool = new AsyncPool({ concurrency: CONNECTIONS });
    let total = 0;
    for await (const length of pool.map(
      request,
      Array.from({ length: MANY }, (_, n) => n),
    ))
      total += length;
    if (total !== MANY * 2) throw new Error(`${total} bytes came`);
    return performance.now() - start;
  };
  const name = `AsyncPool, ${MANY} HTTP requests, ${CONNECTIONS} at a time`;
  try {
    const bare = async () => {
      const start = performance.now();
      const paths = Array.from({ length: MANY }, (_, n) => n).values();
      await TaskGroup.run((group) => {
        for (let n = 0; n < CONNECTIONS; n++) group.spawn(() => bareClient(port, paths));
      });
      return performance.now() - start;
    };
    if (pythonVersion() === undefined)
      return [{ name, unit: "ms", ours: await ours(), rival: "asyncio: no python3 here", runs: 1 }];
    const theirs = () => python("asyncio_http", port, MANY, CONNECTIONS);
    // Python has no HTTP client for asyncio: its side writes to sockets, and so does ours in the second line. The first
    // is what a program here would do.
    return [
      compared(`${name}, node:http`, "ms", await alternate(3, ours, theirs), "asyncio streams"),
      compared(
        `TaskGroup, ${MANY} HTTP requests, ${CONNECTIONS} sockets`,
        "ms",
        await alternate(3, bare, theirs),
        "asyncio streams",
        atMost(1),
      ),
    ];
  } finally {
    agent.destroy();
    server.disconnect();
  }
}

/** Requests one after the other over one connection. */
async function bareClient(port: number, paths: Iterator<number>): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.setEncoding("latin1");
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<string>;
  let text = "";
  for (let path = paths.next(); path.done !== true; path = paths.next()) {
    socket.write(`GET /${path.value} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    for (;;) {
      const head = text.indexOf("\r\n\r\n");
      const end = head < 0 ? -1 : head + 4 + Number(/content-length: (\d+)/i.exec(text)![1]);
      if (end >= 0 && text.length >= end) {
        text = text.slice(end);
        break;
      }
      text += (await chunks.next()).value as string;
    }
  }
  socket.destroy();
}

if (isMain(import.meta))
  report([
    ...(await overhead()),
    ...(await completions()),
    ...(await sleeps()),
    ...(await requests()),
    ...(await longMap()),
  ]);
