import { isError } from "../errors/index.js";
import { foreignWriter } from "./builtin-object.js";
import { writeError } from "./error-object.js";
import { registrationOf } from "./registration.js";
import { writeInstance } from "./sendable.js";
import { Tag } from "./tags.js";
import type { ValueWriter, Write } from "./value-writer.js";

/**
 * How an object that is neither plain nor built-in is written. A lookup and not a call, which would take stack at every
 * level.
 */
export function writerOf(value: object, prototype: object): Write {
  if (isError(value)) return writeError;
  if (registrationOf(prototype) !== undefined) return writeInstance;
  const foreign = foreignWriter(prototype, value);
  if (foreign === "plain") return writePlain;
  if (foreign === "array" && !Array.isArray(value)) return writeHostObject;
  if (foreign === undefined) return writeHostObject;
  return (encoder, built: object) => encoder.builtin(built, foreign === "array" ? writeArray : foreign);
}

function writePlain(encoder: ValueWriter, value: object): void {
  encoder.byte(Tag.object);
  encoder.fields(value);
}

export function writeArray(encoder: ValueWriter, value: readonly unknown[]): void {
  encoder.array(value);
}

function writeHostObject(encoder: ValueWriter, value: object): void {
  encoder.hostObject(value);
}
