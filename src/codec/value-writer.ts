/** What the encoder is to those who write objects of one class. */
import type { ByteWriter } from "./byte-writer.js";
import type { Boundary } from "./marshalled.js";
import type { PathStep } from "./path.js";
import type { Refusal } from "./refusal.js";
import type { Registration } from "./registration.js";

/** Writes an object whose class it knows. */
export type Write = (encoder: ValueWriter, value: never) => void;

/** Where an encoder stood, for going back there. */
export interface WriterState {
  readonly at: number;
  readonly pieces: number;
  readonly objects: number;
  readonly depth: number;
  readonly attachments: number;
  readonly transfer: number;
  readonly marshalled: number;
  readonly classes: number;
}

export interface ValueWriter extends ByteWriter {
  /** What will be crossed. */
  readonly to: Boundary;
  /** Whether parts may ride beside the bytes. */
  readonly attach: boolean;
  /** Who reads it, where they share no memory with this program. */
  readonly apart: string | undefined;
  write(value: unknown): void;
  /** Count, then key and value of every own enumerable field, or of the fields called `keys`. */
  fields(value: object, keys?: readonly string[]): void;
  array(value: readonly unknown[]): void;
  /** An object that only the platform carries. */
  hostObject(value: object): void;
  /** A built-in object: as it is, or dressed in what is added to it, a class and fields of its own. */
  builtin(value: object, write: Write, registration?: Registration): void;
  /** Goes one level down; what is returned is where `step` notes the way and where `ascend` goes back to. */
  descend(): number;
  step(depth: number, step: PathStep): void;
  ascend(depth: number): void;
  /** A resizable buffer is written: the other side sets aside as much address space. */
  reserveSpace(bytes: number): void;
  refuse(refusal: Refusal): never;
  /** Whether an ArrayBuffer is to be moved. */
  attaches(value: object): boolean;
  /** Rides beside the bytes. */
  attachment(value: object): void;
  /** The place of a class in this message's table. `required`: decoding fails where the class is not registered. */
  classIndex(registration: Registration, required: boolean): number;
  state(): WriterState;
  /** Forgets all that was written since `state`. */
  rollBack(state: WriterState): void;
}
