/**
 * A program of its own, under the condition "allcores-explored": counts what operations do to shared memory with so
 * many workers in the heap, and prints it as JSON.
 */
import { Handle } from "../../src/objects/handle.js";
import { placeOf, type Reach, reachOf, type SharedObject } from "../../src/objects/shared-object.js";
import { Lock, Queue, Semaphore, SharedMap } from "../../src/index.js";
import { BLOCKS_AT, REGISTRY_AT } from "../../src/memory/layout.js";
import { type Counts, Tally } from "./tally.js";

export interface CountedRow extends Counts {
  readonly operation: string;
  readonly workers: number;
}

/** The same object as the workers of the tally see it. */
type Everywhere<O> = readonly O[];

const WARM_UPS = 3;

class Counter {
  readonly rows: CountedRow[] = [];
  readonly #workers: number;

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** Counts one operation, in memory of its own. */
  count<O extends SharedObject>(
    operation: string,
    make: (reach: Reach) => O,
    attach: (handle: Handle) => O,
    run: (tally: Tally, objects: Everywhere<O>, others: Everywhere<Lock>) => Counts,
  ): void {
    const tally = new Tally(this.#workers, { from: REGISTRY_AT, to: BLOCKS_AT });
    const everywhere = <X extends SharedObject>(make: (reach: Reach) => X, attach: (handle: Handle) => X): X[] => {
      const objects: X[] = [];
      for (let worker = 0; worker < this.#workers; worker++)
        tally.as(worker, () => {
          const first = objects[0];
          const heap = tally.heapOf(worker);
          objects.push(first === undefined ? make(reachOf(heap)) : attach(new Handle(heap, placeOf(first), undefined)));
        });
      return objects;
    };
    const objects = everywhere(make, attach);
    const others = everywhere(
      (reach) => new Lock(reach),
      (handle) => Lock.attach(handle),
    );
    this.rows.push({ operation, workers: this.#workers, ...run(tally, objects, others) });
  }
}

/** Workers from `first` on fall asleep over another lock, which the first worker holds. */
function sleepElsewhere(tally: Tally, others: Everywhere<Lock>, first: number): void {
  tally.as(0, () => void others[0]!.acquireSync());
  for (let worker = first; worker < others.length; worker++) tally.as(worker, () => void others[worker]!.acquireSync());
}

/**
 * The second worker falls asleep, then the others, at the same thing or elsewhere; the first lets go, and the second
 * has it. Counted from its call on, without the others' calls.
 */
function handOver<O>(
  tally: Tally,
  objects: Everywhere<O>,
  others: Everywhere<Lock>,
  where: "there" | "elsewhere",
  take: (object: O) => void,
  give: (object: O) => void,
): Counts {
  tally.begin();
  tally.as(1, () => {
    tally.whileAsleep(() => {
      tally.pauseCounting(() => {
        if (where === "elsewhere") sleepElsewhere(tally, others, 2);
        else for (let worker = 2; worker < objects.length; worker++) tally.as(worker, () => take(objects[worker]!));
      });
      tally.as(0, () => give(objects[0]!));
    });
    take(objects[1]!);
  });
  return tally.end();
}

/** The first worker does it alone, while all others sleep elsewhere. */
function alone<O>(tally: Tally, objects: Everywhere<O>, others: Everywhere<Lock>, body: (object: O) => void): Counts {
  sleepElsewhere(tally, others, 1);
  for (let round = 0; round < WARM_UPS; round++) tally.as(0, () => body(objects[0]!));
  tally.begin();
  tally.as(0, () => body(objects[0]!));
  return tally.end();
}

/** Two workers by turns, who never wait. */
function byTurns<O>(tally: Tally, objects: Everywhere<O>, body: (object: O) => void): Counts {
  for (let round = 0; round < WARM_UPS; round++)
    for (const worker of [0, 1]) tally.as(worker, () => body(objects[worker]!));
  tally.begin();
  tally.as(0, () => body(objects[0]!));
  return tally.end();
}

/** Counts with so many workers, one table. */
export function countWith(workers: number): readonly CountedRow[] {
  const counter = new Counter(workers);
  const lock = [(reach: Reach) => new Lock(reach), (handle: Handle) => Lock.attach(handle)] as const;
  const semaphore = [(reach: Reach) => new Semaphore(1, reach), (handle: Handle) => Semaphore.attach(handle)] as const;
  const queue = [
    (reach: Reach) => new Queue<number>(reach),
    (handle: Handle) => Queue.attach(handle) as Queue<number>,
  ] as const;
  const map = [
    (reach: Reach) => new SharedMap<number>(reach),
    (handle: Handle) => SharedMap.attach(handle) as SharedMap<number>,
  ] as const;
  const cycle = (each: Lock): void => {
    each.acquireSync();
    each.release();
  };
  const permit = (each: Semaphore): void => {
    each.acquireSync();
    each.release();
  };
  const item = (each: Queue<number>): void => {
    each.putSync(1);
    each.getSync();
  };
  const entry = (each: SharedMap<number>): void => {
    each.set("key", 1);
    each.get("key");
  };

  counter.count("lock, alone", ...lock, (tally, objects, others) => alone(tally, objects, others, cycle));
  counter.count("lock, two by turns", ...lock, (tally, objects) => byTurns(tally, objects, cycle));
  counter.count("semaphore, alone", ...semaphore, (tally, objects, others) => alone(tally, objects, others, permit));
  counter.count("semaphore, two by turns", ...semaphore, (tally, objects) => byTurns(tally, objects, permit));
  counter.count("queue, put and get alone", ...queue, (tally, objects, others) => alone(tally, objects, others, item));
  counter.count("queue, two by turns", ...queue, (tally, objects) => byTurns(tally, objects, item));
  counter.count("SharedMap, set and get alone", ...map, (tally, objects, others) =>
    alone(tally, objects, others, entry),
  );
  counter.count("SharedMap, two by turns", ...map, (tally, objects) => byTurns(tally, objects, entry));
  for (const where of ["elsewhere", "there"] as const) {
    const rest = workers === 2 ? "" : `, the others sleep ${where}`;
    if (workers === 2 && where === "there") continue;
    counter.count(`lock, woken${rest}`, ...lock, (tally, objects, others) => {
      tally.as(0, () => void objects[0]!.acquireSync());
      return handOver(
        tally,
        objects,
        others,
        where,
        (each) => void each.acquireSync(),
        (each) => each.release(),
      );
    });
    counter.count(`semaphore, woken${rest}`, ...semaphore, (tally, objects, others) => {
      tally.as(0, () => void objects[0]!.acquireSync());
      return handOver(
        tally,
        objects,
        others,
        where,
        (each) => void each.acquireSync(),
        (each) => each.release(),
      );
    });
    counter.count(`queue, woken by a put${rest}`, ...queue, (tally, objects, others) =>
      handOver(
        tally,
        objects,
        others,
        where,
        (each) => void each.getSync(),
        (each) => each.putSync(1),
      ),
    );
  }
  return counter.rows;
}

if (process.argv[2] !== undefined) console.log(JSON.stringify(countWith(Number(process.argv[2]))));
