/** Queue: 100000 small ints from one process to another, both blocking. */
import { Barrier, isMain, Process, Queue, task } from "allcores";
import { besidePython, faster, now, report, spanOf } from "./measure.js";

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

async function pipeline(): Promise<number> {
  const queue = new Queue<number>({ across: "processes" });
  const gate = new Barrier(2, { across: "processes" });
  const workers = [Process.start(produce, queue, gate), Process.start(consume, queue, gate)];
  const spans = await Promise.all(workers.map((worker) => worker.join()));
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  return spanOf(spans);
}

if (isMain(import.meta)) {
  report([await besidePython("100000 ints, process to process", "s", TURNS, pipeline, "multiprocessing_queue", "multiprocessing.Queue", faster(3))]);
}
