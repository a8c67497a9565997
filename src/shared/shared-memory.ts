/**
 * The layout, in words:
 *
 *   0  the extent that holds the bytes: it stands in the data region, where users' views may look
 *   1  how many bytes
 *   2  the entry of its name (see name-table.ts), 0 for none
 */
import { type Facts, hide } from "../codec/portrait.js";
import { shownBuffer } from "../codec/shared-buffer.js";
import { Handle, heapOfReach, onInspect, type Reach, registerShared, SharedObject, wrap } from "../objects/index.js";
import {
  ArgumentRangeError,
  ArgumentTypeError,
  NameNotFoundError,
  NameTakenError,
  ownOptions,
} from "../errors/index.js";
import { DRAFT, type Heap, onDestroy } from "../memory/index.js";
import { find, isTaken, link, nameAt, nameBytes, unlink } from "./name-table.js";
import { type ScalarType, type ScalarViews, show, traitOf } from "./scalar-type.js";
import { checkBytes, userView } from "./user-view.js";
import { KIND } from "./kinds.js";

const EXTENT = 0;
const SIZE = 1;
const NAME = 2;
const WORDS = 4;

/**
 * A block of bytes in shared memory, passed on by handle or found by its name.
 *
 * `new SharedMemory(bytes)` has no name; `SharedMemory.create(name, bytes)` has one, by which any worker of its reach
 * finds it: `SharedMemory.open(name)`. The memory stays while any worker has it open, and goes with the last one,
 * however that ends; a name goes with its memory, or before, by `unlink()`. Each reach has names of its own: say
 * `across` in `open` as in `create`. Names across threads and across processes are the program's; those of `across:
 * "machine"` are found by every program of this user, however it was started: workers of node:cluster, of pm2, of two
 * terminals.
 *
 * **Errors:** `TooLargeError` (ERR_ALLCORES_TOO_LARGE) above 1 GiB across processes, 4 GiB across threads;
 * `OutOfMemoryError` (ERR_ALLCORES_OUT_OF_MEMORY); `FreedError` (ERR_ALLCORES_FREED) after `close()`.
 *
 * @example
 * ```ts
 * import { SharedMemory } from "allcores";
 * const frame = SharedMemory.create("frame", 4096);
 * frame.view("float64")[0] = 1.5;
 * console.log(SharedMemory.open("frame").bytes[6], frame.size); // 248 4096
 * console.log(SharedMemory.openOrCreate("frame", 4096) === frame); // true
 * frame.unlink();
 * frame.close();
 * const nameless = new SharedMemory(64);
 * nameless.free();
 * ```
 */
export class SharedMemory extends SharedObject {
  /** How many bytes it has. */
  declare readonly size: number;
  readonly #unit: number;
  #bytes: Uint8Array | undefined;

  /**
   * Memory without a name, zeroed.
   *
   * @param bytes how many, 1 or more
   * @param options `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** pages of the system, zeroed when they are first used.
   */
  constructor(bytes: number, options?: Reach);
  constructor(bytes: number, reach?: Reach | Handle) {
    reach = ownOptions(reach);
    if (!(reach instanceof Handle)) checkSize(bytes, reach);
    super(KIND.sharedMemory, WORDS, reach);
    const { heap, words, at } = this;
    if (reach instanceof Handle) {
      hide(this, "size", words[at + SIZE]! >>> 0);
      this.#unit = heap.allocator.extentOf(words[at + EXTENT]!).unit;
      return;
    }
    hide(this, "size", bytes);
    words[at + SIZE] = bytes;
    try {
      // Written down before it is published: a worker killed between the two gives it back once, as what the block
      // owns.
      const { block, unit } = heap.allocator.allocateExtent(bytes, DRAFT, true);
      words[at + EXTENT] = block;
      heap.allocator.publish(block);
      this.#unit = unit;
    } catch (error) {
      super.free();
      throw error;
    }
  }

  /** @internal */
  static attach(handle: Handle): SharedMemory {
    const { heap, at } = handle;
    heap.reserveWords(at + WORDS);
    heap.reserveWords(heap.words[at + EXTENT]! + WORDS);
    return new SharedMemory(0, handle as never);
  }

