/**
 * Who waits for whom, across threads and processes, and who of them can never go on.
 *
 * The parties are threads, found by process and thread id in the registries of both heaps. Only one whose card carries the notice of an endless wait is taken for
 * waiting at all. Of those, the stuck ones are the greatest set in which
 *   - a wait that needs certain workers to let go (RLock, RWLock, the end of a worker) needs one of the set,
 *   - for every other wait all workers that have the object are of the set, and no message in flight carries it.
 * Nobody of such a set can go on, and nobody outside can help: a worker outside has none of the objects, and none of the set can give it one. Where a release by
 * others is possible but not to be expected (Lock, Semaphore), the same is computed with the present holders in the place of all who have the object: a suspicion.
 * Who waits for several things, a select or an event loop, goes on with the first that comes: each of its waits must be so.
 * For blocking waits this is the condition of Knapp's AND and OR models together ("Deadlock Detection in Distributed Databases", 1987).
 *
 * An event loop that waits counts only while it has nothing else to do, and only for a suspicion: what is unref'd may still wake it.
 * The graph is read while it changes. What makes it true is asked for afterwards: `isUnchanged`, and that every party has failed an attempt since (see deadlock-search.ts).
 */
import { cards, type Heap, insightInto, RECORD, RECORD_WORDS, REGISTRY_AT, atomics, HEADER } from "../memory/index.js";

/** A worker's place in one heap. */
export interface Seat {
  readonly heap: Heap;
  readonly record: number;
  readonly worker: number;
}

/** A wait on a card. */
export interface Waiting extends Seat {
  readonly notice: cards.FoundNotice;
}

/** One thread of the program. */
export class Party {
  /** Process id, thread id and start time. */
  readonly key: string;
  readonly seats: Seat[] = [];
  /** What its cards say. */
  readonly waiting: Waiting[] = [];
  constructor(key: string) {
    this.key = key;
  }

  /** Whether it cannot go on before what its notices say has come to pass. */
  get waitsForEver(): boolean {
    if (this.waiting.length === 0 || this.waiting.some(({ notice }) => (notice.flags & cards.ENDLESS) === 0)) return false;
    // Who waits in both heaps says so on two cards.
    return this.waiting.every(({ notice }) => this.waiting.length >= notice.flags >>> cards.HEAPS_SHIFT);
  }

  /** Whether it is this worker of a heap. */
  is(heap: Heap, worker: number): boolean {
    return this.seats.some((seat) => seat.heap === heap && seat.worker === worker);
  }

  /** Whether its thread is blocked. */
  get isBlocked(): boolean {
    return this.waiting.some(({ notice }) => (notice.flags & cards.IDLE) === 0);
  }

  /** When its wait began. */
  get since(): number {
    return Math.max(...this.waiting.map(({ notice }) => notice.since));
  }
}

/** What one wait of a party depends on. */
export interface Dependency {
  readonly waiting: Waiting;
  readonly at: number;
  readonly key: number;
  readonly parties: readonly Party[];
  /** `one`: it cannot end before any of them has gone on. `all`: each of them might end it. */
  readonly rule: "one" | "all";
}

/** Parties each of which waits, through the others, for itself. */
export interface Circle {
  readonly proven: boolean;
  readonly members: readonly { readonly party: Party; readonly dependencies: readonly Dependency[] }[];
}

export class WaitGraph {
  readonly parties = new Map<string, Party>();
  readonly #bySeat = new Map<Heap, Map<number, Party>>();
  readonly #referentsOf = new Map<Heap, Map<number, readonly Party[]>>();

  constructor(heaps: readonly Heap[]) {
    for (const heap of heaps) this.#read(heap);
  }

