/**
 * Data races: two accesses to the same cell of a `Value`, `SharedArray` or `Struct` by different workers, one of them a
 * plain assignment, that no synchronization orders. Found by vector clocks, as FastTrack does (Flanagan and Freund,
 * 2009): what a worker writes while it synchronizes carries its clock, who reads it takes it over.
 *
 * Reading and assigning (`value.value`, `array.set`, a field) are data; `add`, `compareExchange` and `update` are one
 * step each and synchronize. A plain reading beside them is no race: it sees one of the numbers that were there. Words
 * of the library's own order workers only where they belong to an object, since the allocator's and the registry's
 * would order everybody. A worker's record orders the waker that grants it a wake-up before its owner, which goes on
 * because of it.
 */
import { NOTIFY, READ, READ_DATA, UPDATE, WAIT, WAKE, WRITE, WRITE_DATA } from "../platform/controlled-atomics.js";
import { BLOCKS_AT } from "../memory/index.js";
import { CONTROL_MEMORY } from "./control-block.js";
import type { Trace } from "./trace.js";

export interface Race {
  readonly first: number;
  readonly second: number;
}

interface Cell {
  /** For each worker: when it last assigned, changed and read it, and at which decision. */
  readonly assigned: number[];
  readonly changed: number[];
  readonly read: number[];
  readonly decisions: Map<number, number>;
}

const FIRST_PLACE = BLOCKS_AT * 4;
const ASSIGNED = 0;
const CHANGED = 1;
const READS = 2;

/**
 * The first race of an execution, by the decisions of its two accesses. `recordOwner`: whose record a place of the
 * control region is part of.
 */
export function findRace(trace: Trace, recordOwner: (place: number) => number | undefined): Race | undefined {
  const data = new Set<number>();
  for (let decision = 0; decision < trace.length; decision++) {
    const operation = trace.operation(decision);
    if (operation === READ_DATA || operation === WRITE_DATA) data.add(trace.location(decision));
  }
  if (data.size === 0) return undefined;

  const { threads } = trace;
  const clocks = Array.from({ length: threads }, (_, thread) =>
    Array.from({ length: threads }, (_, other) => (other === thread ? 1 : 0)),
  );
  const released = new Map<number, number[]>();
  const cells = new Map<number, Cell>();

  const acquire = (clock: number[], location: number): void => {
    const theirs = released.get(location);
    if (theirs !== undefined)
      for (let thread = 0; thread < threads; thread++) clock[thread] = Math.max(clock[thread]!, theirs[thread]!);
  };
  const release = (clock: number[], location: number, thread: number): void => {
    const known = released.get(location);
    released.set(
      location,
      known === undefined ? [...clock] : known.map((time, other) => Math.max(time, clock[other]!)),
    );
    clock[thread]!++;
  };

  for (let decision = 0; decision < trace.length; decision++) {
    const operation = trace.operation(decision);
    const thread = trace.chosen(decision);
    const clock = clocks[thread]!;
    // A thread that takes over from a dead worker has learned of the death somehow, and does so after it.
    if (trace.killed(decision)) for (const other of clocks) other[thread] = clock[thread]!;
    if (operation === undefined) continue;
    const location = trace.location(decision);
    if (data.has(location)) {
      let cell = cells.get(location);
      if (cell === undefined)
        cells.set(
          location,
          (cell = { assigned: zeros(threads), changed: zeros(threads), read: zeros(threads), decisions: new Map() }),
        );
      const against = operation === WRITE_DATA ? [ASSIGNED, CHANGED, READS] : [ASSIGNED];
      for (const kind of against) {
        const times = kind === ASSIGNED ? cell.assigned : kind === CHANGED ? cell.changed : cell.read;
        for (let other = 0; other < threads; other++) {
          if (other !== thread && times[other]! > clock[other]!)
            return { first: cell.decisions.get(kind * threads + other)!, second: decision };
        }
      }
      const kind = operation === WRITE_DATA ? ASSIGNED : operation === READ_DATA ? READS : CHANGED;
      (kind === ASSIGNED ? cell.assigned : kind === READS ? cell.read : cell.changed)[thread] = clock[thread]!;
      cell.decisions.set(kind * threads + thread, decision);
      if (operation === READ_DATA || operation === WRITE_DATA) continue;
    }
    let takes = operation === READ || operation === UPDATE || operation === WAIT || operation === WAKE;
    let gives = operation === WRITE || operation === UPDATE || operation === NOTIFY;
    if (trace.memory(decision) === CONTROL_MEMORY && trace.place(decision) < FIRST_PLACE) {
      const owner = recordOwner(trace.place(decision));
      if (owner === undefined) continue;
      takes &&= owner === thread;
      gives &&= owner !== thread && trace.wrote(decision);
    }
    if (takes) acquire(clock, location);
    if (gives) release(clock, location, thread);
  }
  return undefined;
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}
