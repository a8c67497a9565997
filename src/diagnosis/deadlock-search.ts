/**
 * One wait's search for the circle that it is part of: when to look, what a find must show before it counts, and who of the circle acts.
 *
 * One look shows that the waits of a circle overlapped; a party may have got what it waits for just then, and not have said so yet. So a circle counts only if it is found
 * again and every party of it has failed an attempt in between: at that attempt all the others were waiting, and none of them could have ended this wait since.
 * All parties see the same circle and choose the same one of them: who began to wait last.
 */
import { cards, type Heap } from "../memory/index.js";
import { heapsInSight } from "./settings.js";
import { type Circle, type Party, WaitGraph } from "./wait-graph.js";

/** The longest time between two looks of one wait: a party may go away long after the wait began. */
const LOOK_AT_LEAST_EVERY_MS = 10_000;

/** A circle that counts, and who looked. */
export interface Found {
  readonly circle: Circle;
  readonly self: Party;
}

/** The circle that this thread found last. A thread is part of one at a time, even if its loop waits in both heaps. */
let known: string | undefined;

export class DeadlockSearch {
  readonly #heap: Heap;
  readonly #since: number;
  #nextLook = 0;
  #suspect: Suspect | undefined;

  /** For a wait of this worker's in `heap` that began at `since`. */
  constructor(heap: Heap, since: number) {
    this.#heap = heap;
    this.#since = since;
  }

  /** Looks, if it is time to. Each circle is found once. */
  look(now: number): Found | undefined {
    if (now < this.#nextLook) return undefined;
    const before = this.#suspect;
    this.#suspect = undefined;
    this.#nextLook = now + Math.min(LOOK_AT_LEAST_EVERY_MS, (now - this.#since) / 4);
    const graph = new WaitGraph(heapsInSight());
    const self = graph.partyOf(this.#heap, this.#heap.selfIfJoined);
    const circle = self && graph.circleOf(self);
    if (circle === undefined) return undefined;
    const suspect = new Suspect(circle, self!);
    if (suspect.name === known) return undefined;
    if (before?.name !== suspect.name || !suspect.hasLastedSince(before)) {
      // Compared with its first sight until all have moved on: of many parties some always have not since the last look.
      this.#suspect = before?.name === suspect.name ? before : suspect;
      this.#nextLook = 0;
      return undefined;
    }
    known = suspect.name;
    return { circle, self: self! };
  }
}

/** Of some parties the one who acts: which of several that began at once does not matter, if all choose the same. */
export function latest(parties: readonly Party[]): Party {
  return parties.reduce((last, party) => (party.since > last.since || (party.since === last.since && party.key > last.key) ? party : last));
}

/** The parties of a circle whose waits may end with an error. */
export function refusable({ members }: Circle): Party[] {
  return members.map(({ party }) => party).filter(({ waiting }) => waiting.some(({ notice }) => (notice.flags & cards.REFUSABLE) !== 0));
}

/** A circle as it was at one look. */
class Suspect {
  /** The same for the same waits of the same workers. */
  readonly name: string;
  readonly #looks: ReadonlyMap<string, number>;

  constructor({ members, proven }: Circle, self: Party) {
    const waits = members.flatMap(({ party }) => party.waiting.map(({ notice }) => `${party.key}:${notice.block}:${notice.generation}`));
    this.name = `${proven}:${waits.sort().join()}`;
    this.#looks = new Map(
      members.filter(({ party }) => party !== self).map(({ party }) => [party.key, party.waiting.reduce((sum, { notice }) => sum + notice.looks, 0)]),
    );
  }

  /** Whether every other party of the same circle has attempted in vain since an earlier look. */
  hasLastedSince(earlier: Suspect): boolean {
    return [...this.#looks].every(([key, looks]) => looks !== earlier.#looks.get(key));
  }
}
