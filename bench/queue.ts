/**
 * Queue: small ints from one worker to another, both blocking, beside every other way to stream them, all taking turns
 * in one run. A million show the stream; 100000, each time in new workers, show how much of that is there from the
 * start: V8 still interprets then what Python's and Node's queues do in C and C++.
 */
import { Barrier, isMain, Process, Queue, Thread, task } from "allcores";
import {
  alone,
  type Bound,
  compared,
  type Figure,
  faster,
  median,
  now,
  python,
  pythonVersion,
  report,
  spanOf,
} from "./measure.js";
import { ipcStream, multithreadingStream, postMessageStream } from "./rivals/stream.js";

const LENGTHS = [
  { count: 1_000_000, turns: 3 },
  { count: 100_000, turns: 5 },
];

type Span = readonly [start: number, end: number];

const produce = task(import.meta, function produce(queue: Queue<number>, gate: Barrier, count: number): Span {
  gate.waitSync();
  const start = now();
  for (let item = 0; item < count; item++) queue.putSync(item);
  return [start, now()];
});

const consume = task(import.meta, function consume(queue: Queue<number>, gate: Barrier, count: number): Span {
  gate.waitSync();
  const start = now();
  for (let item = 0; item < count; item++)
    if (queue.getSync() !== item) throw new Error(`item ${item} did not come in its turn`);
  return [start, now()];
});

const consumeAwaiting = task(
  import.meta,
  async function consumeAwaiting(queue: Queue<number>, gate: Barrier, count: number): Promise<Span> {
    gate.waitSync();
    const start = now();
    for (let item = 0; item < count; item++)
      if ((await queue.get()) !== item) throw new Error(`item ${item} did not come in its turn`);
    return [start, now()];
  },
);

async function stream(
  count: number,
  Worker: typeof Thread | typeof Process,
  consumer: typeof consume | typeof consumeAwaiting,
  maxSize = 0,
): Promise<number> {
  const across = Worker === Thread ? "threads" : "processes";
  const queue = new Queue<number>({ across, maxSize });
  const gate = new Barrier(2, { across });
  const args: Parameters<typeof produce> = [queue, gate, count];
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

type Stream = (count: number) => Promise<number> | number;

/** Everybody, in the order of a turn. */
const field: Record<string, Stream> = {
  threads: (count) => stream(count, Thread, consume),
  "queue.Queue": (count) => (pythonVersion() === undefined ? Number.NaN : python("threading_queue", count)),
  postMessage: rival(postMessageStream),
  multithreading: rival(multithreadingStream),
  "threads, awaiting": (count) => stream(count, Thread, consumeAwaiting),
  "threads, bounded": (count) => stream(count, Thread, consume, 1000),
  processes: (count) => stream(count, Process, consume),
  "multiprocessing.Queue": (count) =>
    pythonVersion() === undefined ? Number.NaN : python("multiprocessing_queue", count),
  "child_process IPC": rival(ipcStream),
  "processes, awaiting": (count) => stream(count, Process, consumeAwaiting),
  "processes, bounded": (count) => stream(count, Process, consume, 1000),
};

function rival(run: Stream): Stream {
  return alone ? () => Number.NaN : run;
}

async function race({ count, turns }: { count: number; turns: number }): Promise<Figure[]> {
  const samples = Object.fromEntries(Object.keys(field).map((name) => [name, [] as number[]]));
  for (let turn = count > 100_000 ? 0 : -1; turn < turns; turn++) {
    for (const [name, run] of Object.entries(field)) {
      const seconds = await run(count);
      if (turn >= 0) samples[name]!.push(seconds);
    }
  }
  const beside = (what: string, ours: string, theirs: string, rival: string, bound?: Bound): Figure => {
    const pair = { ours: samples[ours]!, theirs: samples[theirs]! };
    if (alone || !Number.isNaN(pair.theirs[0])) return compared(what, "s", pair, rival, bound);
    return {
      name: what,
      unit: "s",
      ours: median(pair.ours),
      rival: `${rival}: no python3 here`,
      ...(bound && { bound: bound.text }),
      runs: turns,
    };
  };
  return [
    beside(
      `${count} ints, process to process`,
      "processes",
      "multiprocessing.Queue",
      "multiprocessing.Queue",
      faster(5),
    ),
    beside(`${count} ints, process to process`, "processes", "child_process IPC", "child_process IPC", faster(10)),
    beside("the same, awaiting", "processes, awaiting", "child_process IPC", "child_process IPC"),
    beside("the same, at most 1000 in it", "processes, bounded", "multiprocessing.Queue", "multiprocessing.Queue"),
    beside(`${count} ints, thread to thread`, "threads", "queue.Queue", "queue.Queue", faster(2)),
    beside(`${count} ints, thread to thread`, "threads", "postMessage", "postMessage", faster(5)),
    beside(`${count} ints, thread to thread`, "threads", "multithreading", "channel of multithreading", faster(5)),
    beside("the same, awaiting", "threads, awaiting", "postMessage", "postMessage"),
    beside("the same, at most 1000 in it", "threads, bounded", "queue.Queue", "queue.Queue"),
  ];
}

if (isMain(import.meta)) {
  const figures: Figure[] = [];
  for (const length of LENGTHS) figures.push(...(await race(length)));
  report(figures);
}
