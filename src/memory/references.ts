/**
 * What this worker holds on to. An object lives as long as some worker or some message in flight holds it: a block
 * counts its holders, and each worker keeps a ledger of what it holds in shared memory, so that its death lets go of
 * everything.
 *
 * A hold is counted before it is entered in the ledger and struck from the ledger before it is counted out: a worker
 * killed between the two leaks one object until the program ends; it never frees one that is in use.
 * Finalizers are only the backstop: none runs while a worker sits in a blocking wait, or in a loop that allocates.
 * A worker that finds memory full does their work at once.
 */
import { CorruptError } from "../errors/index.js";
import { controlled, load, store } from "#atomics";
import { addKeeper, type Keeper } from "./forgotten.js";
import { type Heap, onHeap } from "./heap.js";
import { needKind, needKinds } from "./late-kinds.js";
import { HEADER, KIND, RECORD } from "./layout.js";
import { contain } from "./mishap.js";
import { AT_ONCE, within } from "./time-limit.js";
import { Walk } from "./walk.js";

const LEDGER_WORDS = 64;
/** More ledgers than any worker has. */
const MOST_LEDGERS = 1 << 20;

interface Hold {
  object: WeakRef<object>;
  /** Word of the ledger where it is entered. */
  entry: number;
  /** Tells the finalizer of an earlier wrapper from the present one. */
  wrapper: number;
}

type Destroy = (heap: Heap, at: number) => void;
const destroyers = new Map<number, Destroy>();

/** How an object of this kind gives back the blocks it owns besides its own. */
export function onDestroy(kind: number, destroy: Destroy): void {
  destroyers.set(kind, destroy);
}

function destroyerOf(kind: number): Destroy | undefined {
  needKind(kind);
  return destroyers.get(kind);
}

/** What a kind knows of the parts that workers have in its objects, of which only the objects tell. */
export interface Parts {
  /** Whether a worker has a part in the object; true where that cannot be told now. */
  has(heap: Heap, at: number, worker: number): boolean;
  /**
   * The worker has ended normally, and its part with it. May be called again. False when the object is busy: then it
   * must be.
   */
  end(heap: Heap, at: number, worker: number): boolean;
}
const parts = new Map<number, Parts>();

/** How a worker's part in an object of this kind ends with the worker. */
export function onNormalEnd(kind: number, ends: Parts): void {
  parts.set(kind, ends);
}

function partsOf(kind: number): Parts | undefined {
  needKind(kind);
  return parts.get(kind);
}

declare module "./heap.js" {
  interface Heap {
    readonly references: References;
  }
}

onHeap((heap) => void Object.assign(heap, { references: new References(heap) }));

