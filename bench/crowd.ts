/**
 * More workers than cores: 100,000 operations in all by 2, 8, 32 and 64 workers that begin at a gate, beside Python's
 * threads. Each figure is of workers that have run nothing of it before, so the cold code of all of them is in it.
 * `--only=WORDS` runs the rows whose name has them, `--turns=N` takes the median of so many runs.
 */
import { Barrier, isMain, Lock, Process, Queue, RWLock, Semaphore, SharedMap, Thread, task, Value } from "allcores";
import { type Figure, median, now, python, pythonVersion, report, spanOf } from "./measure.js";

const OPERATIONS = 100_000;
const CROWDS = [2, 8, 32, 64] as const;
const KEYS = 1000;
/** 64 workers take at most so many times what 8 take; and at most so many times what Python's threads take. */
const MOST_GROWTH = 3;
const MOST_TO_PYTHON = 4;

type Span = readonly [start: number, end: number];
type Model = typeof Thread | typeof Process;

const put = task(import.meta, function put(gate: Barrier, queue: Queue<number>, count: number): Span {
  gate.waitSync();
  const start = now();
  for (let item = 0; item < count; item++) queue.putSync(item);
  return [start, now()];
});

const get = task(import.meta, function get(gate: Barrier, queue: Queue<number>, count: number): Span {
  gate.waitSync();
  const start = now();
  for (let item = 0; item < count; item++) queue.getSync();
  return [start, now()];
});

const takePermits = task(import.meta, function takePermits(gate: Barrier, semaphore: Semaphore, count: number): Span {
  gate.waitSync();
  const start = now();
  for (let round = 0; round < count; round += 2) {
    semaphore.acquireSync();
    semaphore.release();
  }
  return [start, now()];
});

const readAndWrite = task(import.meta, function readAndWrite(gate: Barrier, lock: RWLock, count: number): Span {
  gate.waitSync();
  const start = now();
  for (let round = 0; round < count; round++) {
    using _held = round % 10 === 0 ? lock.writeSync() : lock.readSync();
  }
  return [start, now()];
});

const setAndGet = task(import.meta, function setAndGet(gate: Barrier, map: SharedMap<number>, count: number): Span {
  gate.waitSync();
  const start = now();
  for (let round = 0; round < count; round += 2) {
    const key = `key ${(round >> 1) % KEYS}`;
    map.set(key, round);
    map.get(key);
  }
  return [start, now()];
});

const increment = task(
  import.meta,
  function increment(gate: Barrier, lock: Lock, counter: Value<number>, count: number): Span {
    gate.waitSync();
    const start = now();
    for (let round = 0; round < count; round++) {
      lock.acquireSync();
      counter.value++;
      lock.release();
    }
    return [start, now()];
  },
);

interface Crowd {
  start(Worker: Model, gate: Barrier, index: number): { join(): Promise<Span>; [Symbol.asyncDispose](): Promise<void> };
  free(): void;
}
type Gathering = (crowd: number, across: "threads" | "processes") => Crowd;

const each = (crowd: number): number => Math.floor(OPERATIONS / crowd);

const half = (queue: Queue<number>, crowd: number): Crowd => ({
  start: (Worker, gate, index) => new Worker(index % 2 === 0 ? put : get, { args: [gate, queue, each(crowd)] }).start(),
  free: () => queue.free(),
});

const permits = (semaphore: Semaphore, crowd: number): Crowd => ({
  start: (Worker, gate) => new Worker(takePermits, { args: [gate, semaphore, each(crowd)] }).start(),
  free: () => semaphore.free(),
});

const reads = (lock: RWLock, crowd: number): Crowd => ({
  start: (Worker, gate) => new Worker(readAndWrite, { args: [gate, lock, each(crowd)] }).start(),
  free: () => lock.free(),
});

const entries = (map: SharedMap<number>, crowd: number): Crowd => ({
  start: (Worker, gate) => new Worker(setAndGet, { args: [gate, map, each(crowd)] }).start(),
  free: () => map.free(),
});

const ROWS: {
  readonly name: string;
  readonly gather: Gathering;
  readonly rival?: string;
  readonly together: number;
}[] = [
  { name: "queue", gather: (crowd, across) => half(new Queue<number>({ across }), crowd), rival: "queue", together: 2 },
  {
    name: "queue, maxSize 100",
    gather: (crowd, across) => half(new Queue<number>({ across, maxSize: 100 }), crowd),
    rival: "bounded",
    together: 2,
  },
  {
    name: "semaphore of 2",
    gather: (crowd, across) => permits(new Semaphore(2, { across }), crowd),
    rival: "semaphore",
    together: 1,
  },
  { name: "RWLock, 1 write in 10", gather: (crowd, across) => reads(new RWLock({ across }), crowd), together: 1 },
  {
    name: "SharedMap, 1000 keys",
    gather: (crowd, across) => entries(new SharedMap<number>({ across }), crowd),
    rival: "map",
    together: 1,
  },
];

/**
 * The same work, each worker at an object of its own, or two at a queue of theirs: nobody waits for the crowd, so this
 * is what the cold code of so many takes alone.
 */
