/**
 * Watches over the waits of this thread that last: has them stand on its worker info, looks for deadlocks, and ends
 * one's wait with an error or tells of it.
 */
import { insightInto, objectAround, originOf } from "../objects/index.js";
import { DeadlockError } from "../errors/index.js";
import { atomics, type Heap, realNow, realTimeOrigin } from "../memory/index.js";
import {
  workerInfo,
  type LongAwait,
  type LongWait,
  type LoopWatch,
  type Watch,
  watchLongWaits,
} from "../parking/index.js";
import { actorOf, DeadlockSearch, refusable } from "./deadlock-search.js";
import { dumpWhileBlocked } from "./dump-signal.js";
import { tell } from "./findings.js";
import { isIdle } from "./idle-loop.js";
import { stackHere, usersPart } from "./own-stack.js";
import { type Description, labelOf, reportOf } from "./report.js";
import { settings } from "./settings.js";

/** Over one blocking wait. */
class BlockingWatch implements Watch {
  readonly #wait: LongWait;
  readonly #heaps: readonly Heap[];
  readonly #search: DeadlockSearch;
  /** One in each heap, once it is up. */
  readonly #waitRecords = new Map<Heap, number>();

  constructor(wait: LongWait) {
    this.#wait = wait;
    this.#heaps = [...new Set(wait.places.map(({ heap }) => heap))];
    this.#search = new DeadlockSearch(this.#heaps[0]!, wait.since);
  }

  look(): void {
    let found: DeadlockError | undefined;
    try {
      found = this.#look();
    } catch {
      // No memory is left for a waitRecord, or what was read made no sense because it changed: the wait goes on as if
      // nobody had looked.
    }
    if (found !== undefined) throw found;
  }

  end(): void {
    for (const [heap, waitRecord] of this.#waitRecords) workerInfo.takeWaitRecord(heap, waitRecord);
    this.#search.end();
  }

  #look(): DeadlockError | undefined {
    const { since, deadline } = this.#wait;
    for (const [heap, waitRecord] of this.#waitRecords) workerInfo.lookedInVain(heap, waitRecord);
    dumpWhileBlocked();
    const now = realNow();
    const { after, action } = settings();
    if (action === "off" || now - since < after) return undefined;
    this.#putWaitRecords();
    if (deadline !== Number.POSITIVE_INFINITY || this.#waitRecords.size < this.#heaps.length) return undefined;
    const found = this.#search.look(now);
    if (found === undefined) return undefined;
    const { circle, self } = found;
    if (actorOf(circle) !== self) return undefined;
    if (refusable(circle).length > 0) {
      const report = reportOf(circle, self);
      tell(report, true);
      return new DeadlockError(report.text, report);
    }
    tell(reportOf(circle, undefined), false);
    return undefined;
  }

  #putWaitRecords(): void {
    const { places, since, deadline, refusable } = this.#wait;
    for (const heap of this.#heaps) {
      if (this.#waitRecords.has(heap)) continue;
      const known = places
        .filter((place) => place.heap === heap)
        .map(({ key }) => ({ key, around: objectAround(heap, key) }));
      // One was forgotten while it is waited for, and collected.
      if (!known.every(({ around }) => around !== undefined)) return;
      const stack = stackHere();
      const description: Description = {
        ...(stack === undefined ? {} : { stack }),
        objects: known.map(({ around }) => describe(around!.object, undefined)),
      };
      const waitRecord = workerInfo.putWaitRecord(heap, {
        waits: known.map(({ key, around }) => ({ at: around!.at, key })),
        flags:
          (refusable ? workerInfo.REFUSABLE : 0) |
          (deadline === Number.POSITIVE_INFINITY ? workerInfo.ENDLESS : 0) |
          (this.#heaps.length << workerInfo.HEAPS_SHIFT),
        since: realTimeOrigin + since,
        text: JSON.stringify(description),
      });
      if (waitRecord !== 0) this.#waitRecords.set(heap, waitRecord);
    }
  }
}

/** Over all that this thread's loop awaits from one heap: of interest once the loop has nothing else to do. */
class IdleWatch implements LoopWatch {
  readonly #heap: Heap;
  #search: DeadlockSearch | undefined;
  #waitRecord = 0;
  /** What its wait record says. */
  #loops = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  look(awaits: readonly LongAwait[], loops: number): void {
    try {
      this.#look(awaits, loops);
    } catch {
      // As for a blocking wait.
    }
  }

  end(): void {
    if (this.#waitRecord === 0) return;
    workerInfo.takeWaitRecord(this.#heap, this.#waitRecord);
    this.#waitRecord = 0;
    this.#search?.end();
    this.#search = undefined;
  }

  #look(awaits: readonly LongAwait[], loops: number): void {
    const now = realNow();
    const since = Math.max(...awaits.map(({ since }) => since));
    const { after, action } = settings();
    if (
      action === "off" ||
      awaits.length === 0 ||
      now - since < after ||
      awaits.length > workerInfo.MOST_WAITS ||
      !awaits.every(({ isEndless }) => isEndless) ||
      !isIdle(loops)
    ) {
      this.end();
      return;
    }
    // It awaits something elsewhere since.
    if (loops !== this.#loops) this.end();
    this.#loops = loops;
    if (this.#waitRecord === 0) this.#waitRecord = this.#putWaitRecord(awaits, since, loops);
    else workerInfo.lookedInVain(this.#heap, this.#waitRecord);
    if (this.#waitRecord === 0) return;
    this.#search ??= new DeadlockSearch(this.#heap, since);
    const found = this.#search.look(now);
    if (found !== undefined && actorOf(found.circle) === found.self) tell(reportOf(found.circle, undefined), false);
  }

  #putWaitRecord(awaits: readonly LongAwait[], since: number, loops: number): number {
    const heap = this.#heap;
    const known = awaits.map(({ key, origin }) => ({ key, origin, around: objectAround(heap, key) }));
    // What the library waits for in the user's stead, as a pool for results, anything may end.
    if (!known.every(({ around }) => isKnown(heap, around?.at))) return 0;
    const description: Description = {
      objects: known.map(({ origin, around }) => describe(around!.object, usersPart(origin?.stack))),
    };
    return workerInfo.putWaitRecord(heap, {
      waits: known.map(({ key, around }) => ({ at: around!.at, key })),
      flags: workerInfo.IDLE | workerInfo.ENDLESS | (loops << workerInfo.HEAPS_SHIFT),
      since: realTimeOrigin + since,
      text: JSON.stringify(description),
    });
  }
}

/** Whether something stands there that users wait for. */
function isKnown(heap: Heap, at: number | undefined): boolean {
  return at !== undefined && insightInto(heap.allocator.kindOf(at)) !== undefined;
}

function describe(object: object, stack: string | undefined): Description["objects"][number] {
  const label = labelOf(object);
  const created = usersPart(originOf(object));
  return {
    ...(label === undefined ? {} : { label }),
    ...(stack === undefined ? {} : { stack }),
    ...(created === undefined ? {} : { created }),
  };
}

if (!atomics.controlled) {
  watchLongWaits({
    blocks: (wait) => {
      const { places } = wait;
      const areKnown =
        places.length <= workerInfo.MOST_WAITS &&
        places.every(({ heap, key }) => isKnown(heap, objectAround(heap, key)?.at));
      return areKnown ? new BlockingWatch(wait) : undefined;
    },
    awaits: (heap) => new IdleWatch(heap),
  });
}
