import { isAllcoresError, isThrown, ReachError, UnsendableError, ownEncodeOptions } from "../errors/index.js";
import { builtinWriter } from "./builtin-object.js";
import type { EncodeOptions } from "./encode-options.js";
import { LateParts } from "./late-parts.js";
import { lending } from "./lending.js";
import { namesOf } from "./own-names.js";
import { ByteWriter } from "./byte-writer.js";
import { writeArray, writerOf } from "./foreign-object.js";
import { classIndexIn, classTable, type ClassUse } from "./class-table.js";
import { writePlatformObject } from "./platform-object.js";
import { writeSparseRest } from "./sparse-array.js";
import { changedError, unreadable } from "./unreadable.js";
import type { Message } from "./message.js";
import {
  type Boundary,
  type Crosses,
  crossing,
  type HeldBlock,
  isCrossing,
  type Marshalled,
  retainAll,
} from "./marshalled.js";
import { ObjectNumbers } from "./object-numbers.js";
import { formatPath, inside, type PathStep, Step } from "./path.js";
import { type Refusal, refusalOf, refusalOfMark, refusalOfOneWorkers, refusalOfShared } from "./refusal.js";
import type { Registration } from "./registration.js";
import { TransferMarks } from "./transfer-marks.js";
import { depthLimit, leastReserved, mostReserved, Tag } from "./tags.js";
import type { ValueWriter, Write, WriterState } from "./value-writer.js";
import { queueRealMicrotask } from "../memory/index.js";

const noObjects: readonly never[] = [];

/**
 * Walks a value and writes it. The encoder is itself the message that `encode()` hands out.
 *
 * While it walks it keeps the steps to where it is, which costs one store a field; they become a path only when
 * something is refused.
 */
export class Encoder extends ByteWriter implements ValueWriter, Message {
  to: Boundary = "processes";
  attach = false;
  attachments: readonly unknown[] = noObjects;
  transfer: readonly object[] = noObjects;
  holds = false;
  held: readonly HeldBlock[] = noObjects;
  committed: (() => void) | undefined;
  private keeps = false;
  private areMarksTaken = false;
  /** How the workers are called that share no memory with this program, where the message goes to such. */
  apart: string | undefined;
  /** Values whose mark this message takes. */
  private readonly marks = new TransferMarks();
  private root = "value";
  private depth = 0;
  private reserved = 0;
  private readonly steps: PathStep[] = [];
  private readonly objects = new ObjectNumbers();
  private readonly marshalled: Marshalled[] = [];
  private readonly classes: ClassUse[] = [];
  private readonly lateParts = new LateParts();
  /** An error that was made to be seen by the caller as it is. */
  private refusal: unknown = undefined;

  run(value: unknown, options: EncodeOptions): void {
    options = ownEncodeOptions(options);
    this.release();
    this.reserved = 0;
    this.committed = undefined;
    this.to = options.to;
    this.root = options.root ?? "value";
    this.keeps = options.keeps === true;
    this.apart = options.apart;
    this.attach = options.attach === true && options.to === "threads";
    if (this.attach && options.transfer !== undefined && options.transfer.length > 0)
      this.transfer = [...options.transfer];
    this.areMarksTaken = this.marks.begin(options.marks);
    const { lend } = options;
    // A getter may encode something itself meanwhile.
    const outer = lending.isOn;
    lending.isOn = lend !== undefined;
    try {
      if (options.list === true) {
        this.recall(value as unknown[]);
        // First: an argument may move what another shows a part of.
        if (this.areMarksTaken)
          for (const item of value as unknown[]) if (typeof item === "object" && item !== null) this.mark(item);
        this.array(value as unknown[]);
      } else {
        this.write(value);
      }
      if (this.pieces.length > 0 || this.attachments.length > 0) this.checkUnchanged();
      if (this.classes.length > 0) this.prepend(classTable(this.classes));
    } catch (error) {
      const named = error === this.refusal && error !== undefined ? error : unreadable(this.path(), error);
      this.forgetGraph();
      this.release();
      throw named;
    } finally {
      lending.isOn = outer;
    }
    if (this.areMarksTaken) this.marks.take();
    this.holds = this.marshalled.length > 0;
    try {
      if (lend !== undefined) for (const marshalled of this.marshalled) lend(marshalled);
      else if (this.holds) {
        this.held = this.marshalled.flatMap(({ held }) => held ?? noObjects);
        const committed = retainAll(this.marshalled);
        if (options.tells === true) this.committed = committed;
        else if (committed !== undefined) queueRealMicrotask(committed);
      }
    } finally {
      // Whatever happens: a worker of an explored program may be unwound in `retain`, and the next message begins with
      // nothing.
      this.forgetGraph();
    }
  }

