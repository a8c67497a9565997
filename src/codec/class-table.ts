import { ByteWriter } from "./byte-writer.js";
import type { Registration } from "./registration.js";
import { Tag } from "./tags.js";

/** A class whose instances are in a message. */
export interface ClassUse {
  readonly registration: Registration;
  /** Decoding fails where it is not registered. */
  required: boolean;
}

/** The place of a class in a message's table, where it stands from here on. */
export function classIndexIn(classes: ClassUse[], registration: Registration, required: boolean): number {
  const index = classes.findIndex((use) => use.registration === registration);
  if (index < 0) return classes.push({ registration, required }) - 1;
  (classes[index] as ClassUse).required ||= required;
  return index;
}

/** The table as it stands before the message. */
export function classTable(classes: readonly ClassUse[]): Uint8Array {
  const table = new ByteWriter();
  table.byte(Tag.classTable);
  table.varint(classes.length);
  for (const { registration, required } of classes) {
    table.text(registration.module);
    table.text(registration.className);
    table.byte(required ? 1 : 0);
  }
  return table.toBytes();
}
