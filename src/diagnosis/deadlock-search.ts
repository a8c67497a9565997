/**
 * The search for circles of waits: when to look, what a find must show before it counts, and who of a circle acts.
 *
 * One of all who wait in a heap looks for all circles at once: the waiter that has the turn (see parking/turn.ts). Of
 * each circle it asks the one worker that has to act: the one that began to wait last. The one asked looks itself, and
 * its own looks are what counts. A searcher that dies costs the others one interval. One look shows that the waits of a
 * circle overlapped; a party may have got what it waits for just then, and not have said so yet. So a circle counts
 * only if it is found again and every party that it rests on has failed an attempt in between: at that attempt all the
 * others were waiting, and none of them could have ended this wait since.
 * Rejected: each wait looks for its own circle. That takes time with the square of the waits, or the cube.
 */
import { atomics, AWAITING, BLOCKING, HEADER, type Heap, monotonicMs } from "../memory/index.js";
import { Turn, workerInfo } from "../parking/index.js";
import { heapsInSight, settings } from "./settings.js";
import { type Circle, type Party, WaitGraph } from "./wait-graph.js";

/** The longest time between two looks on behalf of one wait: a party may go away long after the wait began. */
const LOOK_AT_LEAST_EVERY_MS = 10_000;
/**
 * Each worker that sees other programs' heaps looks from there too, so many milliseconds apart for each worker that
 * there is: all of them together take the same time however many they are.
 */
const OWN_VIEW_MS = 300;
/** Between two looks for all: by the one that has the turn, and before another takes it. */
const LOOK_EVERY_MS = 200;
const OVERDUE_MS = 1000;

/** A circle that counts, and who looked. */
export interface Found {
  readonly circle: Circle;
  readonly self: Party;
}

/** The circle that this thread found last. A thread is part of one at a time, even if its loop waits in both heaps. */
let known: string | undefined;

/** Whose turn it is to look, in each heap. */
const turns = new WeakMap<Heap, Turn>();

function turnIn(heap: Heap): Turn {
  let turn = turns.get(heap);
  if (turn === undefined) turns.set(heap, (turn = new Turn(HEADER.searched, LOOK_EVERY_MS, OVERDUE_MS)));
  return turn;
}

export class DeadlockSearch {
  readonly #heap: Heap;
  readonly #turn: Turn;
  readonly #since: number;
  #nextLook = 0;
  /** When it looked first, on the clock that all share: its wait record was up by then. */
  #upSince: number | undefined;
  /** Whether anybody has looked since. */
  #isSeen = false;
  /** Before this moment it looks for itself only if it suspects something. */
  #nextOwn = 0;
  #nextView = 0;
  #suspect: Suspect | undefined;

  /** For a wait of this worker's in `heap` that began at `since`. */
  constructor(heap: Heap, since: number) {
    this.#heap = heap;
    this.#turn = turnIn(heap);
    this.#since = since;
  }

