/**
 * Threads at one object, measured: what the simulation predicts. Each has compiled its code at an object of its own
 * before, so that the figures are of the crowd and not of cold code.
 */
import { Barrier, Lock, Queue, Semaphore, SharedMap, Thread, task } from "allcores";
import { median, now, spanOf } from "../measure.js";
import type { SubjectName } from "./subjects.js";

/** By each thread alone, before the first gate. */
const WARM_UP = 5000;
const KEYS = 1000;

export const MEASURED: readonly SubjectName[] = ["lock", "semaphore", "queue", "SharedMap"];

type Span = readonly [start: number, end: number];

interface Things {
  readonly lock: Lock;
  readonly semaphore: Semaphore;
  readonly queue: Queue<number>;
  readonly map: SharedMap<number>;
}

const makeThings = (): Things => ({
  lock: new Lock(),
  semaphore: new Semaphore(2),
  queue: new Queue<number>(),
  map: new SharedMap<number>(),
});

const keys = Array.from({ length: KEYS }, (_, key) => `key ${key}`);
const counter = new Int32Array(1);

const BODIES: Readonly<Record<SubjectName, (things: Things, rounds: number, number: number) => void>> = {
  lock({ lock }, rounds) {
    for (let round = 0; round < rounds; round++) {
      lock.acquireSync();
      counter[0] = counter[0]! + 1;
      lock.release();
    }
  },
  semaphore({ semaphore }, rounds) {
    for (let round = 0; round < rounds; round++) {
      semaphore.acquireSync();
      semaphore.release();
    }
  },
  queue({ queue }, rounds, number) {
    if (number % 2 === 0) for (let round = 0; round < rounds; round++) queue.putSync(round);
    else for (let round = 0; round < rounds; round++) queue.getSync();
  },
  SharedMap({ map }, rounds) {
    for (let round = 0; round < rounds; round++) {
      const key = keys[round % KEYS]!;
      map.set(key, round);
      map.get(key);
    }
  },
};

const attend = task(
  import.meta,
  function attend(gate: Barrier, things: Things, number: number, rounds: number, turns: number): Span[] {
    const own = makeThings();
    for (const subject of MEASURED) {
      BODIES[subject](own, WARM_UP, 0);
      if (subject === "queue") BODIES[subject](own, WARM_UP, 1);
    }
    for (const thing of Object.values(own)) thing.free();
    const spans: Span[] = [];
    for (let turn = 0; turn < turns; turn++) {
      for (const subject of MEASURED) {
        gate.waitSync();
        const start = now();
        BODIES[subject](things, rounds, number);
        spans.push([start, now()]);
      }
    }
    return spans;
  },
);

/** Nanoseconds of one operation, all threads together: the median of some turns. */
export async function measureCrowd(
  workers: number,
  operations: number,
  turns: number,
): Promise<Record<SubjectName, number>> {
  const gate = new Barrier(workers);
  const things = makeThings();
  const rounds = Math.ceil(operations / workers);
  const threads = Array.from({ length: workers }, (_, number) =>
    Thread.start(attend, gate, things, number, rounds, turns),
  );
  const spans = await Promise.all(threads.map((thread) => thread.join()));
  const perOperation = Object.fromEntries(
    MEASURED.map((subject, index) => [
      subject,
      median(
        Array.from(
          { length: turns },
          (_, turn) => (spanOf(spans.map((each) => each[turn * MEASURED.length + index]!)) * 1e9) / (rounds * workers),
        ),
      ),
    ]),
  );
  for (const thing of [...Object.values(things), gate]) (thing as Barrier).free();
  return perOperation as Record<SubjectName, number>;
}