  /**
   * New memory of that name, zeroed. Two workers that create the same name at once: one gets it, the other the error.
   *
   * @param name 1 to 255 bytes of text
   * @param bytes how many, 1 or more
   * @param options `across`: how far it reaches; `label`: its name in errors and reports
   * @returns the memory
   * @throws `ERR_ALLCORES_NAME_TAKEN` while memory of that name is open anywhere; `ERR_ALLCORES_ARGUMENT_TYPE`,
   *   `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** as the constructor, and two atomic exchanges of the mutex that guards names.
   */
  static create(name: string, bytes: number, options?: Reach): SharedMemory {
    const encoded = nameBytes(name);
    checkSize(bytes, options);
    const heap = heapOfReach(options);
    // Looked at before memory is taken, and once more when it is there.
    if (isTaken(heap, encoded)) {
      // By a worker that ended unnoticed?
      heap.registry.reap(true);
      if (isTaken(heap, encoded)) taken(name);
    }
    const memory = new SharedMemory(bytes, { ...options, label: options?.label ?? name });
    try {
      if (!link(memory.heap, encoded, memory.at, memory.at + NAME)) taken(name);
    } catch (error) {
      memory.free();
      throw error;
    }
    return memory;
  }

  /**
   * The memory of that name. In a worker that has it open already it is the same object.
   *
   * @param name 1 to 255 bytes of text
   * @param options `across`: how far it reaches; `label`: its name in errors and reports
   * @returns the memory
   * @throws `ERR_ALLCORES_NAME_NOT_FOUND` when no living worker has memory of that name open,
   *   `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`
   * @remarks **Cost:** two atomic exchanges of the mutex that guards names, and a look at each name.
   */
  static open(name: string, options?: Reach): SharedMemory {
    const encoded = nameBytes(name);
    const heap = heapOfReach(options);
    heap.registry.reap();
    const at = find(heap, encoded, KIND.sharedMemory);
    if (at !== 0) return wrap(heap, at, options?.label ?? name, SharedMemory.attach);
    const { reach } = heap;
    const others = (["threads", "processes", "machine"] as const)
      .filter((other) => other !== reach)
      .map((other) => `{ across: "${other}" }`);
    throw new NameNotFoundError(
      `no memory with { across: "${reach}" } is named ${show(name)}: create it first and keep it open, or say ${others.join(" or ")} if it was created so`,
    );
  }

  /**
   * The memory of that name; where there is none, new memory, zeroed. Of workers that call it at once, one makes it,
   * and all get the same: what unrelated programs need, none of which knows whether it is the first.
   *
   * @param name 1 to 255 bytes of text
   * @param bytes how many, 1 or more
   * @param options `across`: how far it reaches; `label`: its name in errors and reports
   * @returns the memory
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when it is there with another size, `ERR_ALLCORES_ARGUMENT_TYPE`,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** as `open`, or as `create`.
   */
  static openOrCreate(name: string, bytes: number, options?: Reach): SharedMemory {
    const encoded = nameBytes(name);
    checkSize(bytes, options);
    const heap = heapOfReach(options);
    // What only dead workers have open is not to be found.
    heap.registry.reap(true);
    for (;;) {
      const at = find(heap, encoded, KIND.sharedMemory);
      if (at !== 0) {
        heap.reserveWords(at + WORDS);
        const size = heap.words[at + SIZE]! >>> 0;
        if (size === bytes) return wrap(heap, at, options?.label ?? name, SharedMemory.attach);
        heap.references.letGo(at);
        throw new ArgumentRangeError(
          `memory named ${show(name)} exists with ${size} bytes, not ${bytes}: open() it, or unlink() it first`,
        );
      }
      const memory = new SharedMemory(bytes, { ...options, label: options?.label ?? name });
      try {
        if (link(heap, encoded, memory.at, memory.at + NAME)) return memory;
      } catch (error) {
        memory.free();
        throw error;
      }
      // Somebody else was faster. Its maker may be gone again by the next look.
      memory.free();
    }
  }

  /** @internal */
  protected override facts(): Facts {
    return { name: this.name, size: this.size };
  }

