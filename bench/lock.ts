/** Lock: alone, and contended from a start gate. */
import { Barrier, isMain, Lock, Process, SharedArray, Thread, task } from "allcores";
import { atMost, besidePython, type Figure, now, perRound, report, spanOf, within } from "./measure.js";

const WORKERS = 10;
const ROUNDS = 100_000;
const TURNS = 5;
const LIMIT_NS = 150;

type Span = readonly [start: number, end: number];

/**
 * Python's `with` as this language spells it where it runs natively (from Node 24), and as esbuild lowers it for Node
 * 20, with an array and a closure a round.
 */
type Form = "dispose" | "using";

function incrementUnder(lock: Lock, view: Int32Array, rounds: number, form: Form): void {
  if (form === "using") {
    for (let round = 0; round < rounds; round++) {
      using _ = lock.acquireSync();
      view[0] = view[0]! + 1;
    }
    return;
  }
  for (let round = 0; round < rounds; round++) {
    const held = lock.acquireSync();
    try {
      view[0] = view[0]! + 1;
    } finally {
      held[Symbol.dispose]();
    }
  }
}

const increment = task(
  import.meta,
  function increment(lock: Lock, gate: Barrier, counter: SharedArray<number>, form: Form): Span {
    const view = counter.view as Int32Array;
    gate.waitSync();
    const start = now();
    incrementUnder(lock, view, ROUNDS, form);
    return [start, now()];
  },
);

async function contended(Worker: typeof Thread | typeof Process, form: Form): Promise<number> {
  const across = Worker === Thread ? "threads" : "processes";
  const lock = new Lock({ across });
  const gate = new Barrier(WORKERS, { across });
  const counter = new SharedArray("int32", 1, { across });
  const args: Parameters<typeof increment> = [lock, gate, counter, form];
  const workers = Array.from({ length: WORKERS }, () => new Worker(increment, { args }).start());
  const spans = await Promise.all(workers.map((worker) => worker.join()));
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  if (counter.view[0] !== WORKERS * ROUNDS)
    throw new Error(`lost increments: ${counter.view[0]} of ${WORKERS * ROUNDS}`);
  return spanOf(spans);
}

function uncontended(across: "threads" | "processes"): Figure[] {
  const lock = new Lock({ across });
  const plain = perRound(7, 2_000_000, (rounds) => {
    for (let round = 0; round < rounds; round++) lock.acquireSync()[Symbol.dispose]();
  });
  const using = perRound(7, 2_000_000, (rounds) => {
    for (let round = 0; round < rounds; round++) {
      using _ = lock.acquireSync();
    }
  });
  return [
    within(`Lock across ${across}: acquireSync + dispose`, "ns", plain, LIMIT_NS),
    within(`Lock across ${across}: under using, lowered for Node 20`, "ns", using, LIMIT_NS),
  ];
}

if (isMain(import.meta)) {
  report([
    ...uncontended("threads"),
    ...uncontended("processes"),
    await besidePython(
      "10 threads x 100000 increments",
      "s",
      TURNS,
      () => contended(Thread, "dispose"),
      "lock",
      "with lock",
      atMost(1),
    ),
    await besidePython(
      "10 threads, under using, lowered for Node 20",
      "s",
      TURNS,
      () => contended(Thread, "using"),
      "lock",
      "with lock",
      atMost(1),
    ),
    await besidePython(
      "10 processes x 100000 increments",
      "s",
      TURNS,
      () => contended(Process, "dispose"),
      "multiprocessing_lock",
      "multiprocessing.Lock",
      atMost(0.5),
    ),
    await besidePython(
      "10 processes, under using, lowered for Node 20",
      "s",
      TURNS,
      () => contended(Process, "using"),
      "multiprocessing_lock",
      "multiprocessing.Lock",
      atMost(0.5),
    ),
  ]);
}