export class References implements Keeper {
  readonly #heap: Heap;
  readonly #holds = new Map<number, Hold>();
  readonly #vacant: number[] = [];
  readonly #finalizers = new FinalizationRegistry<{ at: number; wrapper: number }>(({ at, wrapper }) => {
    if (this.#holds.get(at)?.wrapper === wrapper) this.#dropForgotten(at);
  });
  #wrappers = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
    addKeeper(this);
  }

  /** Drops what wrappers held that the collector took. */
  dropCollected(): boolean {
    let dropped = false;
    for (const [at, { object }] of this.#holds) {
      if (object.deref() !== undefined) continue;
      this.#dropForgotten(at);
      dropped = true;
    }
    return dropped;
  }

  #dropForgotten(at: number): void {
    // The collector has no caller: what cannot be let go of stays. In an explored program the heap may have begun anew
    // since, of which nobody is to hear.
    if (controlled) {
      try {
        this.drop(at);
      } catch (error) {
        if (!(error instanceof CorruptError)) throw error;
      }
      return;
    }
    contain("letting go of an object that was forgotten", () => this.drop(at));
  }

  /** This worker's wrapper of the object at `at`, if it has one. */
  find(at: number): object | undefined {
    return this.#holds.get(at)?.object.deref();
  }

  /** The blocks that this worker holds. */
  held(): Iterable<number> {
    return this.#holds.keys();
  }

  /** Calls `visit` with each block that a worker's ledger names: once, unless it changes meanwhile. */
  eachIn(record: number, visit: (block: number) => void): void {
    const heap = this.#heap;
    heap.catchUp();
    const brk = load(heap.words, HEADER.brk);
    let ledger = load(heap.words, record + RECORD.references);
    // The chain of a worker that ends meanwhile is somebody else's memory: it may lead anywhere, but not for ever.
    for (let left = MOST_LEDGERS; ledger > 0 && ledger + LEDGER_WORDS <= brk && left > 0; left--) {
      for (let entry = ledger + 1; entry < ledger + LEDGER_WORDS; entry++)
        if (heap.words[entry] !== 0) visit(heap.words[entry]!);
      ledger = heap.words[ledger]!;
    }
  }

  /**
   * `object` wraps the block at `at`; the caller's counted hold (a new block's, or a message's) becomes this worker's.
   */
  hold(at: number, object: object): void {
    const wrapper = ++this.#wrappers;
    const known = this.#holds.get(at);
    if (known !== undefined) {
      // An earlier wrapper was collected, its finalizer has not run: its hold serves this one, the caller's is surplus.
      known.object = new WeakRef(object);
      known.wrapper = wrapper;
      this.letGo(at);
    } else {
      const entry = this.#vacant.pop() ?? this.#grow();
      store(this.#heap.words, entry, at);
      this.#holds.set(at, { object: new WeakRef(object), entry, wrapper });
    }
    this.#finalizers.register(object, { at, wrapper }, object);
  }

  /** This worker no longer holds the object. */
  drop(at: number): void {
    const hold = this.#holds.get(at);
    if (hold === undefined) return;
    this.#noteStray(at);
    this.#holds.delete(at);
    store(this.#heap.words, hold.entry, 0);
    this.#vacant.push(hold.entry);
    const object = hold.object.deref();
    if (object !== undefined) this.#finalizers.unregister(object);
    this.letGo(at);
  }

  /**
   * Counts one hold out; the last one destroys the object. What it was the last to hold is destroyed after it, not
   * within it: a chain of objects that hold each other may be longer than the stack is deep.
   */
  letGo(at: number): void {
    if (!this.#heap.allocator.letGo(at)) return;
    this.#doomed.push(at);
    if (this.#isDestroying) return;
    this.#isDestroying = true;
    try {
      // What a stopped worker kept from being destroyed comes first.
      this.#doomed.push(...this.#stalled.splice(0));
      for (let next = this.#doomed.pop(); next !== undefined; next = this.#doomed.pop()) {
        if (!this.#destroy(next)) this.#stalled.push(next);
      }
    } finally {
      this.#isDestroying = false;
    }
  }
  readonly #doomed: number[] = [];
  readonly #stalled: number[] = [];
  #isDestroying = false;

  /**
   * False when a stopped worker is inside a mutex that this needs: a destroyer enters it first, or not at all, so it
   * can begin anew.
   */
  #destroy(at: number): boolean {
    const { allocator } = this.#heap;
    const destroy = destroyerOf(allocator.kindOf(at));
    const destroyed = within(AT_ONCE, () => {
      destroy?.(this.#heap, at);
      return true;
    });
    if (destroyed === undefined) return false;
    allocator.free(at);
    return true;
  }

  /**
   * What the worker has a part in, others keep: its end must find it without the ledger. Before the ledger loses it.
   */
  #noteStray(at: number): void {
    const heap = this.#heap;
    const part = partsOf(heap.allocator.kindOf(at));
    if (part === undefined || (heap.allocator.referencesTo(at) === 1 && !heap.allocator.isLent(at))) return;
    if (part.has(heap, at, heap.self)) store(heap.words, heap.record + RECORD.strays, 1);
  }

  /**
   * Ends the parts of a worker that ended normally. Called by the one who sweeps its record, before the ledger is
   * dropped. False when an object was busy: the sweep must come again.
   */
  endPartsOf(record: number, worker: number): boolean {
    const heap = this.#heap;
    let done = true;
    const walk = new Walk(heap);
    for (let ledger = load(heap.words, record + RECORD.references); ledger !== 0; ledger = heap.words[ledger]!) {
      walk.to(ledger);
      for (let entry = ledger + 1; entry < ledger + LEDGER_WORDS; entry++) {
        const at = heap.words[entry]!;
        if (at === 0) continue;
        const part = partsOf(heap.allocator.kindOf(heap.allocator.check(at)));
        if (part?.end(heap, at, worker) === false) done = false;
      }
    }
    return (load(heap.words, record + RECORD.strays) === 0 || this.endStraysOf(worker)) && done;
  }

  /** The same for objects that its ledger may not name: looks at all there are. */
  endStraysOf(worker: number): boolean {
    let done = true;
    needKinds();
    this.eachObject([...parts.keys()], (at, kind) => {
      if (!parts.get(kind)!.end(this.#heap, at, worker)) done = false;
    });
    return done;
  }

  /** Visits all objects of some kinds, each of them held meanwhile. */
  eachObject(kinds: readonly number[], visit: (at: number, kind: number) => void): void {
    const { allocator } = this.#heap;
    for (const { at, kind } of allocator.objects()) {
      if (!kinds.includes(kind) || !allocator.retainLive(at, kind, allocator.generationOf(at))) continue;
      try {
        visit(at, kind);
      } finally {
        this.letGo(at);
      }
    }
  }

  /** What a worker held that ended. Called by the one who sweeps its record. */
  dropAllOf(record: number): void {
    const heap = this.#heap;
    const walk = new Walk(heap);
    for (let ledger = load(heap.words, record + RECORD.references); ledger !== 0; ) {
      walk.to(ledger);
      for (let entry = ledger + 1; entry < ledger + LEDGER_WORDS; entry++) {
        const at = heap.words[entry]!;
        if (at === 0) continue;
        store(heap.words, entry, 0);
        // What is no object keeps no other from being let go of.
        contain("letting go of an object that a worker held that ended", () => {
          heap.reserveWords(at);
          this.letGo(at);
        });
      }
      const next = heap.words[ledger]!;
      store(heap.words, record + RECORD.references, next);
      heap.allocator.free(ledger);
      ledger = next;
    }
  }

  #grow(): number {
    const heap = this.#heap;
    const ledger = heap.allocator.allocate(LEDGER_WORDS, KIND.plain);
    heap.words[ledger] = heap.words[heap.record + RECORD.references]!;
    store(heap.words, heap.record + RECORD.references, ledger);
    for (let entry = ledger + LEDGER_WORDS - 1; entry > ledger + 1; entry--) this.#vacant.push(entry);
    return ledger + 1;
  }
}
