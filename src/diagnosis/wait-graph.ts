/**
 * Who waits for whom, across threads and processes, and who of them can never go on.
 *
 * The parties are threads, found by process and thread id in the registries of both heaps. Only one whose worker info
 * carries the wait record of an endless wait is taken for waiting at all. Of those, the stuck ones are the greatest set
 * in which
 *   - a wait that needs certain workers to let go (RLock, RWLock, the end of a worker) needs one of the set,
 *   - for every other wait all workers that have the object are of the set, and no message in flight carries it.
 * Nobody of such a set can go on, and nobody outside can help: a worker outside has none of the objects, and none of
 * the set can give it one. Where a release by others is possible but not to be expected (Lock, Semaphore), the same is
 * computed with the present holders in the place of all who have the object: a suspicion. Who waits for several things,
 * a select or an event loop, goes on with the first that comes: each of its waits must be so. For blocking waits this
 * is the condition of Knapp's AND and OR models together ("Deadlock Detection in Distributed Databases", 1987).
 *
 * An event loop that waits counts only while it has nothing else to do, and only for a suspicion: what is unref'd may
 * still wake it. The graph is read while it changes. What makes it true is asked for afterwards: `isUnchanged`, and
 * that every party has failed an attempt since (see deadlock-search.ts).
 */
import { type Heap, RECORD, RECORD_WORDS, REGISTRY_AT, atomics, HEADER } from "../memory/index.js";
import { livingIn, workerInfo } from "../parking/index.js";
import { insightInto } from "../objects/index.js";

/** A worker's place in one heap. */
export interface Seat {
  readonly heap: Heap;
  readonly record: number;
  readonly worker: number;
}

/** A wait on a worker info. */
export interface Waiting extends Seat {
  readonly waitRecord: workerInfo.FoundWaitRecord;
}

/** One thread of the program. */
export class Party {
  /** Process id, thread id and start time. */
  readonly key: string;
  readonly seats: Seat[] = [];
  /** What its worker infos say. */
  readonly waiting: Waiting[] = [];
  constructor(key: string) {
    this.key = key;
  }

  /** Whether it cannot go on before what its wait records say has come to pass. */
  get waitsForEver(): boolean {
    // A wait record of no wait at all names nothing that could keep it from going on.
    if (
      this.waiting.length === 0 ||
      this.waiting.some(
        ({ waitRecord }) => (waitRecord.flags & workerInfo.ENDLESS) === 0 || waitRecord.waits.length === 0,
      )
    )
      return false;
    // Who waits in both heaps says so on two workerInfo.
    return this.waiting.every(({ waitRecord }) => this.waiting.length >= waitRecord.flags >>> workerInfo.HEAPS_SHIFT);
  }

  /** Whether it is this worker of a heap. */
  is(heap: Heap, worker: number): boolean {
    return this.seats.some((seat) => seat.heap === heap && seat.worker === worker);
  }

  /** Whether its thread is blocked. */
  get isBlocked(): boolean {
    return this.waiting.some(({ waitRecord }) => (waitRecord.flags & workerInfo.IDLE) === 0);
  }

  /** When its wait began. */
  get since(): number {
    return Math.max(...this.waiting.map(({ waitRecord }) => waitRecord.since));
  }
}

/** Whom the waits for one key depend on; one for all of them. */
export interface Need {
  readonly parties: readonly Party[];
  /** `one`: none of the waits can end before any of them has gone on. `all`: each of them might end it. */
  readonly rule: "one" | "all";
}

/** What one wait of a party depends on. */
export interface Dependency {
  readonly waiting: Waiting;
  readonly at: number;
  readonly key: number;
  readonly need: Need;
}

/** Parties each of which waits, through the others, for itself. */
export interface Circle {
  readonly proven: boolean;
  readonly members: readonly { readonly party: Party; readonly dependencies: readonly Dependency[] }[];
  /** All whose waiting makes it one: the members, and whom they depend on besides. */
  basis(): ReadonlySet<Party>;
}

export class WaitGraph {
  readonly parties = new Map<string, Party>();
  readonly #bySeat = new Map<Heap, Map<number, Party>>();
  readonly #referentsOf = new Map<Heap, Map<number, readonly Party[]>>();
  readonly #circles = new Map<boolean, readonly Circle[]>();

  constructor(heaps: readonly Heap[]) {
    for (const heap of heaps) this.#read(heap);
  }

