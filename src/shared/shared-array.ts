import { inspect, type InspectOptions } from "node:util";
import { hide, refuseClones } from "../codec/portrait.js";
import { type Boundary, type Crosses, crossing, type Marshalled, registerKind } from "../codec/marshalled.js";
import { shownBuffer } from "../codec/shared-buffer.js";
import { attachShared, endShared, type Handle, holdSharedAgain, onInspect, type Reach } from "../objects/index.js";
import { ArgumentRangeError, ArgumentTypeError, ownDescriptor, ownOptions } from "../errors/index.js";
import type { Across } from "../memory/index.js";
import type { RLock } from "../sync/rlock.js";
import { ArrayBlock } from "./array-block.js";
import { type Cells, cellsAt, FreedCells } from "./cells.js";
import {
  checkScalar,
  type Scalar,
  type ScalarOf,
  type ScalarTrait,
  type ScalarType,
  type ScalarView,
  type ScalarViews,
  show,
  type Summand,
  traitOf,
} from "./scalar-type.js";
import { checkBytes } from "./user-view.js";
import { KIND } from "./kinds.js";

type AnyViewOf<T extends Scalar> = { [K in ScalarType]: T extends ScalarOf<K> ? ScalarViews[K] : never }[ScalarType];

/**
 * An array of fixed length in shared memory, of any type that a `Value` can have.
 *
 * `new SharedArray(type, length, options?)` starts with zeros, `new SharedArray(type, items, options?)` with what an
 * iterable or array-like gives. Every method works on its element in one atomic step; a number that the type cannot
 * hold unchanged is refused with `ArgumentRangeError` (ERR_ALLCORES_ARGUMENT_RANGE), another kind of value with
 * `ArgumentTypeError` (ERR_ALLCORES_ARGUMENT_TYPE). `view` is the same memory as a typed array, for work in bulk. It
 * holds 1 GiB at most across processes and less than 4 GiB across threads: else `TooLargeError`
 * (ERR_ALLCORES_TOO_LARGE). After `free()` everything throws `FreedError` (ERR_ALLCORES_FREED).
 *
 * @example
 * ```ts
 * import { SharedArray } from "allcores";
 * const squares = new SharedArray("int32", [1, 4, 9]);
 * squares.set(0, 100);
 * console.log(squares.at(-1), squares.at(7)); // 9 undefined
 * console.log(squares.add(1, 6)); // 10
 * console.log([...squares], squares.view.indexOf(10)); // [ 100, 10, 9 ] 1
 * console.log(squares.sub(1, 1), squares.get(1), squares.compareExchange(1, 9, 0)); // 9 9 9
 * console.log(squares.update(0, (n) => n + 1), squares.fill(7, 1).toArray()); // 101 [ 101, 7, 7 ]
 * squares.free();
 * ```
 */
