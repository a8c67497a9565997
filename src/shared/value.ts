/**
 * The layout, in words:
 *
 *   0, 1  the cell: its type's bytes, from the first one on
 *   2     code of the type
 *   3     its lock's block, 0 before it is first used
 */
import { ownDescriptor } from "../errors/index.js";
import { type Facts, hide } from "../codec/portrait.js";
import { Handle, onInspect, type Reach, registerShared, SharedObject } from "../objects/index.js";
import { type Across, type Heap, onDestroy } from "../memory/index.js";
import type { RLock } from "../sync/rlock.js";
import { type Cells, cellsAt, FreedCells } from "./cells.js";
import { letGoOfLock, ownLock } from "./own-lock.js";
import {
  type BigIntType,
  checkScalar,
  type Int,
  type Scalar,
  type ScalarType,
  type Summand,
  traitOf,
  traitOfCode,
} from "./scalar-type.js";
import { KIND } from "./kinds.js";

const TYPE = 2;
const LOCK = 3;
const SIZE = 4;

/**
 * One number, bigint or boolean in shared memory, read and changed in one atomic step by any worker.
 *
 * `new Value(type, initial?, options?)`, with `type` one of "int8", "uint8", "int16", "uint16", "int32", "uint32",
 * "float32", "float64" (numbers), "bigint64", "biguint64" (bigints) and "bool". Starts as zero or false. A value that
 * the type cannot hold unchanged, as 300 in a "uint8" or 0.5 in an "int32", is refused with `ArgumentRangeError`
 * (ERR_ALLCORES_ARGUMENT_RANGE), one of another kind with `ArgumentTypeError` (ERR_ALLCORES_ARGUMENT_TYPE); "float32"
 * rounds. After `free()` everything throws `FreedError` (ERR_ALLCORES_FREED).
 *
 * `counter.value += 1` is two steps, a load and a store, and loses updates that others make between the two: use `add`,
 * `update`, or hold `lock`.
 * **Death:** a worker killed at any instant leaves the old value or the new one.
 *
 * @example
 * ```ts
 * import { Value } from "allcores";
 * const hits = new Value("int32", 40);
 * hits.value += 1;
 * console.log(hits.add(1)); // 42
 * console.log(hits.update((n) => n * 2)); // 84
 * console.log(hits.compareExchange(84, 0), hits.value); // 84 0
 * console.log(hits.sub(1)); // -1
 * hits.free();
 * ```
 */
export interface Value<T extends Scalar> {
  /**
   * Reading is one atomic load, assigning one atomic store.
   *
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` for a value that the type cannot hold, `ERR_ALLCORES_ARGUMENT_TYPE` for
   *   another kind, `ERR_ALLCORES_FREED`
   */
  get value(): T;
  set value(value: T);
  /**
   * Adds `n` in one step. Integers wrap around as typed arrays do: 255 + 1 is 0 in a "uint8". Not for "bool".
   *
   * @param n what is added
   * @returns the sum
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` for a value that the type cannot hold, `ERR_ALLCORES_ARGUMENT_TYPE` for
   *   another kind, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic operation; for floats a loop of exchanges.
   */
  add(n: Summand<T>): T;
  /**
   * Subtracts `n` in one step. Wraps as `add`. Not for "bool".
   *
   * @param n what is subtracted
   * @returns the difference
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` for a value that the type cannot hold, `ERR_ALLCORES_ARGUMENT_TYPE` for
   *   another kind, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `add`.
   */
  sub(n: Summand<T>): T;
  /**
   * Stores `next` if the value is `expected`, in one step.
   *
   * @param expected what is to be there
   * @param next what is to come in its place
   * @returns the value before: `next` was stored if that equals `expected`
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` for a value that the type cannot hold, `ERR_ALLCORES_ARGUMENT_TYPE` for
   *   another kind, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange.
   */
  compareExchange(expected: T, next: T): T;
  /**
   * Replaces the value by `fn(value)` in one step. `fn` is run again when another worker was faster: it should only
   * compute.
   *
   * @param fn gives the new value of the one that is there; synchronous
   * @returns the new value
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` for a value that the type cannot hold, `ERR_ALLCORES_ARGUMENT_TYPE` for
   *   another kind, `ERR_ALLCORES_ARGUMENT_TYPE` for a promise, `ERR_ALLCORES_FREED`; what `fn` throws, and nothing
   *   is changed
   * @remarks **Cost:** one atomic exchange for each run of `fn`.
   */
  update(fn: (current: T) => T): T;
  /** A re-entrant lock of its own, for steps of more than one operation. Nothing above takes it. */
  readonly lock: RLock;
  /** The type it was made with. */
  readonly type: ScalarType;
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

class SharedValue<T extends Scalar> extends SharedObject implements Value<T> {
  static {
    Object.defineProperty(this, "name", ownDescriptor({ value: "Value" }));
  }
  declare readonly type: ScalarType;
  #cells: Cells<T>;
  #lock: RLock | undefined;

  constructor(type: ScalarType, initial: T | undefined, reach: Reach | Handle | undefined) {
    const trait = reach instanceof Handle ? undefined : traitOf(type, "new Value(type): the type");
    if (trait !== undefined && initial !== undefined) checkScalar(trait.type, initial, "initial");
    super(KIND.value, SIZE, reach);
    const { words, at } = this;
    const { type: known, code } = trait ?? traitOfCode(words[at + TYPE]!);
    hide(this, "type", known);
    this.#cells = cellsAt(
      traitOfCode(code),
      words.buffer,
      words.byteOffset + at * 4,
      1,
      this.label ?? "value",
    ) as unknown as Cells<T>;
    if (trait === undefined) return;
    words[at + TYPE] = code;
    if (initial !== undefined) this.#cells.store(0, initial);
  }

  static attach(handle: Handle): SharedValue<Scalar> {
    handle.heap.reserveWords(handle.at + SIZE);
    return new SharedValue(undefined as never, undefined, handle);
  }

  get value(): T {
    return this.#cells.load(0);
  }

  set value(value: T) {
    this.#cells.store(0, value);
  }

  add(n: Summand<T>): T {
    return this.#cells.add(0, n);
  }

  sub(n: Summand<T>): T {
    return this.#cells.sub(0, n);
  }

  compareExchange(expected: T, next: T): T {
    return this.#cells.compareExchange(0, expected, next);
  }

  update(fn: (current: T) => T): T {
    return this.#cells.update(0, fn);
  }

  protected override facts(): Facts {
    return { type: this.type, value: this.value };
  }

  get lock(): RLock {
    this.checkUsable();
    return (this.#lock ??= ownLock(this.heap, this.at + LOCK, this.label));
  }

  override free(): void {
    this.#cells = new FreedCells(() => this.checkUsable()) as Cells<never>;
    this.#lock?.free();
    super.free();
  }
}

/** Makes a {@link Value}. */
export const Value: {
  new (type: Int | "float32" | "float64", initial?: number, options?: Reach): Value<number>;
  new (type: BigIntType, initial?: bigint, options?: Reach): Value<bigint>;
  new (type: "bool", initial?: boolean, options?: Reach): Value<boolean>;
  readonly prototype: Value<Scalar>;
} = SharedValue as never;

registerShared(KIND.value, SharedValue);
onInspect(KIND.value, { name: "Value" });
onDestroy(KIND.value, (heap: Heap, at: number) => {
  heap.reserveWords(at + SIZE);
  letGoOfLock(heap, at + LOCK);
});
