/**
 * The layout, in words:
 *
 *   0   its lock's block, 0 before it is first used
 *   1   fingerprint of the schema
 *   2.. the fields, as struct-layout.ts places them
 */
import { type Facts, hide } from "../codec/portrait.js";
import { type Boundary, crossing, type Marshalled, registerKind } from "../codec/marshalled.js";
import {
  attachShared,
  endShared,
  Handle,
  holdSharedAgain,
  onInspect,
  type Reach,
  SharedObject,
} from "../objects/index.js";
import { ArgumentTypeError, CorruptError, ownDescriptor } from "../errors/index.js";
import { type Heap, onDestroy } from "../memory/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";
import type { Held } from "../sync/held.js";
import type { RLock } from "../sync/rlock.js";
import { type Cells, cellsAt, FreedCells } from "./cells.js";
import { letGoOfLock, ownLock } from "./own-lock.js";
import { checkScalar, type Scalar, show } from "./scalar-type.js";
import {
  type Group,
  type InferStruct,
  layoutOf,
  type StructChange,
  type StructFields,
  type StructLayout,
  type StructSchema,
} from "./struct-layout.js";
import { checkSynchronous } from "./synchronous.js";
import { KIND } from "./kinds.js";

const LOCK = 0;
const SCHEMA = 1;
const FIELDS = 2;

/**
 * Named, typed fields in shared memory, nested as deep as the schema says.
 *
 * A field has any type that a `Value` can have. `fields.x` is one atomic load, `fields.x = 1` one atomic store. For
 * more than one field at a time hold `lock`, or use `readSync` and `updateSync` (`read` and `update` when this event
 * loop must not stand still), which take it. What the type of a field cannot hold unchanged is refused with
 * `ArgumentRangeError` (ERR_ALLCORES_ARGUMENT_RANGE), another kind of value and a field that is not in the schema with
 * `ArgumentTypeError` (ERR_ALLCORES_ARGUMENT_TYPE); nothing is changed then. After `free()` everything throws
 * `FreedError` (ERR_ALLCORES_FREED).
 *
 * **Death:** a worker killed inside `update` may leave some fields new and some old; the next holder of the lock is
 * told by `held.ownerDied`.
 *
 * @example
 * ```ts
 * import { Struct } from "allcores";
 * const progress = new Struct({ done: "int32", rate: "float64", state: { failed: "bool" } }, { rate: 0.5 });
 * progress.fields.done += 1;
 * progress.fields.state.failed = true;
 * console.log(progress.updateSync(({ done }) => ({ done: done + 1 })).done); // 2
 * console.log(JSON.stringify(progress.readSync())); // {"done":2,"rate":0.5,"state":{"failed":true}}
 * await progress.update(async ({ rate }) => ({ rate: rate * 2 }), { timeout: 1000 });
 * console.log((await progress.read()).rate, progress.toObject().done); // 1 2
 * progress.free();
 * ```
 */
export class Struct<const S extends StructSchema> extends SharedObject {
  readonly #layout: StructLayout;
  readonly #cells: Cells[];
  /** The fields; each is read and assigned in one atomic step. */
  declare readonly fields: StructFields<S>;
  #lock: RLock | undefined;

