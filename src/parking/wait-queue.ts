/**
 * Who waits for what: waiter nodes in the records of the workers, found by key.
 *
 * Every transition is one CAS on the state of a node (see node-state.ts).
 * There are no links and no lock, so a worker killed anywhere leaves nothing half done: its nodes are skipped once it
 * is known dead, and grants that it had won but not taken are passed on by the sweep. The price is a scan over the
 * workers for each wake-up, paid only when somebody waits.
 * Rejected: a linked list per primitive (an unlink cut off in the middle needs a journal), and waiting on the
 * primitive's own word (an abandoned `Atomics.waitAsync` cannot be withdrawn and swallows a wake-up that was meant for
 * a live waiter).
 */
import { add, compareExchange, load, store } from "#atomics";
import { type Heap, onHeap } from "../memory/heap.js";
import {
  type AWAITING,
  BLOCKING,
  PENDING_MASK,
  PENDING_ONE,
  PRIORITY_SHIFT,
  HEADER,
  INLINE_NODES,
  KIND_MASK,
  MAX_WORKERS,
  NODE,
  NODE_BLOCK,
  NODE_WORDS,
  NODES_PER_BLOCK,
  RECORD,
  RECORD_WORDS,
  recordOf,
  REGISTRY_AT,
} from "../memory/layout.js";
import { comesAfter, type FirstNode, firstWaiter } from "./first-waiter.js";
import { contain } from "../memory/mishap.js";
import { Walk } from "../memory/walk.js";
import { COUNT_MASK, grantedIn, SEQUENCE_ONE, WANTED_ONE, wantedIn } from "./node-state.js";
import { isAliveIn } from "./records.js";
import { VacantNodes } from "./vacant-nodes.js";
import { type ArmedNode, armedIn, eachLivingNode, eachNode, hasNodes } from "./worker-nodes.js";

/** A waiter looks no older than so many tickets: twice as many would make it look young. */
const OLDEST = 2 ** 30;

declare module "../memory/heap.js" {
  interface Heap {
    readonly waitQueue: WaitQueue;
  }
}

onHeap((heap) => void Object.assign(heap, { waitQueue: new WaitQueue(heap) }));

export class WaitQueue {
  readonly #heap: Heap;
  readonly #vacant: VacantNodes;
  /** How the one waits who was woken last. */
  #wokenKind = 0;
  constructor(heap: Heap) {
    this.#heap = heap;
    this.#vacant = new VacantNodes(heap);
  }

  /** The node of the calling thread's blocking wait. */
  blockingNode(): number {
    const { words } = this.#heap;
    const record = this.#heap.record;
    if (words[record + RECORD.nodesHigh] === 0) store(words, record + RECORD.nodesHigh, 1);
    return record + RECORD.nodes;
  }

  /** A node for awaiting callers of this thread's event loop. */
  takeNode(): number {
    return this.#vacant.take();
  }

  /** Whether so many nodes can be taken without waiting for a stopped worker, who may be inside the allocator. */
  canTakeNodes(count: number): boolean {
    return this.#vacant.canTake(count);
  }

  /** Gives back a node that wants nothing. */
  putNode(node: number): void {
    this.#vacant.put(node);
  }

  /**
   * One more waiter at this node. The first one sets the key, the ticket and the priority, before the state makes the
   * node visible.
   */
  arm(node: number, key: number, kind: typeof BLOCKING | typeof AWAITING, priority = 0): void {
    const { words } = this.#heap;
    let state = load(words, node + NODE.state);
    if (wantedIn(state) === 0) {
      words[node + NODE.key] = key;
      words[node + NODE.ticket] = add(words, HEADER.ticket, 1);
      // A wake-up that this node's last waiter has pending stays there: the key is the same then.
      words[node + NODE.kind] = (words[node + NODE.kind]! & PENDING_MASK) | kind | (priority << PRIORITY_SHIFT);
      store(words, node + NODE.state, ((state + SEQUENCE_ONE) & ~(SEQUENCE_ONE - 1)) | WANTED_ONE);
      return;
    }
    for (;;) {
      const seen = compareExchange(words, node + NODE.state, state, state + WANTED_ONE);
      if (seen === state) return;
      state = seen;
    }
  }

  /**
   * A waiter that stands for long keeps its place while the tickets wrap: called at each of its looks. Only its worker
   * writes the ticket.
   */
  keepPlace(node: number): void {
    const { words } = this.#heap;
    const oldest = (load(words, HEADER.ticket) - OLDEST) | 0;
    if (((words[node + NODE.ticket]! - oldest) | 0) < 0) words[node + NODE.ticket] = oldest;
  }