  #read(heap: Heap): void {
    heap.catchUp();
    const { words } = heap;
    const bySeat = new Map<number, Party>();
    this.#bySeat.set(heap, bySeat);
    const high = atomics.load(words, HEADER.workersHigh);
    for (let slot = 1; slot < high; slot++) {
      const record = REGISTRY_AT + slot * RECORD_WORDS;
      const worker = livingIn(heap, record);
      if (worker === 0) continue;
      const key = `${words[record + RECORD.pid]}.${words[record + RECORD.tid]}.${words[record + RECORD.startTime]}`;
      let party = this.parties.get(key);
      if (party === undefined) this.parties.set(key, (party = new Party(key)));
      const seat = { heap, record, worker };
      party.seats.push(seat);
      bySeat.set(worker, party);
      const waitRecord = workerInfo.findWaitRecord(heap, record);
      if (waitRecord !== undefined) party.waiting.push({ ...seat, waitRecord });
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
    const hasStart = ({ members }: Circle) => members.some(({ party }) => party === start);
    const circle = this.circles(true).find(hasStart) ?? this.circles(false).find(hasStart);
    return circle !== undefined && this.isUnchanged(circle.basis()) ? circle : undefined;
  }

  /** Whether none of their waits has ended since the graph was read, and none of them has died. */
  isUnchanged(members: Iterable<Party>): boolean {
    for (const { waiting } of members) {
      for (const { heap, record, worker, waitRecord } of waiting) {
        if (!workerInfo.isOn(heap, record, waitRecord) || !heap.registry.confirmAlive(worker)) return false;
      }
    }
    return true;
  }

  /**
   * All circles of those who can never go on: proven ones, or suspicions. Takes time in proportion to what is waited
   * for and to the ledgers, not to their product.
   */
  circles(proven: boolean): readonly Circle[] {
    let circles = this.#circles.get(proven);
    if (circles === undefined) this.#circles.set(proven, (circles = this.#findCircles(proven)));
    return circles;
  }

  #findCircles(proven: boolean): Circle[] {
    const dependencies = new Map<Party, Dependency[]>();
    const needs = new Map<Heap, Map<number, Need>>();
    for (const party of this.parties.values()) {
      if (!party.waitsForEver || (proven && !party.isBlocked)) continue;
      dependencies.set(
        party,
        party.waiting.flatMap((waiting) =>
          waiting.waitRecord.waits.map(({ at, key }) => ({
            waiting,
            at,
            key,
            need: this.#need(needs, waiting.heap, at, key, proven),
          })),
        ),
      );
    }
    const stuck = stuckAmong(dependencies);
    const steps = (node: Party | Need) =>
      node instanceof Party
        ? dependencies.get(node)!.map(({ need }) => need)
        : node.parties.filter((party) => stuck.has(party));
    return circlesAmong(stuck, steps).map((parties) => ({
      proven,
      members: parties.map((party) => ({ party, dependencies: dependencies.get(party)! })),
      basis: () => reachedFrom(parties[0]!, steps),
    }));
  }

  #need(known: Map<Heap, Map<number, Need>>, heap: Heap, at: number, key: number, proven: boolean): Need {
    let needs = known.get(heap);
    if (needs === undefined) known.set(heap, (needs = new Map()));
    let need = needs.get(key);
    if (need === undefined) needs.set(key, (need = this.#findNeed(heap, at, key, proven)));
    return need;
  }

  #findNeed(heap: Heap, at: number, key: number, proven: boolean): Need {
    const holders = insightInto(heap.allocator.kindOf(at))?.holders?.(heap, at, key);
    if (holders === undefined || (proven && !holders.firm)) return { parties: this.#referents(heap, at), rule: "all" };
    const parties = holders.workers.map((worker) => this.partyOf(heap, worker)).filter((party) => party !== undefined);
    // A holder that is no living worker any more holds nobody up.
    if (!holders.firm && parties.length < holders.workers.length) return { parties: [], rule: "all" };
    return { parties, rule: holders.firm ? "one" : "all" };
  }

  /** All who have the object; nobody when a message has it too, or a worker that nobody knows. */
  #referents(heap: Heap, at: number): readonly Party[] {
    let known = this.#referentsOf.get(heap);
    if (known === undefined) this.#referentsOf.set(heap, (known = this.#findReferents(heap)));
    return known.get(at) ?? [];
  }

  /** Of all that is waited for in a heap, in one way through the ledgers. */
  #findReferents(heap: Heap): Map<number, readonly Party[]> {
    const found = new Map<number, { parties: Set<Party>; entries: number }>();
    // Somebody who has neither it nor a hold on it may come to have what is of the machine's heap, or lent.
    if (heap.words[HEADER.ofMachine] === 1) return new Map();
    for (const { waiting } of this.parties.values())
      for (const { heap: of, waitRecord } of waiting)
        if (of === heap) for (const { at } of waitRecord.waits) found.set(at, { parties: new Set(), entries: 0 });
    for (const party of this.parties.values()) {
      for (const seat of party.seats) {
        if (seat.heap !== heap) continue;
        heap.references.eachIn(seat.record, (at) => {
          const referents = found.get(at);
          if (referents === undefined) return;
          referents.entries++;
          referents.parties.add(party);
        });
      }
    }
    // The counts are read after the ledgers. If all who were found are stuck, theirs do not change, so that an equal
    // count leaves nobody else.
    return new Map(
      [...found].map(([at, { parties, entries }]) => [
        at,
        !heap.allocator.isLent(at) && entries === heap.allocator.referencesTo(at) ? [...parties] : [],
      ]),
    );
  }
}