export interface SharedArray<T extends Scalar, V extends ScalarView = AnyViewOf<T>> extends Iterable<T> {
  /** How many elements it has. */
  readonly length: number;
  /** The type it was made with. */
  readonly type: ScalarType;
  /**
   * The element at `index`, as `Array.prototype.at`.
   *
   * @param index counted from the end when it is negative
   * @returns the element; undefined outside
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic load.
   */
  at(index: number): T | undefined;
  /**
   * The element at `index`.
   *
   * @param index counted from the end when it is negative
   * @returns the element
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is none, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic load.
   */
  get(index: number): T;
  /**
   * Replaces the element at `index`.
   *
   * @param index counted from the end when it is negative
   * @param value what is to be there
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is no such element or the type cannot hold the value,
   *   `ERR_ALLCORES_ARGUMENT_TYPE` for another kind, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic store.
   */
  set(index: number, value: T): void;
  /**
   * Adds to an element in one step. Integers wrap around as typed arrays do. Not for "bool".
   *
   * @param index counted from the end when it is negative
   * @param n what is added
   * @returns the sum
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is no such element or the type cannot hold the value,
   *   `ERR_ALLCORES_ARGUMENT_TYPE` for another kind, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic operation; for floats a loop of exchanges.
   */
  add(index: number, n: Summand<T>): T;
  /**
   * Subtracts from an element in one step. Wraps as `add`. Not for "bool".
   *
   * @param index counted from the end when it is negative
   * @param n what is subtracted
   * @returns the difference
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is no such element or the type cannot hold the value,
   *   `ERR_ALLCORES_ARGUMENT_TYPE` for another kind, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `add`.
   */
  sub(index: number, n: Summand<T>): T;
  /**
   * Stores `next` if the element is `expected`, in one step.
   *
   * @param index counted from the end when it is negative
   * @param expected what is to be there
   * @param next what is to come in its place
   * @returns the element before: `next` was stored if that equals `expected`
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is no such element or the type cannot hold the value,
   *   `ERR_ALLCORES_ARGUMENT_TYPE` for another kind, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange.
   */
  compareExchange(index: number, expected: T, next: T): T;
  /**
   * Replaces an element by `fn(element)` in one step. `fn` is run again when another worker was faster: it should
   * only compute.
   *
   * @param index counted from the end when it is negative
   * @param fn gives the new element of the one that is there; synchronous
   * @returns the new element
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is no such element or the type cannot hold the value,
   *   `ERR_ALLCORES_ARGUMENT_TYPE` for another kind or a promise, `ERR_ALLCORES_FREED`; what `fn` throws, and
   *   nothing is changed
   * @remarks **Cost:** one atomic exchange for each run of `fn`.
   */
  update(index: number, fn: (current: T) => T): T;
  /**
   * Sets elements, one after another, as `Array.prototype.fill`.
   *
   * @param value what is to be there
   * @param start the first one, 0 unless given; counted from the end when it is negative
   * @param end the one behind the last, the length unless given; counted from the end when it is negative
   * @returns the array
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` for a value that the type cannot hold, `ERR_ALLCORES_ARGUMENT_TYPE` for
   *   another kind, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one store for each.
   */
  fill(value: T, start?: number, end?: number): this;
  /**
   * A plain array of what the elements are now, read one after another: hold `lock` where they must belong together.
   *
   * @returns the array, a copy
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one load for each.
   */
  toArray(): T[];
  /**
   * The same memory as a typed array (a Uint8Array of 0 and 1 for "bool"): fast, without checks and without atomic
   * steps. While a view is in use its memory stays; after an explicit `free()` views must no longer be used: they show
   * memory that may be somebody else's by then.
   */
  readonly view: V;
  /** A re-entrant lock of its own, for steps of more than one operation. Nothing above takes it. */
  readonly lock: RLock;
  /** How far it reaches. */
  readonly across: Across;
  /** The name given at construction. */
  readonly label: string | undefined;
  /**
   * Gives the memory back, and that of `lock`: this worker can no longer use either. The memory is reused once the
   * last worker has let go of it.
   *
   * @throws nothing; calling it again does nothing
   * @remarks **Cost:** one atomic operation; the last to let go frees the block.
   */
  free(): void;
}

class ArrayOfCells<T extends Scalar> implements SharedArray<T, ScalarView>, Crosses {
  static {
    Object.defineProperty(this, "name", ownDescriptor({ value: "SharedArray" }));
  }
  declare readonly length: number;
  declare readonly type: ScalarType;
  readonly #block: ArrayBlock;
  #cells: Cells<T>;

  constructor(type: ScalarType | ArrayBlock, lengthOrInit?: number | Iterable<T> | ArrayLike<T>, reach?: Reach) {
    refuseClones(this);
    let items: ArrayLike<T> | undefined;
    if (type instanceof ArrayBlock) {
      this.#block = type;
    } else {
      const trait = traitOf(type, "new SharedArray(type): the type");
      if (typeof lengthOrInit !== "number") items = itemsOf(trait, lengthOrInit) as ArrayLike<T>;
      const length = items?.length ?? (lengthOrInit as number);
      checkLength(trait, length, ownOptions(reach)?.across);
      this.#block = new ArrayBlock(trait, length, items === undefined, reach);
    }
    const { bytes, label, length, trait } = this.#block;
    this.#block.array = this;
    hide(this, "length", length);
    hide(this, "type", trait.type);
    const where = label === undefined ? "an element" : `an element of ${label}`;
    this.#cells = cellsAt(trait, bytes.buffer, bytes.byteOffset, length, where) as unknown as Cells<T>;
    if (items !== undefined) new trait.View(bytes.buffer, bytes.byteOffset, length).set(items as never);
  }

  toJSON(): Record<string, unknown> {
    return this.#block.toJSON();
  }

  [inspect.custom](depth: number, options: InspectOptions): string {
    return this.#block[inspect.custom](depth, options);
  }

  get across(): Across {
    return this.#block.across;
  }

  get label(): string | undefined {
    return this.#block.label;
  }

  get view(): ScalarView {
    return this.#block.view;
  }

  get lock(): RLock {
    return this.#block.lock;
  }