  /** The name by which it is found; undefined when it has none, or no longer. */
  get name(): string | undefined {
    this.checkUsable();
    return nameAt(this.heap, this.at + NAME);
  }

  /**
   * All of its bytes: always the same Uint8Array in one worker.
   * While a view is in use its memory stays; after an explicit `close()` views must no longer be used: they show memory
   * that may be somebody else's by then.
   */
  get bytes(): Uint8Array {
    this.checkUsable();
    return (this.#bytes ??= userView(
      this,
      this.heap,
      this.#unit,
      this.size,
      (buffer, byteOffset) => new Uint8Array(buffer, byteOffset, this.size),
    ));
  }

  /**
   * A part of it as a typed array. Use this rather than `bytes.buffer`, which reaches over other memory too.
   *
   * @param type of the elements, as in "int32"
   * @param byteOffset where it begins, in bytes, a multiple of the type's size
   * @param length how many elements; as many as fit when it is left out
   * @returns the typed array, which shows the memory itself
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when that is not inside, or not aligned, `ERR_ALLCORES_ARGUMENT_TYPE`,
   *   `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one typed array.
   */
  view<K extends ScalarType>(type: K, byteOffset = 0, length?: number): ScalarViews[K] {
    const { bytes, size } = this;
    const { bytes: each, View } = traitOf(type, "view(type): the type");
    if (typeof byteOffset !== "number" || (length !== undefined && typeof length !== "number")) {
      throw new ArgumentTypeError(
        `view(type, byteOffset, length): numbers, got ${show(byteOffset)} and ${show(length)}`,
      );
    }
    if (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset > size || byteOffset % each !== 0) {
      throw new ArgumentRangeError(`byteOffset must be a multiple of ${each} from 0 to ${size}, got ${byteOffset}`);
    }
    const room = Math.floor((size - byteOffset) / each);
    const count = length ?? room;
    if (!Number.isInteger(count) || count < 0 || count > room)
      throw new ArgumentRangeError(`length must be an integer from 0 to ${room}, got ${count}`);
    return new View(bytes.buffer, bytes.byteOffset + byteOffset, count) as ScalarViews[K];
  }

  /**
   * Takes its name away at once, for a new one to use; workers that have it open keep it. Does nothing when it has no
   * name.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Death:** a worker that dies on the way leaves the name, or none. **Cost:** two atomic exchanges of
   *   the mutex that guards names.
   */
  unlink(): void {
    this.checkUsable();
    unlink(this.heap, this.at + NAME);
  }

  /**
   * This worker is done with it; the memory and its name go with the last worker that has it open. The same as
   * `free()`.
   *
   * @throws nothing; calling it again does nothing
   * @remarks **Cost:** one atomic operation; the last to let go gives the pages back.
   */
  close(): void {
    this.free();
  }

  /** @internal */
  [shownBuffer](): ArrayBufferLike {
    return this.bytes.buffer;
  }

  /**
   * The same as `close()`.
   *
   * @throws nothing; calling it again does nothing
   * @remarks **Cost:** as `close()`.
   */
  override free(): void {
    this.#bytes = undefined;
    super.free();
  }
}

function checkSize(bytes: unknown, reach: Reach | undefined): void {
  if (typeof bytes !== "number") throw new ArgumentTypeError(`bytes must be a number, got ${show(bytes)}`);
  if (!Number.isInteger(bytes) || bytes < 1)
    throw new ArgumentRangeError(`bytes must be an integer of 1 or more, got ${bytes}`);
  checkBytes(bytes, reach?.across);
}

function taken(name: string): never {
  throw new NameTakenError(`memory named ${show(name)} exists already: SharedMemory.open() it, or unlink() it first`);
}

registerShared(KIND.sharedMemory, SharedMemory);
onInspect(KIND.sharedMemory, { name: "SharedMemory" });
onDestroy(KIND.sharedMemory, (heap: Heap, at: number) => {
  heap.reserveWords(at + WORDS);
  // The name first: as long as it can be found, its memory is there.
  unlink(heap, at + NAME);
  const extent = heap.words[at + EXTENT]!;
  if (extent !== 0) heap.allocator.free(extent);
});