const apart =
  (gather: Gathering, together: number): Gathering =>
  (crowd, across) => {
    const parts = Array.from({ length: crowd / together }, () => gather(crowd, across));
    return {
      start: (Worker, gate, index) => parts[Math.floor(index / together)]!.start(Worker, gate, index),
      free() {
        for (const part of parts) part.free();
      },
    };
  };

/** Milliseconds from the first start behind the gate to the last end. */
async function run(Worker: Model, crowd: number, gather: Gathering): Promise<number> {
  const across = Worker === Thread ? "threads" : "processes";
  const gate = new Barrier(crowd, { across });
  const { start, free } = gather(crowd, across);
  const workers = Array.from({ length: crowd }, (_, index) => start(Worker, gate, index));
  const spans = await Promise.all(workers.map((worker) => worker.join()));
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  free();
  gate.free();
  return spanOf(spans) * 1e3;
}

const INCREMENTERS = 200;
const INCREMENTS = 5000;

const counting: Gathering = (crowd, across) => {
  const lock = new Lock({ across });
  const counter = new Value("int32", 0, { across });
  return {
    start: (Worker, gate) => new Worker(increment, { args: [gate, lock, counter, INCREMENTS] }).start(),
    free() {
      if (counter.value !== crowd * INCREMENTS)
        throw new Error(`${counter.value} increments instead of ${crowd * INCREMENTS}`);
      lock.free();
      counter.free();
    },
  };
};

const optionOf = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);

async function several(turns: number, once: () => number | Promise<number>): Promise<number> {
  const samples: number[] = [];
  for (let turn = 0; turn < turns; turn++) samples.push(await once());
  return median(samples);
}

const shown = (ms: number | undefined): string => (ms === undefined ? "–" : ms.toFixed(0));

if (isMain(import.meta)) {
  const turns = Number(optionOf("turns") ?? (process.argv.includes("--quick") ? 1 : 3));
  const only = optionOf("only");
  const models = { threads: Thread, processes: Process } as const;
  const figures: Figure[] = [];
  const hasPython = pythonVersion() !== undefined;
  for (const { name, gather, rival, together } of ROWS) {
    const asked = Object.entries(models).filter(([model]) => only === undefined || `${name}, ${model}`.includes(only));
    if (asked.length === 0) continue;
    const theirs = new Map<number, number>();
    if (rival !== undefined && hasPython)
      for (const crowd of CROWDS)
        theirs.set(crowd, await several(turns, () => python("crowd", rival, crowd, OPERATIONS) * 1e3));
    for (const [model, Worker] of asked) {
      const ours = new Map<number, number>();
      for (const crowd of CROWDS) ours.set(crowd, await several(turns, () => run(Worker, crowd, gather)));
      console.log(
        `${name}, ${model}: ${CROWDS.map((crowd) => shown(ours.get(crowd))).join(" / ")} ms; Python's threads ${CROWDS.map((crowd) => shown(theirs.get(crowd))).join(" / ")}`,
      );
      const cold = new Map<number, number>();
      for (const crowd of CROWDS)
        cold.set(crowd, await several(turns, () => run(Worker, crowd, apart(gather, together))));
      console.log(
        `  ${together === 1 ? "each at one of its own" : "two at each"}: ${CROWDS.map((crowd) => shown(cold.get(crowd))).join(" / ")} ms`,
      );
      const growth = ours.get(64)! / ours.get(8)!;
      figures.push({
        name: `${name}, ${model}: 64 workers beside 8`,
        unit: "ms",
        ours: ours.get(64)!,
        theirs: ours.get(8)!,
        rival: "8 workers",
        ratio: growth,
        bound: `≤ ${MOST_GROWTH} × 8 workers`,
        reached: growth <= MOST_GROWTH,
        runs: turns,
      });
      for (const crowd of CROWDS) {
        const python = theirs.get(crowd);
        if (python === undefined) continue;
        const ratio = ours.get(crowd)! / python;
        const bound = { bound: `ours ≤ ${MOST_TO_PYTHON} × rival`, reached: ratio <= MOST_TO_PYTHON };
        figures.push({
          name: `${name}, ${crowd} ${model}`,
          unit: "ms",
          ours: ours.get(crowd)!,
          theirs: python,
          rival: "Python's threads",
          ratio,
          ...bound,
          runs: turns,
        });
      }
    }
  }
  const name = `lock, ${INCREMENTERS} threads, ${INCREMENTS} increments each`;
  if (only === undefined || name.includes(only)) {
    const ours = await several(turns, () => run(Thread, INCREMENTERS, counting));
    const python_ = hasPython
      ? await several(turns, () => python("crowd", "lock", INCREMENTERS, INCREMENTERS * INCREMENTS) * 1e3)
      : undefined;
    const ratio =
      python_ === undefined
        ? {}
        : {
            theirs: python_,
            ratio: ours / python_,
            bound: `ours ≤ ${MOST_TO_PYTHON} × rival`,
            reached: ours <= MOST_TO_PYTHON * python_,
          };
    figures.push({ name, unit: "ms", ours, rival: "Python's threads", ...ratio, runs: turns });
  }
  report(figures);
}
