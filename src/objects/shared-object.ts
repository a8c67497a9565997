import { inspect, type InspectOptions } from "node:util";
import { type Boundary, type Crosses, crossing, type Marshalled } from "../codec/index.js";
import { lending } from "../codec/lending.js";
import { described, type Facts, factsOr, hide, refuseClones, shown } from "../codec/portrait.js";
import { ArgumentTypeError, FreedError, ReachError, KnownOptions, ownOptions } from "../errors/index.js";
import { type Across, atomics, type Heap, machineHeap, processHeap, threadHeap } from "../memory/index.js";
import { Handle, LENT, PROCESSES } from "./handle.js";
import { noteOrigin } from "./origin.js";

/** How far a shared object reaches, and what it is called in errors and reports. */
export interface Reach {
  /**
   * `"threads"` (default): the threads of this process. `"processes"`: every process of this program and their threads,
   * and every process that unpacks it. `"machine"`: memory that all programs of this user on this machine share, which
   * find each other's objects by name; it stays while any of them lives.
   */
  across?: Across | undefined;
  /** A name for errors and reports. */
  label?: string | undefined;
}

const REACH = new KnownOptions<Reach>({ across: true, label: true });

/** The heap of a reach. */
export function heapOf(across: Across | undefined): Heap {
  if (across === undefined || across === "threads") return threadHeap();
  // The units of an explored program are threads, whatever it says: what differs between the reaches lies below the
  // protocols that are explored.
  if (across !== "processes" && across !== "machine")
    throw new ArgumentTypeError(`options.across must be "threads", "processes" or "machine", got ${String(across)}`);
  return atomics.controlled ? threadHeap() : across === "processes" ? processHeap() : machineHeap();
}

const home = Symbol("home");

/** The options of an object that is made in the very heap where another stands: that may be another program's. */
export function reachOf(heap: Heap, label?: string): Reach {
  return { [home]: heap, label } as Reach;
}

/** The heap that options ask for, checked. `known`: what the call takes; how far the object reaches unless given. */
export function heapOfReach(reach: Reach | undefined, known: KnownOptions<object> = REACH): Heap {
  if (reach !== undefined && (typeof reach !== "object" || reach === null)) {
    throw new ArgumentTypeError(
      `options must be an object such as { across: "processes" }, got ${reach === null ? "null" : typeof reach}`,
    );
  }
  if (reach instanceof SharedObject || Array.isArray(reach)) {
    const got = Array.isArray(reach)
      ? "an array: what is to be in it goes in afterwards"
      : `a ${reach.constructor.name}: an object that has a lock makes its own, see its field "lock"`;
    throw new ArgumentTypeError(`options must be an object such as { across: "processes" }, got ${got}`);
  }
  known.check(reach);
  reach = ownOptions(reach);
  if (reach?.label !== undefined && typeof reach.label !== "string")
    throw new ArgumentTypeError(`options.label must be a string, got ${typeof reach.label}`);
  return (reach as { [home]?: Heap } | undefined)?.[home] ?? heapOf(reach?.across);
}

/**
 * Stands in for the memory of an object that this worker has freed: no word of it ever looks free, so every fast path
 * falls through to the slow one.
 */
const freedWords = new Int32Array(new SharedArrayBuffer(4)).fill(-1);

let place: (object: SharedObject) => number;
let heapBelow: (object: SharedObject) => Heap;

/** First word of an object's block, for an object that owns another. */
export function placeOf(object: SharedObject): number {
  return place(object);
}

/** The heap that an object stands in. */
export function heapIn(object: SharedObject): Heap {
  return heapBelow(object);
}

/**
 * What lent messages of this worker name: kept until it is freed, since such a message may arrive at any time and holds
 * nothing.
 */
const lent = new Set<SharedObject>();

/**
 * An object that lives in shared memory and travels by handle: on the other side it is the same object, not a copy.
 * Decoding the same handle twice in one worker gives the same JavaScript object.
 */