  /** Looks, if it is time to: for all, or for itself if it was asked to. Each circle is found once. */
  look(now: number): Found | undefined {
    const { words } = this.#heap;
    if (now >= this.#nextLook && !this.#isServed(now)) atomics.store(words, HEADER.searchDue, 1);
    let graph: WaitGraph | undefined;
    if ((atomics.load(words, HEADER.searchDue) === 1 && this.#turn.take(words)) || this.#seesMore(now)) {
      // Before the look: who becomes due meanwhile wants another.
      atomics.store(words, HEADER.searchDue, 0);
      graph = new WaitGraph(heapsInSight());
      askActors(graph);
    }
    if (this.#suspect === undefined && (now < this.#nextOwn || !workerInfo.isAsked(this.#heap))) return undefined;
    workerInfo.answer(this.#heap);
    return this.#lookForItself(graph ?? new WaitGraph(heapsInSight()), now);
  }

  /** The wait is over: somebody else is to look. */
  end(): void {
    this.#turn.leave(this.#heap.words);
  }

  /**
   * Whether somebody has looked lately, and has seen this wait. A look serves all: so of many who wait for long, one
   * has to ask for the next. Rejected: a look for each wait after the moment when it is due. Those moments lie apart,
   * and a crowd has somebody look each second.
   */
  #isServed(now: number): boolean {
    const time = monotonicMs();
    this.#upSince ??= time;
    const looked = atomics.load(this.#heap.words, HEADER.searched);
    const ago = (time - looked) | 0;
    if (looked === 0 || ago < 0) return false;
    this.#isSeen ||= ((looked - this.#upSince) | 0) > 0;
    const left = this.#interval(now) - ago;
    if (!this.#isSeen || left <= 0) return false;
    this.#nextLook = now + left;
    return true;
  }

  /**
   * Whether it is time to look from here though it is not this worker's turn: who has other programs' heaps open may
   * see what the one that looks does not.
   */
  #seesMore(now: number): boolean {
    if (now < this.#nextView) return false;
    const workers = atomics.load(this.#heap.words, HEADER.workersHigh);
    this.#nextView = now + Math.max(LOOK_AT_LEAST_EVERY_MS, workers * OWN_VIEW_MS);
    return heapsInSight().some(({ isForeign }) => isForeign);
  }

  /** How long after one look another is due on behalf of this wait. */
  #interval(now: number): number {
    return Math.min(LOOK_AT_LEAST_EVERY_MS, (now - this.#since) / 4);
  }

  #lookForItself(graph: WaitGraph, now: number): Found | undefined {
    const before = this.#suspect;
    this.#suspect = undefined;
    const self = graph.partyOf(this.#heap, this.#heap.selfIfJoined);
    const circle = self && graph.circleOf(self);
    const suspect = circle && new Suspect(circle, self!);
    if (suspect === undefined || suspect.name === known) {
      this.#nextOwn = now + this.#interval(now);
      return undefined;
    }
    if (before?.name !== suspect.name || !suspect.hasLastedSince(before)) {
      // Compared with its first sight until all have moved on: of many parties some always have not since the last
      // look.
      if (before?.name === suspect.name && suspect.restsOn(before)) this.#suspect = before;
      else {
        this.#suspect = suspect;
        rouse(circle!.basis());
      }
      return undefined;
    }
    known = suspect.name;
    return { circle: circle!, self: self! };
  }
}

/** Asks of each circle the worker that has to act. Who is asked already has not come to it yet. */
function askActors(graph: WaitGraph): void {
  for (const circle of [...graph.circles(true), ...graph.circles(false)])
    for (const { heap, record, waitRecord } of actorOf(circle).waiting)
      workerInfo.ask(heap, record, waitRecord.flags & workerInfo.IDLE ? AWAITING : BLOCKING);
}

/** Has each party attempt once more, which tells whether it still waits. */
function rouse(parties: Iterable<Party>): void {
  for (const { waiting } of parties)
    for (const { heap, record, waitRecord } of waiting)
      if ((waitRecord.flags & workerInfo.IDLE) === 0) heap.ring(record, BLOCKING);
}

/**
 * The one of a circle who acts: who gets the error, or else who tells. All parties see the same circle and choose the
 * same one.
 */
export function actorOf(circle: Circle): Party {
  const victims = refusable(circle);
  return latest(victims.length > 0 ? victims : circle.members.map(({ party }) => party));
}

/** The parties of a circle whose waits end with an error, if they end at all; none where it is only told. */
export function refusable({ members, proven }: Circle): Party[] {
  if (!proven || settings().action !== "error") return [];
  return members
    .map(({ party }) => party)
    .filter(({ waiting }) => waiting.some(({ waitRecord }) => (waitRecord.flags & workerInfo.REFUSABLE) !== 0));
}

/** Of some parties the one who acts: which of several that began at once does not matter, if all choose the same. */
function latest(parties: readonly Party[]): Party {
  return parties.reduce((last, party) =>
    party.since > last.since || (party.since === last.since && party.key > last.key) ? party : last,
  );
}

/** A circle as it was at one look. */
class Suspect {
  /** The same for the same waits of the same workers. */
  readonly name: string;
  /** How often each other wait that it rests on had failed by then. */
  readonly #looks: ReadonlyMap<string, number>;

  constructor(circle: Circle, self: Party) {
    const waits = circle.members.flatMap(({ party }) =>
      party.waiting.map(({ waitRecord }) => `${party.key}:${waitRecord.block}:${waitRecord.generation}`),
    );
    this.name = `${circle.proven}:${waits.sort().join()}`;
    this.#looks = new Map(
      [...circle.basis()].flatMap((party) =>
        party === self
          ? []
          : party.waiting.map(({ waitRecord }): [string, number] => [
              `${party.key}:${waitRecord.block}:${waitRecord.generation}`,
              waitRecord.looks,
            ]),
      ),
    );
  }

  /** Whether it rests on nothing that it did not rest on at an earlier look. */
  restsOn(earlier: Suspect): boolean {
    return [...this.#looks.keys()].every((wait) => earlier.#looks.has(wait));
  }

  /** The same, and every other party that it rests on has attempted in vain since then. */
  hasLastedSince(earlier: Suspect): boolean {
    return this.restsOn(earlier) && [...this.#looks].every(([wait, looks]) => looks !== earlier.#looks.get(wait));
  }
}
