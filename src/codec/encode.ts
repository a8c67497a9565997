import { inspect } from "node:util";
import type { EncodeOptions } from "./encode-options.js";
import { Encoder } from "./encoder.js";
import type { Message } from "./message.js";
import { nameOf } from "./refusal.js";

/** Absent while it encodes: a getter or a crossing method that encodes something itself gets another. */
let idle: Encoder | undefined;

/**
 * Turns a value into bytes, and into what rides beside them.
 *
 * Carries what structured clone carries, and errors in full, Buffers, URLs, instances of `sendable()` classes and every
 * object that has a crossing method. Objects that occur twice, or contain themselves, arrive so. An object's own
 * enumerable fields are its data, of arrays and other built-in objects too; getters are read. That a field is not
 * enumerable, writable or configurable, and that an object is frozen, does not travel. What cannot travel, such as a
 * field named by a symbol, is refused.
 *
 * @returns a message that is valid until the next `encode()`
 * @throws UnsendableError with the path of the first part that cannot cross; nothing is changed then
 * @throws ReachError from an object that reaches across threads only
 */
export function encode(value: unknown, options: EncodeOptions): Message {
  const encoder = idle ?? new Encoder();
  idle = undefined;
  try {
    encoder.run(value, options);
    return encoder;
  } finally {
    idle = encoder;
  }
}

/**
 * Like `encode`, for what was thrown: never throws. A thrown value that cannot cross is replaced by an Error that tells
 * what it was.
 */
export function encodeError(thrown: unknown, options: EncodeOptions): Message {
  const named = { root: "error", ...options };
  try {
    return encode(thrown, named);
  } catch {
    return encode(substitute(thrown), named);
  }
}

function substitute(thrown: unknown): Error {
  const error = new Error(`${describe(thrown)} was thrown, which cannot cross to another worker`);
  error.stack = `Error: ${error.message}`;
  return error;
}

function describe(thrown: unknown): string {
  const name = nameOf(thrown);
  try {
    const shown = inspect(thrown, { depth: 1, customInspect: false, breakLength: Number.POSITIVE_INFINITY });
    return `${name} ${shown.length > 1000 ? `${shown.slice(0, 1000)}…` : shown}`;
  } catch {
    return name;
  }
}
