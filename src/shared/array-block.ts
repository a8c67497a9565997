/**
 * What a SharedArray has in shared memory. The layout, in words:
 *
 *   0  code of the type
 *   1  how many elements
 *   2  the extent that holds them: they stand in the data region, where users' views may look
 *   3  its lock's block, 0 before it is first used
 */
import type { Facts } from "../codec/portrait.js";
import { type Handle, type Reach, SharedObject } from "../objects/index.js";
import { ownDescriptor } from "../errors/index.js";
import { DRAFT, type Heap, onDestroy } from "../memory/index.js";
import type { RLock } from "../sync/rlock.js";
import { letGoOfLock, ownLock } from "./own-lock.js";
import { type Scalar, type ScalarTrait, type ScalarView, traitOfCode } from "./scalar-type.js";
import { userView } from "./user-view.js";
import { KIND } from "./kinds.js";

const TYPE = 0;
const LENGTH = 1;
const EXTENT = 2;
const LOCK = 3;
const SIZE = 4;

/** Up to so many elements are shown: a log is not the place for all. */
const MOST_SHOWN = 100;

/** The array of a block. */
interface Elements {
  get(index: number): Scalar;
}

/** What stands in shared memory. Apart from the array, which has a method of the name `at`. */
export class ArrayBlock extends SharedObject {
  static {
    Object.defineProperty(this, "name", ownDescriptor({ value: "SharedArray" }));
  }
  readonly trait: ScalarTrait;
  readonly length: number;
  readonly #unit: number;
  #view: ScalarView | undefined;
  #lock: RLock | undefined;
  /** What this worker's program sees it through. */
  array!: Elements;

  /** Without a trait: the block of the handle `reach`. */
  constructor(trait: ScalarTrait | undefined, length: number, zeroed: boolean, reach: Reach | Handle | undefined) {
    super(KIND.sharedArray, SIZE, reach);
    const { heap, words, at } = this;
    this.trait = trait ?? traitOfCode(words[at + TYPE]!);
    this.length = trait === undefined ? words[at + LENGTH]! >>> 0 : length;
    if (trait === undefined) {
      this.#unit = heap.allocator.extentOf(words[at + EXTENT]!).unit;
      return;
    }
    words[at + TYPE] = trait.code;
    words[at + LENGTH] = length;
    try {
      // Written down before it is published: a worker killed between the two gives it back once, as what the array
      // owns.
      const { block, unit } = heap.allocator.allocateExtent(this.#bytes, DRAFT, zeroed);
      words[at + EXTENT] = block;
      heap.allocator.publish(block);
      this.#unit = unit;
    } catch (error) {
      super.free();
      throw error;
    }
  }

  static attach(handle: Handle): ArrayBlock {
    const { heap, at } = handle;
    heap.reserveWords(at + SIZE);
    heap.reserveWords(heap.words[at + EXTENT]! + SIZE);
    return new ArrayBlock(undefined, 0, false, handle);
  }

  get #bytes(): number {
    return this.length * this.trait.bytes;
  }

  /** Where the elements are, for the library itself. */
  get bytes(): Uint8Array {
    return this.heap.data(this.#unit, this.#bytes);
  }

  get view(): ScalarView {
    this.checkUsable();
    const { View } = this.trait;
    return (this.#view ??= userView(
      this,
      this.heap,
      this.#unit,
      this.#bytes,
      (buffer, byteOffset) => new View(buffer, byteOffset, this.length),
    ));
  }

  get lock(): RLock {
    this.checkUsable();
    return (this.#lock ??= ownLock(this.heap, this.at + LOCK, this.label));
  }

  protected override facts(): Facts {
    const { array, length, trait } = this;
    return {
      type: trait.type,
      length,
      items: Array.from({ length: Math.min(length, MOST_SHOWN) }, (_, index) => array.get(index)),
    };
  }

  override checkUsable(): void {
    super.checkUsable();
  }

  override free(): void {
    this.#view = undefined;
    this.#lock?.free();
    super.free();
  }
}

onDestroy(KIND.sharedArray, (heap: Heap, at: number) => {
  heap.reserveWords(at + SIZE);
  const extent = heap.words[at + EXTENT]!;
  if (extent !== 0) heap.allocator.free(extent);
  letGoOfLock(heap, at + LOCK);
});
