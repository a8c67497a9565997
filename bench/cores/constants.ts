/**
 * What this machine charges, and what the library's own code takes: each measured apart from what is predicted with it.
 * As a program of its own, with the word "switch", it prints what a wake-up takes where both threads share one core.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker } from "node:worker_threads";
import { cpuCount, isMain, Lock, Queue, Semaphore, SharedMap } from "allcores";
import { BLOCKING } from "../../src/memory/layout.js";
import type { Heap } from "../../src/memory/heap.js";
import { createThreadHeap, renewThreadHeap } from "../../src/memory/thread-heap.js";
import "../../src/parking/index.js";
import { calibrate } from "../calibration.js";
import { median, middleHalf, perRound } from "../measure.js";
import type { Charges } from "./simulated-machine.js";
import type { Costs } from "./subjects.js";

const RUNS = 25;
const ROUNDS = 40_000;
const CALIBRATIONS = 3;
const RECORDS = 256;
const KEYS = 1000;
/** What giving a core to another thread takes where that cannot be measured: there is no `taskset`. */
const USUAL_SWITCH_NS = 2000;
const LEAST_SWITCH_NS = 500;
/** A spinning thread that is away for longer than this has lost its core. */
const AWAY_NS = 300_000;
const SLICES_MS = 1500;
const USUAL_SLICE_NS = 3e6;

export interface Constants {
  readonly charges: Charges;
  readonly costs: Costs;
}

/** Of short runs the shortest: whatever else the machine does only adds to what it charges. */
const least = (rounds: number, body: (rounds: number) => void): number => {
  perRound(1, 5 * rounds, body);
  return Math.min(...perRound(RUNS, rounds, body));
};

/** One operation of each, by this thread alone, over and over; and a SharedMap's get by itself. */
function alone(): Pick<Costs, "alone" | "read"> {
  const lock = new Lock();
  const semaphore = new Semaphore(2);
  const queue = new Queue<number>();
  const map = new SharedMap<number>();
  const keys = Array.from({ length: KEYS }, (_, key) => `key ${key}`);
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const costs = {
    lock: least(ROUNDS, (rounds) => {
      for (let round = 0; round < rounds; round++) {
        lock.acquireSync();
        counter[0] = counter[0]! + 1;
        lock.release();
      }
    }),
    semaphore: least(ROUNDS, (rounds) => {
      for (let round = 0; round < rounds; round++) {
        semaphore.acquireSync();
        semaphore.release();
      }
    }),
    queue:
      least(ROUNDS, (rounds) => {
        for (let round = 0; round < rounds; round++) {
          queue.putSync(round);
          queue.getSync();
        }
      }) / 2,
    SharedMap: least(ROUNDS / 3, (rounds) => {
      for (let round = 0; round < rounds; round++) {
        const key = keys[round % KEYS]!;
        map.set(key, round);
        map.get(key);
      }
    }),
  };
  const read = least(ROUNDS / 2, (rounds) => {
    for (let round = 0; round < rounds; round++) map.get(keys[round % KEYS]!);
  });
  return { alone: costs, read };
}

/** What the parts of a wait take, in a heap with many records. */
function parts(): { record: number; wait: number; look: number } {
  const buffers = createThreadHeap();
  const heaps = Array.from({ length: RECORDS }, () => renewThreadHeap(buffers) as Heap);
  const nodes = heaps.map((heap) => {
    const node = heap.self && heap.waitQueue.blockingNode();
    heap.waitQueue.arm(node, 1, BLOCKING);
    return node;
  });
  const heap = heaps[0]!;
  const { waitQueue } = heap;
  const record =
    least(500, (rounds) => {
      // Nobody waits for this key: the walk comes to its end.
      for (let round = 0; round < rounds; round++) waitQueue.wake(2, 1);
    }) / RECORDS;
  const node = nodes[0]!;
  waitQueue.withdraw(node);
  const wait = least(ROUNDS, (rounds) => {
    for (let round = 0; round < rounds; round++) {
      waitQueue.arm(node, 3, BLOCKING);
      waitQueue.withdraw(node);
    }
  });
  let found = 0;
  const look = least(ROUNDS, (rounds) => {
    for (let round = 0; round < rounds; round++) if (waitQueue.hasGrant(node)) found++;
  });
  if (found > 0) throw new Error("a node that nobody granted has a grant");
  return { record, wait, look };
}

const PARTNER = `
const { workerData: { words, rounds }, parentPort } = require("node:worker_threads");
parentPort.postMessage("ready");
for (let round = 1; round <= rounds; round++) {
  while (Atomics.load(words, 0) !== round);
  Atomics.store(words, 0, -round);
}
`;

