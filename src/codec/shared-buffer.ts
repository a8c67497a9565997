/**
 * Buffers that show the memory of shared objects: they are never copied, but travel as the object that they belong to.
 */
import { together, versioned } from "../memory/index.js";
import type { Crosses } from "./marshalled.js";

/** The name of the method by which a shared object gives the buffer that shows its memory. */
export const shownBuffer: unique symbol = versioned("shownBuffer") as never;

interface Shows {
  [shownBuffer](): ArrayBufferLike;
}

/** Strong from a buffer to its owner: the owner, and with it the memory, lives as long as any view of the buffer. */
const owners = together("shownBuffers", () => new WeakMap<object, Crosses & object>());

/** From here on `buffer` belongs to `owner`, which is not collected while any view of it is in use. */
export function own(buffer: ArrayBufferLike, owner: Crosses & object): void {
  owners.set(buffer, owner);
}

/** What a buffer belongs to; undefined for one that is just memory. */
export function ownerOf(buffer: ArrayBufferLike): (Crosses & object) | undefined {
  return owners.get(buffer);
}

/** The buffer that shows the memory of an object; undefined when it has none. */
export function bufferOf(owner: unknown): ArrayBufferLike | undefined {
  return typeof owner === "object" && owner !== null && shownBuffer in owner
    ? (owner as Shows)[shownBuffer]()
    : undefined;
}