  /**
   * Makes a struct.
   *
   * @param schema the fields: a type each, or fields of their own
   * @param initial what they start with; zero and false where it says nothing
   * @param options `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a block of shared memory, and an object with accessors for its fields.
   */
  constructor(schema: S, initial?: StructChange<S>, options?: Reach);
  constructor(schema: S, initial?: StructChange<S>, reach?: Reach | Handle) {
    const layout = layoutOf(schema);
    const changes = initial === undefined ? [] : changesOf(layout, layout.root, initial, "initial");
    super(KIND.struct, FIELDS + Math.ceil(layout.bytes / 4), reach);
    const { words, at } = this;
    this.#layout = layout;
    if (!(reach instanceof Handle)) words[at + SCHEMA] = layout.fingerprint;
    else if (words[at + SCHEMA] !== layout.fingerprint)
      throw new CorruptError("a handle of a Struct names another schema than its memory does");
    const start = words.byteOffset + (at + FIELDS) * 4;
    const prefix = this.label === undefined ? "fields" : `${this.label}.fields`;
    this.#cells = layout.leaves.map(({ trait, offset, path }) =>
      cellsAt(trait, words.buffer, start + offset, 1, `${prefix}.${path}`),
    );
    hide(this, "fields", fieldsOf(layout.root, { struct: this, cells: this.#cells }));
    this.#apply(changes);
  }

  /** The schema: a copy of what it was made with. */
  get schema(): S {
    return this.#layout.schema as S;
  }

  /** @internal */
  protected override facts(): Facts {
    return { fields: this.toObject() };
  }

  /** A re-entrant lock of its own. Reading and assigning single fields does not take it. */
  get lock(): RLock {
    this.checkUsable();
    return (this.#lock ??= ownLock(this.heap, this.at + LOCK, this.label));
  }

  /**
   * A plain object of what the fields are now, read one after another without the lock: for those who hold it, or
   * need no more.
   *
   * @returns the object, a copy
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic load for each field.
   */
  toObject(): InferStruct<S> {
    this.checkUsable();
    return this.#plain(this.#layout.root) as InferStruct<S>;
  }

  /**
   * A plain object of what the fields are, read under the lock, without blocking the event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @returns the object, a copy
   * @throws `ERR_ALLCORES_TIMEOUT` when its lock is not free in time, `ERR_ALLCORES_DEADLOCK` where the wait could
   *   never end, `ERR_ALLCORES_FREED`; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as its lock's. **Cost:** its lock, a promise, and one atomic load for each
   *   field.
   */
  read(options?: WaitOptions): Promise<InferStruct<S>> {
    return this.lock.run(() => this.toObject(), options);
  }

  /**
   * A plain object of what the fields are, read under the lock, blocking this thread and its event loop until it is
   * free.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @returns the object, a copy
   * @throws `ERR_ALLCORES_TIMEOUT` when its lock is not free in time, `ERR_ALLCORES_DEADLOCK` where the wait could
   *   never end, `ERR_ALLCORES_FREED`
   * @remarks **Fairness, death, cancel:** as its lock's. **Cost:** its lock, and one atomic load for each field.
   */
  readSync(options?: SyncWait): InferStruct<S> {
    return this.lock.runSync(() => this.toObject(), options);
  }

  /**
   * Changes several fields as one: `fn` gets a plain object of all fields and returns those to change. Holds the lock
   * until its promise settles. When `fn` throws or returns what does not fit, nothing is changed.
   *
   * @param fn gives the fields that change, or a promise for them; it is given all fields and the hold, whose
   *   `ownerDied` tells of a dead worker
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @returns all fields after the change
   * @throws `ERR_ALLCORES_TIMEOUT` when its lock is not free in time, `ERR_ALLCORES_DEADLOCK` where the wait could
   *   never end, `ERR_ALLCORES_FREED`, `ERR_ALLCORES_ARGUMENT_RANGE` and `ERR_ALLCORES_ARGUMENT_TYPE` for a change
   *   that does not fit; the reason of `signal`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as its lock's. Once `fn` runs nothing cancels it. **Cost:** its lock, a
   *   promise, and one atomic store for each field that changes.
   */
  update(
    fn: (current: InferStruct<S>, held: Held) => StructChange<S> | PromiseLike<StructChange<S>>,
    options?: WaitOptions,
  ): Promise<InferStruct<S>> {
    return this.lock.run(async (held) => this.#change(await fn(this.toObject(), held)), options);
  }

  /**
   * Changes several fields as one, blocking this thread and its event loop until the lock is free. When `fn` throws
   * or returns what does not fit, nothing is changed.
   *
   * @param fn gives the fields that change, synchronous; it is given all fields and the hold, whose `ownerDied`
   *   tells of a dead worker
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @returns all fields after the change
   * @throws `ERR_ALLCORES_TIMEOUT` when its lock is not free in time, `ERR_ALLCORES_DEADLOCK` where the wait could
   *   never end, `ERR_ALLCORES_FREED`, `ERR_ALLCORES_ARGUMENT_RANGE` and `ERR_ALLCORES_ARGUMENT_TYPE` for a change
   *   that does not fit; what `fn` throws
   * @remarks **Fairness, death, cancel:** as its lock's. **Cost:** its lock, and one atomic store for each field
   *   that changes.
   */
  updateSync(fn: (current: InferStruct<S>, held: Held) => StructChange<S>, options?: SyncWait): InferStruct<S> {
    return this.lock.runSync((held) => {
      const change = fn(this.toObject(), held);
      checkSynchronous(change, "updateSync(fn)");
      return this.#change(change);
    }, options);
  }

  /**
   * Gives the memory back, and that of `lock`: this worker can no longer use either. The memory is reused once the
   * last worker has let go of it.
   *
   * @throws nothing; calling it again does nothing
   * @remarks **Cost:** one atomic operation; the last to let go frees the block.
   */
  override free(): void {
    this.#cells.fill(new FreedCells(() => this.checkUsable()));
    this.#lock?.free();
    super.free();
  }

  /** @internal */
  override [crossing](to: Boundary, path: string): Marshalled {
    const marshalled = super[crossing](to, path);
    const [across, heapId, at, generation, label] = marshalled.payload as unknown[];
    return { ...marshalled, payload: [across, heapId, at, generation, label, this.#layout.schema] };
  }

  #plain(group: Group): Record<string, unknown> {
    const plain: Record<string, unknown> = {};
    for (const [name, what] of group)
      plain[name] = typeof what === "number" ? this.#cells[what]!.load(0) : this.#plain(what);
    return plain;
  }

  #change(change: StructChange<S>): InferStruct<S> {
    this.#apply(changesOf(this.#layout, this.#layout.root, change, "the change"));
    return this.toObject();
  }

  #apply(changes: readonly Change[]): void {
    for (const [leaf, value] of changes) this.#cells[leaf]!.store(0, value);
  }
}

type Change = readonly [leaf: number, value: Scalar];

/** What is to be stored where; refuses everything that cannot be before anything is. */
function changesOf(layout: StructLayout, group: Group, change: unknown, where: string): Change[] {
  if (typeof change !== "object" || change === null || Array.isArray(change)) {
    throw new ArgumentTypeError(`${where} must be an object of fields, got ${show(change)}`);
  }
  return Object.entries(change).flatMap(([name, value]) => {
    const what = group.get(name);
    if (what === undefined)
      throw new ArgumentTypeError(
        `${where}.${name} is no field of this Struct; it has ${[...group.keys()].join(", ")}`,
      );
    if (typeof what !== "number") return changesOf(layout, what, value, `${where}.${name}`);
    checkScalar(layout.leaves[what]!.trait.type, value, `${where}.${name}`);
    return [[what, value as Scalar] as const];
  });
}

/** What all fields of a struct share. It keeps the struct, and with it the memory, as long as its fields are in use. */
interface Holder {
  readonly struct: object;
  readonly cells: readonly Cells[];
}

/** The object behind `fields`: it knows its cells, the accessors come from the group. */
class Fields {
  readonly #holder: Holder;
  constructor(holder: Holder) {
    this.#holder = holder;
  }
  static cell(fields: Fields, leaf: number): Cells {
    return fields.#holder.cells[leaf]!;
  }
}

/**
 * One getter and setter a field of a schema, not of a struct, so that V8 sees all structs of a schema as objects of one
 * shape.
 */
const accessors = new WeakMap<Group, (readonly [name: string, PropertyDescriptor | Group])[]>();

function fieldsOf(group: Group, holder: Holder): Fields {
  const fields = new Fields(holder);
  let known = accessors.get(group);
  if (known === undefined)
    accessors.set(
      group,
      (known = [...group].map(([name, what]) => [name, typeof what === "number" ? accessorOf(what) : what])),
    );
  for (const [name, what] of known) {
    Object.defineProperty(
      fields,
      name,
      ownDescriptor(
        what instanceof Map ? { value: fieldsOf(what, holder), enumerable: true } : (what as PropertyDescriptor),
      ),
    );
  }
  return Object.preventExtensions(fields);
}

function accessorOf(leaf: number): PropertyDescriptor {
  return {
    enumerable: true,
    get(this: Fields) {
      return Fields.cell(this, leaf).load(0);
    },
    set(this: Fields, value: Scalar) {
      Fields.cell(this, leaf).store(0, value);
    },
  };
}

registerKind(
  "Struct",
  (payload: unknown) => {
    const schema: unknown = Array.isArray(payload) ? payload[5] : undefined;
    return attachShared(KIND.struct, "Struct", payload, (handle) => {
      handle.heap.reserveWords(handle.at + FIELDS + Math.ceil(layoutOf(schema).bytes / 4));
      return new Struct(schema as StructSchema, undefined, handle as never);
    });
  },
  (payload: unknown, end) => endShared(KIND.struct, "Struct", payload, end),
  (payload: unknown) => holdSharedAgain(KIND.struct, "Struct", payload),
);
onInspect(KIND.struct, { name: "Struct" });
onDestroy(KIND.struct, (heap: Heap, at: number) => {
  heap.reserveWords(at + FIELDS);
  letGoOfLock(heap, at + LOCK);
});