  at(index: number): T | undefined {
    let from = Math.trunc(index) || 0;
    if (from < 0) from += this.length;
    if (from >= 0 && from < this.length) return this.#cells.load(from);
    this.#block.checkUsable();
    return undefined;
  }

  get(index: number): T {
    return this.#cells.load(this.#index(index));
  }

  set(index: number, value: T): void {
    this.#cells.store(this.#index(index), value);
  }

  add(index: number, n: Summand<T>): T {
    return this.#cells.add(this.#index(index), n);
  }

  sub(index: number, n: Summand<T>): T {
    return this.#cells.sub(this.#index(index), n);
  }

  compareExchange(index: number, expected: T, next: T): T {
    return this.#cells.compareExchange(this.#index(index), expected, next);
  }

  update(index: number, fn: (current: T) => T): T {
    return this.#cells.update(this.#index(index), fn);
  }

  fill(value: T, start?: number, end?: number): this {
    const { view } = this;
    checkScalar(this.type, value, "value");
    view.fill((this.type === "bool" ? Number(value) : value) as never, start, end);
    return this;
  }

  toArray(): T[] {
    return this.type === "bool" ? [...this] : (Array.from(this.view as ArrayLike<unknown>) as T[]);
  }

  *[Symbol.iterator](): Iterator<T> {
    this.#block.checkUsable();
    for (let index = 0; index < this.length; index++) yield this.#cells.load(index);
  }

  free(): void {
    this.#cells = new FreedCells(() => this.#block.checkUsable()) as Cells<never>;
    this.#block.free();
  }

  [crossing](to: Boundary, path: string): Marshalled {
    return this.#block[crossing](to, path);
  }

  [shownBuffer](): ArrayBufferLike {
    return this.view.buffer;
  }

  /** Where the element is: a negative index counts from the end. */
  #index(index: number): number {
    if (index >>> 0 === index && index < this.length) return index;
    if (Number.isInteger(index) && index < 0 && index >= -this.length) return index + this.length;
    this.#block.checkUsable();
    if (typeof index !== "number") throw new ArgumentTypeError(`index must be a number, got ${show(index)}`);
    throw new ArgumentRangeError(
      `index must be an integer from ${-this.length} to ${this.length - 1}, got ${show(index)}`,
    );
  }
}

function attach(handle: Handle): ArrayBlock {
  const block = ArrayBlock.attach(handle);
  new ArrayOfCells(block);
  return block;
}

function itemsOf(trait: ScalarTrait, init: unknown): ArrayLike<unknown> {
  if (
    typeof init !== "object" ||
    init === null ||
    !(Symbol.iterator in init || typeof (init as { length?: unknown }).length === "number")
  ) {
    throw new ArgumentTypeError(
      `new SharedArray(type, lengthOrInit): a length, or an iterable or array-like of items; got ${show(init)}`,
    );
  }
  // A typed array of the same type has nothing that could not fit.
  if (ArrayBuffer.isView(init) && (init as Uint8Array)[Symbol.toStringTag] === trait.View.name && trait.type !== "bool")
    return init as unknown as ArrayLike<unknown>;
  const items = Array.from(init as ArrayLike<unknown>);
  for (let index = 0; index < items.length; index++) checkScalar(trait.type, items[index], `element ${index}`);
  return items;
}

function checkLength(trait: ScalarTrait, length: number, across: Across | undefined): void {
  if (!Number.isInteger(length) || length < 0) {
    throw new ArgumentRangeError(
      `new SharedArray(type, length): the length must be an integer of 0 or more, got ${show(length)}`,
    );
  }
  const bytes = length * trait.bytes;
  checkBytes(bytes, across);
}

/** Makes a {@link SharedArray}. */
export const SharedArray: {
  new <K extends ScalarType>(
    type: K,
    lengthOrInit: number | Iterable<ScalarOf<K>> | ArrayLike<ScalarOf<K>>,
    options?: Reach,
  ): SharedArray<ScalarOf<K>, ScalarViews[K]>;
  readonly prototype: SharedArray<Scalar>;
} = ArrayOfCells as never;

registerKind(
  "SharedArray",
  (payload: unknown) => (attachShared(KIND.sharedArray, "SharedArray", payload, attach) as ArrayBlock).array,
  (payload: unknown, end) => endShared(KIND.sharedArray, "SharedArray", payload, end),
  (payload: unknown) => holdSharedAgain(KIND.sharedArray, "SharedArray", payload),
);
onInspect(KIND.sharedArray, { name: "SharedArray" });