  release(): void {
    this.restart();
    this.attachments = noObjects;
    this.transfer = noObjects;
    this.held = noObjects;
  }

  write(value: unknown): void {
    switch (typeof value) {
      case "number":
        this.number(value);
        return;
      case "string":
        this.text(value);
        return;
      case "object":
        if (value === null) this.byte(Tag.null);
        else this.object(value);
        return;
      case "boolean":
        this.byte(value ? Tag.true : Tag.false);
        return;
      case "undefined":
        this.byte(Tag.undefined);
        return;
      case "bigint":
        this.bigint(value);
        return;
      case "function":
        if (isCrossing(value)) {
          if (!this.recall(value)) this.marshal(value);
          return;
        }
    }
    this.refuse(refusalOf(value));
  }

  /** Count, then key and value of every own enumerable field, or of the fields called `keys`. */
  fields(value: object, keys: readonly string[] = Object.keys(value)): void {
    const symbols = Object.getOwnPropertySymbols(value);
    if (symbols.length > 0) this.refuseSymbols(value, symbols);
    this.varint(keys.length);
    const depth = this.descend();
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      this.steps[depth] = key;
      this.text(key);
      this.write((value as Record<string, unknown>)[key]);
    }
    this.depth = depth;
  }

  /**
   * A field is data if it is enumerable. One that a symbol names is found by that symbol alone, which the other side
   * does not have.
   */
  private refuseSymbols(value: object, symbols: readonly symbol[]): void {
    const symbol = symbols.find((each) => Object.prototype.propertyIsEnumerable.call(value, each));
    if (symbol === undefined) return;
    this.step(this.descend(), new Step("symbol", 0, symbol));
    this.refuse({ what: "a field named by a symbol", fix: "name it by a string, or send a copy without it" });
  }

  /** A built-in object: as it is, or dressed in what is added to it, a class and fields of its own. */
  builtin(value: object, write: Write, registration?: Registration): void {
    const names = namesOf(value);
    if (names === undefined && registration === undefined) {
      write(this, value as never);
      return;
    }
    this.byte(Tag.dressed);
    this.varint(registration === undefined ? 0 : this.classIndex(registration, true) + 1);
    write(this, value as never);
    this.fields(value, names ?? noObjects);
  }

  /** Goes one level down; what is returned is where `step` notes the way and where `ascend` goes back to. */
  descend(): number {
    const depth = this.depth;
    if (depth >= depthLimit)
      this.refuse({
        what: `nested more than ${depthLimit} levels deep`,
        fix: "flatten it, a chain of objects into an array for example",
      });
    this.depth = depth + 1;
    this.steps[depth] = inside;
    return depth;
  }

  /** A resizable buffer is written: the other side sets aside as much address space. */
  reserveSpace(bytes: number): void {
    this.reserved += Math.max(bytes, leastReserved);
    if (this.reserved > mostReserved)
      this.refuse({
        what: "one resizable ArrayBuffer too many for one message",
        fix: "send them in several, or send copies of a fixed length",
      });
  }

  step(depth: number, step: PathStep): void {
    this.steps[depth] = step;
  }

  ascend(depth: number): void {
    this.depth = depth;
  }

  refuse(refusal: Refusal): never {
    const path = this.path();
    throw (this.refusal = new UnsendableError(
      path,
      `${path} is ${refusal.what} and cannot cross to another worker: ${refusal.fix}`,
    ));
  }

  /** Whether an ArrayBuffer is to be moved. */
  attaches(value: object): boolean {
    return this.transfer !== noObjects && this.transfer.includes(value);
  }

  override binary(source: Uint8Array): void {
    const { length } = this.pieces;
    super.binary(source);
    if (this.pieces.length > length) this.lateParts.notePiece(length, this.steps.slice(0, this.depth));
  }

  attachment(value: object): void {
    if (this.attachments === noObjects) this.attachments = [];
    this.lateParts.noteAttachment(this.attachments.length, this.steps.slice(0, this.depth));
    this.byte(Tag.attachment);
    this.varint((this.attachments as unknown[]).push(value) - 1);
  }

  classIndex(registration: Registration, required: boolean): number {
    return classIndexIn(this.classes, registration, required);
  }

  state(): WriterState {
    return {
      at: this.at,
      pieces: this.pieces.length,
      objects: this.objects.count,
      depth: this.depth,
      attachments: this.attachments.length,
      transfer: this.transfer.length,
      marshalled: this.marshalled.length,
      classes: this.classes.length,
    };
  }

  /** Forgets all that was written since `state`. */
  rollBack(state: WriterState): void {
    this.truncate(state.at, state.pieces);
    this.depth = state.depth;
    this.objects.truncate(state.objects);
    if (this.attachments !== noObjects) (this.attachments as unknown[]).length = state.attachments;
    if (this.transfer !== noObjects) (this.transfer as object[]).length = state.transfer;
    this.marshalled.length = state.marshalled;
    this.classes.length = state.classes;
  }

  private checkUnchanged(): void {
    const steps = this.lateParts.changed(this.changedPiece(), this.attachments);
    if (steps !== undefined) throw (this.refusal = changedError(formatPath(this.root, steps, steps.length)));
  }

  /** Moves with the message what the mark of a value says. */
  private mark(value: object): void {
    const moved = this.marks.of(value);
    if (moved === undefined) return;
    if (this.apart !== undefined) this.refuse(refusalOfMark(this.apart));
    this.marks.note(value);
    if (this.attach && moved.length > 0)
      this.transfer = [...this.transfer, ...moved.filter((each) => !this.transfer.includes(each))];
  }

  private object(value: object): void {
    if (this.areMarksTaken) this.mark(value);
    if (this.recall(value)) return;
    if (isCrossing(value)) {
      this.marshal(value);
      return;
    }
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Object.prototype) {
      this.byte(Tag.object);
      this.fields(value);
    } else if (prototype === null) {
      this.byte(Tag.bareObject);
      this.fields(value);
    } else if (prototype === Array.prototype && Array.isArray(value)) {
      if (namesOf(value) === undefined) this.array(value);
      else this.builtin(value, writeArray);
    } else {
      const builtin = builtinWriter(prototype);
      if (builtin !== undefined) {
        this.builtin(value, builtin);
        return;
      }
      const write = writerOf(value, prototype);
      write(this, value as never);
    }
  }

  array(value: readonly unknown[]): void {
    const { length } = value;
    this.byte(Tag.array);
    this.varint(length);
    const depth = this.descend();
    for (let index = 0; index < length; index++) {
      const item = value[index];
      if (item === undefined && !(index in value)) {
        writeSparseRest(this, value, index, depth);
        break;
      }
      this.steps[depth] = index;
      this.write(item);
    }
    this.depth = depth;
  }

  private marshal(value: Crosses & object): void {
    let marshalled: Marshalled;
    try {
      marshalled = value[crossing](this.to, this.path());
    } catch (error) {
      // Whatever its reach is, it would not do.
      if (this.apart !== undefined && isThrown(error, ReachError))
        this.refuse(refusalOfShared(value.constructor.name, this.apart));
      if (isAllcoresError(error)) this.refusal = error;
      throw error;
    }
    const { kind } = marshalled;
    if (this.apart !== undefined && marshalled.isPlain !== true) this.refuse(refusalOfShared(kind, this.apart));
    if (this.keeps && marshalled.committed !== undefined) this.refuse(refusalOfOneWorkers(kind));
    this.byte(Tag.marshalled);
    this.text(kind);
    const depth = this.descend();
    this.write(marshalled.payload);
    this.depth = depth;
    if (marshalled.isPlain !== true) this.marshalled.push(marshalled);
  }

  hostObject(value: object): void {
    writePlatformObject(this, value);
  }

  /** Writes a reference if the object came before; else gives it the next identity number. */
  private recall(value: object): boolean {
    const number = this.objects.numberOf(value);
    if (number < 0) return false;
    this.byte(Tag.reference);
    this.varint(number);
    return true;
  }

  private path(): string {
    return formatPath(this.root, this.steps, this.depth);
  }

  private forgetGraph(): void {
    this.objects.forget();
    this.depth = 0;
    if (this.areMarksTaken) this.marks.forget();
    this.lateParts.forget();
    if (this.marshalled.length > 0) this.marshalled.length = 0;
    if (this.classes.length > 0) this.classes.length = 0;
    this.refusal = undefined;
  }
}