  #read(heap: Heap): void {
    heap.catchUp();
    const { words } = heap;
    const bySeat = new Map<number, Party>();
    this.#bySeat.set(heap, bySeat);
    this.#referentsOf.set(heap, new Map());
    const high = atomics.load(words, HEADER.workersHigh);
    for (let slot = 1; slot < high; slot++) {
      const record = REGISTRY_AT + slot * RECORD_WORDS;
      const worker = cards.livingIn(heap, record);
      if (worker === 0) continue;
      const key = `${words[record + RECORD.pid]}.${words[record + RECORD.tid]}.${words[record + RECORD.startTime]}`;
      let party = this.parties.get(key);
      if (party === undefined) this.parties.set(key, (party = new Party(key)));
      const seat = { heap, record, worker };
      party.seats.push(seat);
      bySeat.set(worker, party);
      const notice = cards.findNotice(heap, record);
      if (notice !== undefined) party.waiting.push({ ...seat, notice });
    }
  }

  /** The party whose worker id in a heap this is. */
  partyOf(heap: Heap, worker: number): Party | undefined {
    return this.#bySeat.get(heap)?.get(worker);
  }

  /** The calling thread's. */
  own(heap: Heap): Party | undefined {
    return this.partyOf(heap, heap.selfIfJoined);
  }

  /** The circle of those who can never go on that `start` is one of. */
  circleOf(start: Party): Circle | undefined {
    return this.#circle(start, true) ?? this.#circle(start, false);
  }

  /** Whether none of their waits has ended since the graph was read, and none of them has died. */
  isUnchanged(members: Iterable<Party>): boolean {
    for (const { waiting } of members) {
      for (const { heap, record, worker, notice } of waiting) {
        if (!cards.isOn(heap, record, notice) || !heap.registry.confirmAlive(worker)) return false;
      }
    }
    return true;
  }

  #circle(start: Party, proven: boolean): Circle | undefined {
    const dependencies = this.#reachable(start, proven);
    const stuck = new Set(dependencies.keys());
    for (let before = -1; before !== stuck.size; ) {
      before = stuck.size;
      for (const party of stuck) {
        const holds = dependencies
          .get(party)!
          .every(({ parties, rule }) =>
            rule === "one" ? parties.some((each) => stuck.has(each)) : parties.length > 0 && parties.every((each) => stuck.has(each)),
          );
        if (!holds) stuck.delete(party);
      }
    }
    if (!stuck.has(start)) return undefined;
    const ahead = new Map<Party, Party[]>();
    const behind = new Map<Party, Party[]>();
    for (const from of stuck) {
      const next = dependencies.get(from)!.flatMap(({ parties }) => parties.filter((to) => stuck.has(to)));
      ahead.set(from, next);
      for (const to of next) behind.set(to, [...(behind.get(to) ?? []), from]);
    }
    const back = closure(start, behind);
    const members = [...closure(start, ahead)].filter((party) => back.has(party));
    if (members.length === 0 || !this.isUnchanged(stuck)) return undefined;
    return { proven, members: members.map((party) => ({ party, dependencies: dependencies.get(party)! })) };
  }

  /** What `start` depends on, and those in their turn, as far as they wait for ever. */
  #reachable(start: Party, proven: boolean): Map<Party, Dependency[]> {
    const found = new Map<Party, Dependency[]>();
    for (const next = [start]; next.length > 0; ) {
      const party = next.pop()!;
      if (found.has(party) || !party.waitsForEver || (proven && !party.isBlocked)) continue;
      const dependencies = party.waiting.flatMap((waiting) => waiting.notice.waits.map(({ at, key }) => this.#dependency(waiting, at, key, proven)));
      found.set(party, dependencies);
      for (const { parties } of dependencies) next.push(...parties);
    }
    return found;
  }

  #dependency(waiting: Waiting, at: number, key: number, proven: boolean): Dependency {
    const { heap } = waiting;
    const holders = insightInto(heap.allocator.kindOf(at))?.holders?.(heap, at, key);
    const base = { waiting, at, key };
    if (holders !== undefined && (holders.firm || !proven)) {
      const parties = holders.workers.map((worker) => this.partyOf(heap, worker));
      const known = parties.filter((party) => party !== undefined);
      // A holder that is no living worker any more holds nobody up.
      if (!holders.firm && known.length < parties.length) return { ...base, parties: [], rule: "all" };
      return { ...base, parties: known, rule: holders.firm ? "one" : "all" };
    }
    return { ...base, parties: this.#referents(heap, at), rule: "all" };
  }

  /** All who have the object; nobody when a message has it too, or a worker that nobody knows. */
  #referents(heap: Heap, at: number): readonly Party[] {
    const known = this.#referentsOf.get(heap)!;
    let parties = known.get(at);
    if (parties === undefined) known.set(at, (parties = this.#findReferents(heap, at)));
    return parties;
  }

  #findReferents(heap: Heap, at: number): Party[] {
    // Somebody who has neither it nor a hold on it may come to have it.
    if (heap.allocator.isLent(at) || heap.words[HEADER.ofMachine] === 1) return [];
    const found = new Set<Party>();
    let entries = 0;
    for (const party of this.parties.values()) {
      for (const seat of party.seats) {
        if (seat.heap !== heap) continue;
        const times = heap.references.isIn(seat.record, at);
        entries += times;
        if (times > 0) found.add(party);
      }
    }
    // The count is read after the ledgers. If all who were found are stuck, theirs do not change, so that an equal count leaves nobody else.
    return entries === heap.allocator.referencesTo(at) ? [...found] : [];
  }
}

/** What is reached from `start` in one step or more. */
function closure(start: Party, steps: ReadonlyMap<Party, readonly Party[]>): Set<Party> {
  const reached = new Set<Party>();
  for (const next = [start]; next.length > 0; ) {
    for (const party of steps.get(next.pop()!) ?? []) {
      if (reached.has(party)) continue;
      reached.add(party);
      next.push(party);
    }
  }
  return reached;
}
