import type { Origin } from "./allowed-modules.js";
import { Decoder } from "./decoder.js";
import type { MessageEnd } from "./parcel.js";
import { smallInteger } from "./tags.js";

/** Absent while it decodes: a decoder of some kind of object may itself decode something. */
let idle: Decoder | undefined;

/**
 * The value of the message that takes up `length` bytes of `bytes` from index `at`. The value holds no part of `bytes`.
 *
 * @param attachments what travelled beside the bytes
 * @param origin where the message comes from, if not from this program
 * @throws CorruptError when the bytes are not a message, or one of a kind of object that nobody registered here
 * @throws UnknownClassError when the module of a `sendable()` class has to be imported first; nothing has been decoded then
 */
export function decode(bytes: Uint8Array, at: number, length: number, attachments?: readonly unknown[], origin?: Origin): unknown {
  if (length === 1) {
    const first = bytes[at];
    if (first !== undefined && first >= smallInteger) return first - smallInteger;
  }
  const decoder = idle ?? new Decoder();
  idle = undefined;
  try {
    return decoder.run(bytes, at, length, attachments, origin);
  } finally {
    idle = decoder;
  }
}

/**
 * These bytes reach nobody any more: each shared object in them is let go of, once, and who has to hear of it is told. Of a message that a worker may have decoded, or a part of it,
 * before it died (`end` is "uncertain"), nothing is let go of that may be held. Never throws.
 */
export function lose(bytes: Uint8Array, at: number, length: number, end: MessageEnd = "unread"): void {
  try {
    new Decoder().lose(bytes, at, length, end);
  } catch {
    // Bytes that nobody can read carry nothing that anybody waits for.
  }
}
