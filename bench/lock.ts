/** Lock: alone, and contended from a start gate. */
import { Barrier, isMain, Lock, Process, SharedArray, Thread, task } from "allcores";
import { atMost, besidePython, type Figure, now, perRound, report, spanOf, within } from "./measure.js";

const WORKERS = 10;
const ROUNDS = 100_000;
const WARM_UP = 20_000;
const TURNS = 5;
const LIMIT_NS = 150;

type Span = readonly [start: number, end: number];

function incrementUnder(lock: Lock, view: Int32Array, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    using _ = lock.acquireSync();
    view[0] = view[0]! + 1;
  }
}

/** `warmUp`: rounds on a lock of its own before the gate opens, so that the compiler is done. */
const increment = task(import.meta, function increment(lock: Lock, gate: Barrier, counter: SharedArray<number>, warmUp: number): Span {
  const view = counter.view as Int32Array;
  const { across } = lock;
  incrementUnder(new Lock({ across }), new SharedArray("int32", 1, { across }).view as Int32Array, warmUp);
  gate.waitSync();
  const start = now();
  incrementUnder(lock, view, ROUNDS);
  return [start, now()];
});

async function contended(Worker: typeof Thread | typeof Process, warmUp = 0): Promise<number> {
  const across = Worker === Thread ? "threads" : "processes";
  const lock = new Lock({ across });
  const gate = new Barrier(WORKERS, { across });
  const counter = new SharedArray("int32", 1, { across });
  const args: Parameters<typeof increment> = [lock, gate, counter, warmUp];
  const workers = Array.from({ length: WORKERS }, () => new Worker(increment, { args }).start());
  const spans = await Promise.all(workers.map((worker) => worker.join()));
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  if (counter.view[0] !== WORKERS * ROUNDS) throw new Error(`lost increments: ${counter.view[0]} of ${WORKERS * ROUNDS}`);
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
    await besidePython("10 threads x 100000 increments", "s", TURNS, () => contended(Thread), "lock", "with lock", atMost(1)),
    await besidePython("10 threads, compiled before the gate", "s", TURNS, () => contended(Thread, WARM_UP), "lock", "with lock", atMost(1)),
    await besidePython("10 processes x 100000 increments", "s", TURNS, () => contended(Process), "multiprocessing_lock", "multiprocessing.Lock", atMost(0.5)),
    await besidePython(
      "10 processes, compiled before the gate",
      "s",
      TURNS,
      () => contended(Process, WARM_UP),
      "multiprocessing_lock",
      "multiprocessing.Lock",
      atMost(0.5),
    ),
  ]);
}