/** A line that goes to the other core and back is two moves, each of them asked for and told of. */
async function move(): Promise<number> {
  const rounds = 100_000;
  const words = new Int32Array(new SharedArrayBuffer(4));
  const partner = new Worker(PARTNER, { eval: true, workerData: { words, rounds } });
  await once(partner, "message");
  const exchange = (from: number, to: number): number => {
    const start = process.hrtime.bigint();
    for (let round = from; round <= to; round++) {
      Atomics.store(words, 0, round);
      while (Atomics.load(words, 0) !== -round);
    }
    return Number(process.hrtime.bigint() - start) / (to - from + 1);
  };
  const samples: number[] = [];
  for (let from = 1; from <= rounds; from += 1000) samples.push(exchange(from, from + 999));
  await partner.terminate();
  return Math.min(...samples) / 4;
}

const SLEEPER = `
const { workerData: words, parentPort } = require("node:worker_threads");
parentPort.postMessage("ready");
for (let round = 0; Atomics.load(words, 1) === 0; round++) {
  Atomics.wait(words, 0, round);
  Atomics.add(words, 2, 1);
}
`;

/** What the call takes that wakes a sleeper. */
async function wakeCall(): Promise<number> {
  const words = new Int32Array(new SharedArrayBuffer(12));
  const sleeper = new Worker(SLEEPER, { eval: true, workerData: words });
  await once(sleeper, "message");
  const samples: number[] = [];
  for (let round = 1; round <= 1000; round++) {
    // Until it sleeps again.
    const until = performance.now() + 0.15;
    while (performance.now() < until);
    Atomics.store(words, 0, round);
    const start = process.hrtime.bigint();
    Atomics.notify(words, 0);
    samples.push(Number(process.hrtime.bigint() - start));
    while (Atomics.load(words, 2) < round);
  }
  Atomics.store(words, 1, 1);
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
  await once(sleeper, "exit");
  return middleHalf(samples)[0];
}

function wakeUpOnOneCore(): number | undefined {
  try {
    const program = fileURLToPath(import.meta.url);
    return Number(execFileSync("taskset", ["-c", "0", process.execPath, program, "switch"], { encoding: "utf8" }));
  } catch {
    return undefined;
  }
}

const SPINNER = `
const { parentPort } = require("node:worker_threads");
parentPort.postMessage("ready");
for (;;);
`;

/** How long a thread keeps its core while one thread more than there are cores wants one. */
async function timeSlice(): Promise<number> {
  const spinners = Array.from({ length: cpuCount() }, () => new Worker(SPINNER, { eval: true }));
  await Promise.all(spinners.map((spinner) => once(spinner, "message")));
  const slices: number[] = [];
  const end = performance.now() + SLICES_MS;
  let last = process.hrtime.bigint();
  let began = last;
  while (performance.now() < end) {
    const now = process.hrtime.bigint();
    if (Number(now - last) > AWAY_NS) {
      slices.push(Number(last - began));
      began = now;
    }
    last = now;
  }
  await Promise.all(spinners.map((spinner) => spinner.terminate()));
  return slices.length < 10 ? USUAL_SLICE_NS : median(slices);
}

/** Some fifteen seconds. */
export async function measureConstants(): Promise<Constants> {
  const atomicWords = new Int32Array(new SharedArrayBuffer(4));
  const atomic = least(ROUNDS, (rounds) => {
    for (let round = 0; round < rounds; round += 2) {
      Atomics.compareExchange(atomicWords, 0, 0, 1);
      Atomics.compareExchange(atomicWords, 0, 1, 0);
    }
  });
  const wakeUps: number[] = [];
  for (let turn = 0; turn < CALIBRATIONS; turn++) wakeUps.push((await calibrate()).wakeUpUs);
  const wakeUpUs = Math.min(...wakeUps);
  const onOne = wakeUpOnOneCore();
  const call = await wakeCall();
  const contextSwitch = onOne === undefined ? USUAL_SWITCH_NS : Math.max(LEAST_SWITCH_NS, onOne * 1000 - call);
  return {
    charges: {
      atomic,
      move: await move(),
      wakeCall: call,
      wakeUp: Math.max(0, wakeUpUs * 1000 - contextSwitch),
      contextSwitch,
      timeSlice: await timeSlice(),
    },
    costs: { ...alone(), ...parts() },
  };
}

if (isMain(import.meta) && isMainThread && process.argv[2] === "switch") console.log((await calibrate()).wakeUpUs);
