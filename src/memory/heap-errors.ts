/** What the memory of a heap is refused with. */
import { CorruptError, OutOfMemoryError } from "../errors/index.js";

/** @throws OutOfMemoryError */
export function heapFull(what: string, bytes: number): never {
  throw new OutOfMemoryError(
    `${what} has no room for ${bytes} more bytes; free() what is no longer needed, or put large data into SharedMemory`,
  );
}

/** @throws CorruptError */
export function noBlock(at: number): never {
  throw new CorruptError(`a word of shared memory names word ${at} as a block, which it is not`);
}

/** @throws CorruptError */
export function notThere(unit: number, bytes: number): never {
  throw new CorruptError(
    `a word of shared memory names ${bytes} bytes at unit ${unit} of the data region, which are not there`,
  );
}