export abstract class SharedObject implements Crosses {
  /** @internal The heap it stands in. */
  declare protected readonly heap: Heap;
  /** @internal Its words; after `free()` a single word that never looks free. */
  declare protected words: Int32Array;
  /** @internal Its first word. */
  declare protected at: number;
  /** @internal The calling worker, as owner words name it. */
  declare protected readonly self: number;
  /** The name given at construction. */
  declare readonly label: string | undefined;
  #freed = false;

  /** @internal @param known what its class takes, if that is more than how far it reaches */
  constructor(kind: number, size: number, reach: Reach | Handle | undefined, known?: KnownOptions<object>) {
    refuseClones(this);
    reach = ownOptions(reach);
    const given = reach instanceof Handle ? reach : undefined;
    const heap = given?.heap ?? heapOfReach(reach as Reach | undefined, known);
    const at = given?.at ?? heap.allocator.allocate(size, kind);
    // Declared above, defined here: a field that the class defines is enumerable.
    hide(this, "heap", heap);
    hide(this, "words", heap.words);
    hide(this, "at", at);
    hide(this, "self", heap.self);
    hide(this, "label", reach?.label);
    if (given !== undefined) return;
    heap.references.hold(at, this);
    noteOrigin(this);
  }

  static {
    place = (object) => object.at;
    heapBelow = (object) => object.heap;
  }

  /** How far it reaches. */
  get across(): Across {
    return this.heap.reach;
  }

  /**
   * Ends the use of the object in this worker: its next call here throws. Other workers are not concerned; the
   * memory is reused once the last worker has let go of it. A finalizer does the same, later, for an object that was
   * forgotten.
   *
   * @throws nothing; calling it again does nothing
   * @remarks **Death:** a worker that ends lets go of all that it had. **Cost:** one atomic operation; the last to
   *   let go frees the block.
   */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    const { at } = this;
    this.words = freedWords;
    this.at = 0;
    lent.delete(this);
    this.heap.references.drop(at);
  }

  /** @internal What it is called in messages. */
  protected get title(): string {
    return this.label === undefined ? `this ${this.constructor.name}` : `${this.constructor.name} "${this.label}"`;
  }

  /** The calling worker as this object's reach knows it: what another worker gives to `held.handOff`. */
  get workerId(): number {
    return this.self;
  }

  /** @internal Slow paths call this first. @throws FreedError */
  protected checkUsable(): void {
    if (this.#freed)
      throw new FreedError(`${this.title} was freed by this worker; create a new one, or call free() later`);
  }

  /** @internal How it stands, for logs. Reads what a getter of the object gives, and waits for nothing. */
  protected facts(): Facts {
    return {};
  }

  #facts(): Facts {
    const { label, across } = this;
    return this.#freed ? { label, across, freed: true } : { label, across, ...factsOr(() => this.facts()) };
  }

  /**
   * As `JSON.stringify` writes it: what it is and how it stands, not the memory that it stands in. `pack()` is for
   * sending it.
   */
  toJSON(): Record<string, unknown> {
    return described(this.constructor.name, this.#facts());
  }

  /** As `console.log` shows it. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return shown(this.constructor.name, this.#facts(), depth, options);
  }

  /** @internal */
  [crossing](to: Boundary, path: string): Marshalled {
    if (this.#freed) throw new FreedError(`${path} is a ${this.constructor.name} that this worker has freed`);
    const { heap, at } = this;
    if (to === "processes" && heap.across === "threads") {
      throw new ReachError(
        path,
        `${path} is a ${this.constructor.name} that reaches across threads only: create it with { across: "processes" } to send it to another process`,
      );
    }
    const payload: unknown[] = [
      (heap.across === "processes" ? PROCESSES : 0) + (lending.isOn ? LENT : 0),
      heap.id,
      at,
      heap.allocator.generationOf(at),
    ];
    if (this.label !== undefined) payload.push(this.label);
    const kind = this.constructor.name;
    if (!lending.isOn)
      return {
        kind,
        payload,
        retain: () => heap.allocator.retain(at),
        held: { acrossProcesses: heap.across === "processes", heapId: heap.id, at },
      };
    const lend = () => {
      lent.add(this);
      heap.allocator.markLent(at);
    };
    return { kind, payload, lend, heap };
  }
}