  hasGrant(node: number): boolean {
    return grantedIn(load(this.#heap.words, node + NODE.state)) > 0;
  }

  /**
   * Uses every grant that has come; returns how many, pending from here on. The waiters stay armed, and keep their
   * place, until they withdraw.
   */
  useGrants(node: number): number {
    const { words } = this.#heap;
    let state = load(words, node + NODE.state);
    if (grantedIn(state) === 0) return 0;
    const kind = words[node + NODE.kind]!;
    for (;;) {
      const granted = grantedIn(state);
      words[node + NODE.kind] = kind + granted * PENDING_ONE;
      const seen = compareExchange(words, node + NODE.state, state, state - granted);
      if (seen === state) return granted;
      state = seen;
    }
  }

  /** One waiter leaves. True when a grant was already meant for it: it is pending, to be used or passed on. */
  withdraw(node: number): boolean {
    const { words } = this.#heap;
    const kind = words[node + NODE.kind]!;
    for (let state = load(words, node + NODE.state), counted = false; ; ) {
      const won = grantedIn(state) === wantedIn(state);
      if (won !== counted) words[node + NODE.kind] = won ? kind + PENDING_ONE : kind;
      counted = won;
      const seen = compareExchange(words, node + NODE.state, state, state - WANTED_ONE - (won ? 1 : 0));
      if (seen === state) return won;
      state = seen;
    }
  }

  /** So many pending grants were used with success, or have been passed on. */
  putDown(node: number, count = 1): void {
    this.#heap.words[node + NODE.kind]! -= count * PENDING_ONE;
  }

  /** Passes on what is pending. */
  passOnPending(node: number): void {
    const { words } = this.#heap;
    const count = (words[node + NODE.kind]! & PENDING_MASK) >>> 1;
    if (count === 0) return;
    // The waiter that has what it waited for gets it, even if this fails.
    contain("passing on a wake-up", () => void this.wake(words[node + NODE.key]!, count));
    this.putDown(node, count);
  }

  /**
   * Keeps a grant for `key` pending for longer than its wait: in `node`, which was taken for it, to be put down with
   * that node.
   */
  carry(key: number, node: number): void {
    const { words } = this.#heap;
    words[node + NODE.key] = key;
    words[node + NODE.kind] = PENDING_ONE;
  }

  /**
   * Wakes up to `count` waiters for `key`, the longest waiting first. Returns how many; fewer means that nobody else
   * waits.
   */
  wake(key: number, count: number): number {
    const limit = load(this.#heap.words, HEADER.ticket);
    return count >= COUNT_MASK ? this.#wakeAll(key, limit) : this.#wake(key, count, limit);
  }

  /** Everybody: in one walk, since no order is to be found. */
  #wakeAll(key: number, limit: number): number {
    let woken = 0;
    const { words } = this.#heap;
    eachLivingNode(this.#heap, (node, record) => {
      const state = load(words, node + NODE.state);
      if (
        grantedIn(state) < wantedIn(state) &&
        words[node + NODE.key] === key &&
        ((words[node + NODE.ticket]! - limit) | 0) < 0
      )
        woken += this.#grant(node, record, key, COUNT_MASK).given;
    });
    return woken;
  }

  /** As `wake`, of one waiter: tells how it waits, BLOCKING or AWAITING; undefined when nobody does. */
  wakeOne(key: number): number | undefined {
    return this.#wake(key, 1, load(this.#heap.words, HEADER.ticket)) === 0 ? undefined : this.#wokenKind;
  }

  /** Only those who waited before `limit`, and nobody who arms (again) because of this very call. */
  #wake(key: number, count: number, limit: number): number {
    let woken = 0;
    // A node that got all it wants is passed by: its waiter may use the grant in vain and stay armed, and would be
    // woken by this very call for ever.
    let from = 0;
    let fromNode = 0;
    let fromPriority = 0;
    let passed = false;
    while (woken < count) {
      let oldest = 0;
      let oldestRecord = 0;
      let oldestTicket = 0;
      let oldestPriority = 0;
      const { words } = this.#heap;
      const high = Math.min(load(words, HEADER.workersHigh), MAX_WORKERS + 1);
      for (let slot = 1; slot < high; slot++) {
        const record = REGISTRY_AT + slot * RECORD_WORDS;
        if (!hasNodes(words, record)) continue;
        let node = record + RECORD.nodes;
        let end = node + Math.min(words[record + RECORD.nodesHigh]!, INLINE_NODES) * NODE_WORDS;
        let more = load(words, record + RECORD.moreNodes);
        const walk = more === 0 ? undefined : new Walk(this.#heap);
        for (;;) {
          for (; node < end; node += NODE_WORDS) {
            const state = load(words, node + NODE.state);
            if (grantedIn(state) >= wantedIn(state) || words[node + NODE.key] !== key) continue;
            const ticket = words[node + NODE.ticket]!;
            if (((ticket - limit) | 0) >= 0) continue;
            const priority = words[node + NODE.kind]! >> PRIORITY_SHIFT;
            // The differences, not the tickets, are compared: the counter wraps.
            if (passed && !comesAfter(priority, ticket, node, fromPriority, from, fromNode)) continue;
            if (oldest !== 0 && comesAfter(priority, ticket, node, oldestPriority, oldestTicket, oldest)) continue;
            oldest = node;
            oldestRecord = record;
            oldestTicket = ticket;
            oldestPriority = priority;
          }
          if (more === 0) break;
          walk!.to(more);
          if (words !== this.#heap.words) return woken + this.#wake(key, count - woken, limit);
          node = more + NODE_BLOCK.nodes;
          end = node + NODES_PER_BLOCK * NODE_WORDS;
          more = words[more + NODE_BLOCK.next]!;
        }
      }
      if (oldest === 0) return woken;
      const room = this.#grant(oldest, oldestRecord, key, count - woken);
      woken += room.given;
      if (room.filled) {
        passed = true;
        from = oldestTicket;
        fromNode = oldest;
        fromPriority = oldestPriority;
      }
    }
    return woken;
  }

  /**
   * Gives grants to a node if it still waits for `key`; returns how many it took, and whether that was all that it
   * wanted.
   */
  #grant(node: number, record: number, key: number, count: number): { given: number; filled: boolean } {
    const heap = this.#heap;
    const { words } = heap;
    for (let state = load(words, node + NODE.state); ; ) {
      const room = wantedIn(state) - grantedIn(state);
      if (room <= 0 || words[node + NODE.key] !== key) return { given: 0, filled: false };
      // An awaiting node stands for waiters of many ages: one at a time keeps the order fair to other nodes, all at
      // once is for wakeAll.
      const given = count >= COUNT_MASK ? room : 1;
      const seen = compareExchange(words, node + NODE.state, state, state + given);
      if (seen === state) {
        const kind = words[node + NODE.kind]! & KIND_MASK;
        this.#wokenKind = kind;
        heap.ring(record, kind);
        // The state's sequence tells armings apart, so the CAS gave this to the waiter whose key was read. The key must
        // not be looked at again: a waiter that woke at once may wait for something else by now (a condition's for its
        // lock), and its wake-up would be given a second time.
        return { given, filled: given === room };
      }
      state = seen;
    }
  }

  /**
   * Whether somebody who waits for `key`, or for `otherKey` of the same line, comes before a node, with a wake-up on
   * its way or without. Without a node (0), as of one that does not wait, everybody does.
   */
  isBehind(key: number, node: number, otherKey = key): boolean {
    const { words } = this.#heap;
    const first = firstWaiter(this.#heap, key, otherKey);
    if (first === undefined || first.node === node) return false;
    return (
      node === 0 ||
      comesAfter(
        words[node + NODE.kind]! >> PRIORITY_SHIFT,
        words[node + NODE.ticket]!,
        node,
        first.priority,
        first.ticket,
        first.node,
      )
    );
  }

  /**
   * Sees to it that the first who waits for `key` has a wake-up: one is enough for what only the first may take. How
   * many wait first, 0 or 1.
   */
  wakeFirst(key: number): number {
    for (let first = firstWaiter(this.#heap, key); first !== undefined; first = firstWaiter(this.#heap, key)) {
      if (this.wakeAsFirst(first)) return 1;
    }
    return 0;
  }

  /** Who comes first of those who wait for two keys that share a line. */
  firstOf(key: number, otherKey: number): FirstNode | undefined {
    return firstWaiter(this.#heap, key, otherKey);
  }

  /** Sees to it that who was found to be the first has a wake-up. False where it left meanwhile: another is first. */
  wakeAsFirst({ node, record, key }: FirstNode): boolean {
    const state = load(this.#heap.words, node + NODE.state);
    if (this.#heap.words[node + NODE.key] !== key) return false;
    return grantedIn(state) > 0 || this.#grant(node, record, key, 1).given > 0;
  }

  /**
   * How many workers' waiters stand at `key`, those with a grant on its way included. With `enough` it looks no further
   * once there are so many.
   */
  countWaiters(key: number, enough = Number.POSITIVE_INFINITY): number {
    let count = 0;
    const { words } = this.#heap;
    const high = Math.min(load(words, HEADER.workersHigh), MAX_WORKERS + 1);
    for (let slot = 1; slot < high && count < enough; slot++) {
      const record = REGISTRY_AT + slot * RECORD_WORDS;
      if (!hasNodes(words, record)) continue;
      eachNode(this.#heap, record, (node) => {
        const state = load(words, node + NODE.state);
        if (words[node + NODE.key] === key) count += wantedIn(state);
      });
    }
    return count;
  }

  /** What the living wait for, in the order of their records. Read while it changes. */
  armed(): ArmedNode[] {
    return armedIn(this.#heap);
  }

  /**
   * Has all who wait attempt again, without a grant: somebody died, and anybody may wait for what that one held.
   * Counted before it rings: a blocking waiter that is not asleep yet compares the count, once its flag is up, with
   * what it was before its last attempt.
   */
  rouseAll(): void {
    const { words } = this.#heap;
    add(words, HEADER.deaths, 1);
    for (const { worker, kind } of this.armed()) this.#heap.ring(recordOf(worker), kind);
  }

  /** Has one worker that may be blocked look at what it is asked, as `rouseAll`. */
  rouse(worker: number): void {
    const { words } = this.#heap;
    if (!isAliveIn(words, worker)) return;
    add(words, HEADER.deaths, 1);
    this.#heap.ring(recordOf(worker), BLOCKING);
  }
}
