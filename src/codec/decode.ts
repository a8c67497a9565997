import type { Origin } from "./allowed-modules.js";
import { Decoder } from "./decoder.js";
import { holdAgain, type MessageEnd } from "./marshalled.js";
import { smallInteger, Tag } from "./tags.js";

/** Absent while it decodes: a decoder of some kind of object may itself decode something. */
let idle: Decoder | undefined;

/**
 * The value of the message that takes up `length` bytes of `bytes` from index `at`. The value holds no part of `bytes`.
 *
 * @param attachments what travelled beside the bytes
 * @param origin where the message comes from, if not from this program
 * @throws CorruptError when the bytes are not a message, or one of a kind of object that nobody registered here
 * @throws UnknownClassError when the module of a `sendable()` class has to be imported first; nothing has been decoded
 *   then
 */
export function decode(
  bytes: Uint8Array,
  at: number,
  length: number,
  attachments?: readonly unknown[],
  origin?: Origin,
): unknown {
  if (length <= MOST_INTEGER_BYTES) {
    const integer = integerIn(bytes, at, length);
    if (integer !== undefined) return integer;
  }
  const decoder = idle ?? new Decoder();
  idle = undefined;
  try {
    return decoder.run(bytes, at, length, attachments, origin);
  } finally {
    idle = decoder;
  }
}

/** A tag and 32 bits. */
const MOST_INTEGER_BYTES = 5;

/** What `decode` makes of a message that is one integer, at a fifth of its cost; undefined for any other. */
function integerIn(bytes: Uint8Array, at: number, length: number): number | undefined {
  const tag = bytes[at];
  if (tag === undefined) return undefined;
  if (tag >= smallInteger) return length === 1 ? tag - smallInteger : undefined;
  if (tag === Tag.int8 && length === 2) return (bytes[at + 1]! << 24) >> 24;
  if (tag === Tag.int16 && length === 3) return ((bytes[at + 1]! | (bytes[at + 2]! << 8)) << 16) >> 16;
  if (tag === Tag.int32 && length === 5)
    return bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 24);
  return undefined;
}

/**
 * These bytes reach nobody any more: each shared object in them is let go of, once, and who has to hear of it is told.
 * Of a message that a worker may have decoded, or a part of it, before it died (`end` is "uncertain"), nothing is let
 * go of that may be held. Never throws.
 */
export function lose(bytes: Uint8Array, at: number, length: number, end: MessageEnd = "unread"): void {
  try {
    new Decoder().lose(bytes, at, length, end);
  } catch {
    // Bytes that nobody can read carry nothing that anybody waits for.
  }
}

/**
 * These bytes are a copy of a message, and both will be decoded or lost: each shared object in them is held once more.
 * @throws UnsendableError where an object in them can be in one message only; nothing has changed then
 */
export function holdCopy(bytes: Uint8Array, at: number, length: number): void {
  holdAgain(new Decoder().marshalledIn(bytes, at, length));
}