/**
 * The greatest set of parties in which each need of each is one of the set's. A party that may go on is taken out, and
 * then those that only it held up.
 */
function stuckAmong(dependencies: ReadonlyMap<Party, readonly Dependency[]>): Set<Party> {
  const waiters = new Map<Need, Party[]>();
  for (const [party, each] of dependencies) for (const { need } of each) listed(waiters, need).push(party);
  /** How many of the set each need has; it is met, and taken out, when there are too few. */
  const left = new Map<Need, number>();
  const met: Need[] = [];
  const concerned = new Map<Party, Need[]>();
  for (const need of waiters.keys()) {
    const { parties, rule } = need;
    const held = parties.filter((party) => dependencies.has(party));
    if (held.length === 0 || (rule === "all" && held.length < parties.length)) {
      met.push(need);
      continue;
    }
    left.set(need, held.length);
    for (const party of held) listed(concerned, party).push(need);
  }
  const stuck = new Set(dependencies.keys());
  for (let need = met.pop(); need !== undefined; need = met.pop()) {
    for (const party of waiters.get(need)!) {
      if (!stuck.delete(party)) continue;
      for (const other of concerned.get(party) ?? []) {
        const count = left.get(other);
        if (count === undefined) continue;
        left.set(other, count - 1);
        if (other.rule === "one" && count > 1) continue;
        left.delete(other);
        met.push(other);
      }
    }
  }
  return stuck;
}

function listed<K, V>(lists: Map<K, V[]>, key: K): V[] {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, (list = []));
  return list;
}

/**
 * The parties of each circle: strongly connected components (Tarjan, "Depth-first search and linear graph algorithms",
 * 1972), without the recursion.
 */
function circlesAmong(roots: Iterable<Party>, steps: (node: Party | Need) => readonly (Party | Need)[]): Party[][] {
  const circles: Party[][] = [];
  const numbers = new Map<Party | Need, number>();
  const lowest = new Map<Party | Need, number>();
  const open = new Set<Party | Need>();
  const trail: (Party | Need)[] = [];
  const path: { node: Party | Need; next: Iterator<Party | Need> }[] = [];
  const enter = (node: Party | Need) => {
    lowest.set(node, numbers.size);
    numbers.set(node, numbers.size);
    open.add(node);
    trail.push(node);
    path.push({ node, next: steps(node)[Symbol.iterator]() });
  };
  const lower = (node: Party | Need, to: number) => lowest.set(node, Math.min(lowest.get(node)!, to));
  for (const root of roots) {
    if (!numbers.has(root)) enter(root);
    while (path.length > 0) {
      const { node, next } = path.at(-1)!;
      const step = next.next();
      if (step.done !== true) {
        if (!numbers.has(step.value)) enter(step.value);
        else if (open.has(step.value)) lower(node, numbers.get(step.value)!);
        continue;
      }
      path.pop();
      const before = path.at(-1);
      if (before !== undefined) lower(before.node, lowest.get(node)!);
      if (lowest.get(node) !== numbers.get(node)) continue;
      const component: (Party | Need)[] = [];
      do component.push(trail.pop()!);
      while (component.at(-1) !== node);
      for (const each of component) open.delete(each);
      // Parties and needs take turns, so that even who waits for itself is not alone in it.
      if (component.length > 1) circles.push(component.filter((each) => each instanceof Party));
    }
  }
  return circles;
}

/** All parties that are reached from `start`, itself too. */
function reachedFrom(start: Party, steps: (node: Party | Need) => readonly (Party | Need)[]): Set<Party> {
  const reached = new Set<Party | Need>([start]);
  for (const node of reached) for (const next of steps(node)) reached.add(next);
  return new Set([...reached].filter((node) => node instanceof Party));
}
