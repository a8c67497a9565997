/** Queue: 100000 small ints from one worker to another, both blocking, beside every other way to stream them, all taking turns in one run. */
import { Barrier, isMain, Process, Queue, Thread, task } from "allcores";
import { type Bound, compared, type Figure, faster, median, now, python, pythonVersion, report, spanOf } from "./measure.js";
import { ipcStream, multithreadingStream, postMessageStream } from "./rivals/stream.js";

const ITEMS = 100_000;
const TURNS = 7;

type Span = readonly [start: number, end: number];

const produce = task(import.meta, function produce(queue: Queue<number>, gate: Barrier): Span {
  gate.waitSync();
  const start = now();
  for (let item = 0; item < ITEMS; item++) queue.putSync(item);
  return [start, now()];
});

const consume = task(import.meta, function consume(queue: Queue<number>, gate: Barrier): Span {
  gate.waitSync();
  const start = now();
  for (let item = 0; item < ITEMS; item++) if (queue.getSync() !== item) throw new Error(`item ${item} did not come in its turn`);
  return [start, now()];
});

const consumeAwaiting = task(import.meta, async function consumeAwaiting(queue: Queue<number>, gate: Barrier): Promise<Span> {
  gate.waitSync();
  const start = now();
  for (let item = 0; item < ITEMS; item++) if ((await queue.get()) !== item) throw new Error(`item ${item} did not come in its turn`);
  return [start, now()];
});

async function stream(Worker: typeof Thread | typeof Process, consumer: typeof consume | typeof consumeAwaiting, maxSize = 0): Promise<number> {
  const across = Worker === Thread ? "threads" : "processes";
  const queue = new Queue<number>({ across, maxSize });
  const gate = new Barrier(2, { across });
  const args: Parameters<typeof produce> = [queue, gate];
  const workers = [
    new Worker(produce, { args }).start(),
    new Worker<(...args: Parameters<typeof produce>) => Span | Promise<Span>>(consumer, { args }).start(),
  ];
  const spans = await Promise.all(workers.map((worker) => worker.join()));
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  queue.free();
  gate.free();
  return spanOf(spans);
}

/** Everybody, in the order of a turn. */
const field: Record<string, () => Promise<number> | number> = {
  threads: () => stream(Thread, consume),
  "queue.Queue": () => (pythonVersion() === undefined ? Number.NaN : python("threading_queue")),
  postMessage: () => postMessageStream(ITEMS),
  multithreading: () => multithreadingStream(ITEMS),
  "threads, awaiting": () => stream(Thread, consumeAwaiting),
  "threads, bounded": () => stream(Thread, consume, 1000),
  processes: () => stream(Process, consume),
  "multiprocessing.Queue": () => (pythonVersion() === undefined ? Number.NaN : python("multiprocessing_queue")),
  "child_process IPC": () => ipcStream(ITEMS),
  "processes, awaiting": () => stream(Process, consumeAwaiting),
  "processes, bounded": () => stream(Process, consume, 1000),
};

if (isMain(import.meta)) {
  const samples = Object.fromEntries(Object.keys(field).map((name) => [name, [] as number[]]));
  for (let turn = -1; turn < TURNS; turn++) {
    for (const [name, run] of Object.entries(field)) {
      const seconds = await run();
      if (turn >= 0) samples[name]!.push(seconds);
    }
  }
  const beside = (what: string, ours: string, theirs: string, rival: string, bound?: Bound): Figure => {
    const pair = { ours: samples[ours]!, theirs: samples[theirs]! };
    if (!Number.isNaN(pair.theirs[0])) return compared(what, "s", pair, rival, bound);
    return { name: what, unit: "s", ours: median(pair.ours), rival: `${rival}: no python3 here`, ...(bound && { bound: bound.text }), runs: TURNS };
  };
  report([
    beside("100000 ints, process to process", "processes", "multiprocessing.Queue", "multiprocessing.Queue", faster(5)),
    beside("100000 ints, process to process", "processes", "child_process IPC", "child_process IPC", faster(10)),
    beside("the same, awaiting", "processes, awaiting", "child_process IPC", "child_process IPC"),
    beside("the same, at most 1000 in it", "processes, bounded", "multiprocessing.Queue", "multiprocessing.Queue"),
    beside("100000 ints, thread to thread", "threads", "queue.Queue", "queue.Queue", faster(2)),
    beside("100000 ints, thread to thread", "threads", "postMessage", "postMessage", faster(5)),
    beside("100000 ints, thread to thread", "threads", "multithreading", "channel of multithreading", faster(5)),
    beside("the same, awaiting", "threads, awaiting", "postMessage", "postMessage"),
    beside("the same, at most 1000 in it", "threads, bounded", "queue.Queue", "queue.Queue"),
  ]);
}
