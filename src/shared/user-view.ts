import { types } from "node:util";
import { ofThisRealm } from "../codec/binary.js";
import { platformClone } from "../codec/platform-clone.js";
import type { Crosses } from "../codec/marshalled.js";
import { own } from "../codec/shared-buffer.js";
import { TooLargeError } from "../errors/index.js";
import type { Across, Heap } from "../memory/index.js";

const MOST_ACROSS_PROCESSES = 2 ** 30;
const MOST_ACROSS_THREADS = 2 ** 32 - 1;

/** Refuses what no part of the data region of this reach can hold. @throws TooLargeError */
export function checkBytes(bytes: number, across: Across | undefined): void {
  if (across !== undefined && across !== "threads" && bytes > MOST_ACROSS_PROCESSES) {
    throw new TooLargeError(
      `${bytes} bytes are more than one piece of memory across processes can hold (1 GiB); split it`,
    );
  }
  if (bytes > MOST_ACROSS_THREADS)
    throw new TooLargeError(
      `${bytes} bytes are more than one piece of memory across threads can hold (4 GiB); split it`,
    );
}

/**
 * A view of a part of the data region, to be handed to a user. As long as it, or any other view of its buffer, is in
 * use, `owner` is not collected, so that forgetting the owner and keeping a view of its memory is no use after free;
 * and it crosses to another worker as a view of the same memory.
 *
 * @param make makes the view from a buffer, where the part begins in it, and how many bytes it has
 */
export function userView<V>(
  owner: Crosses & object,
  heap: Heap,
  unit: number,
  bytes: number,
  make: (buffer: ArrayBufferLike, byteOffset: number) => V,
): V {
  const { buffer, byteOffset } = heap.userBuffer(unit, bytes);
  // The thread heap's buffer is everybody's; a clone of it is the same memory behind another object, which only this
  // owner's views have.
  const shown = types.isSharedArrayBuffer(buffer) ? ofThisRealm(platformClone(buffer)) : buffer;
  own(shown, owner);
  return make(shown, byteOffset);
}
