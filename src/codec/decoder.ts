import { isError, UnknownClassError } from "../errors/index.js";
import { FROM_HERE } from "./allowed-modules.js";
import {
  ofThisRealm,
  readArrayBuffer,
  readNodeBuffer,
  readResizableBuffer,
  readSharedBuffer,
  readView,
} from "./binary.js";
import {
  readBoxed,
  readDate,
  readDressed,
  readMap,
  readRegExp,
  readSearchParams,
  readSet,
  readUrl,
} from "./builtin-object.js";
import { ByteReader } from "./byte-reader.js";
import { readDomException, readError } from "./error-object.js";
import { defineField, indexOf, makeSparse, makeTable } from "./field.js";
import { endMarshalled, type FoundMarshalled, type MessageEnd, unmarshal } from "./marshalled.js";
import { findRegistration, type Registration } from "./registration.js";
import { readHookedInstance, readInstance } from "./sendable.js";
import { depthLimit, leastReserved, mostReserved, shortText, smallInteger, Tag } from "./tags.js";
import type { ValueReader } from "./value-reader.js";

const noAttachments: readonly never[] = [];

/** Stands for an object whose identity number is taken but which is still being made. */
const unfinished: unique symbol = Symbol("unfinished");

const PLACES_A_BYTE = 4;

/** Makes the value that the bytes of a message stand for. */
export class Decoder extends ByteReader implements ValueReader {
  private attachments: readonly unknown[] = noAttachments;
  private origin = FROM_HERE;
  private objects: unknown[] = [];
  private depth = 0;
  private reserved = 0;
  /**
   * For how many more holes of arrays, and of objects' numbered fields, this message pays: V8 takes eight bytes for
   * each, and half as much again as it grows.
   */
  private gaps = 0;
  private classes: readonly (Registration | undefined)[] = noAttachments;
  /** Nothing is made: the objects that travel by handle end so. */
  private losing: MessageEnd | undefined;
  /** Where the objects that travel by handle are noted, of a message that is only gone through. */
  private found: FoundMarshalled[] | undefined;
  /** What is read says how an object travels: that is made all the same, since it tells who has to hear. */
  private inPayload = 0;

  /** Goes through a message that nobody will receive. */
  lose(bytes: Uint8Array, at: number, length: number, end: MessageEnd): void {
    this.losing = end;
    try {
      this.run(bytes, at, length);
    } finally {
      this.losing = undefined;
    }
  }

  /** The objects that travel by handle in a message. */
  marshalledIn(bytes: Uint8Array, at: number, length: number): readonly FoundMarshalled[] {
    const found: FoundMarshalled[] = [];
    this.found = found;
    try {
      this.lose(bytes, at, length, "unread");
    } finally {
      this.found = undefined;
    }
    return found;
  }

  run(
    bytes: Uint8Array,
    at: number,
    length: number,
    attachments: readonly unknown[] = noAttachments,
    origin = FROM_HERE,
  ): unknown {
    this.open(bytes, at, length);
    this.gaps = length * PLACES_A_BYTE;
    this.attachments = attachments;
    this.origin = origin;
    try {
      if (length > 0 && bytes[at] === Tag.classTable) this.readClassTable();
      const value = this.read();
      if (this.at !== this.end) throw this.corrupt("it goes on after its end");
      return value;
    } finally {
      this.close();
      this.attachments = noAttachments;
      if (this.objects.length > 0) this.objects = [];
      this.depth = 0;
      this.reserved = 0;
      this.inPayload = 0;
      this.classes = noAttachments;
    }
  }

  read(): unknown {
    const tag = this.byte();
    if (tag >= smallInteger) return tag - smallInteger;
    if (tag >= shortText) return this.textOf(tag);
    switch (tag) {
      case Tag.undefined:
        return undefined;
      case Tag.null:
        return null;
      case Tag.false:
        return false;
      case Tag.true:
        return true;
      case Tag.int8:
        return this.int8();
      case Tag.int16:
        return this.int16();
      case Tag.int32:
        return this.int32();
      case Tag.double:
        return this.double();
      case Tag.ascii:
      case Tag.utf8:
      case Tag.utf16:
        return this.textOf(tag);
      case Tag.bigint64:
        return this.bigint64();
      case Tag.bigintPositive:
        return this.bigint();
      case Tag.bigintNegative:
        return -this.bigint();
      case Tag.reference:
        return this.reference();
      default: {
        // One more than the encoder's: the buffer of a view, which has no parts.
        if (this.depth > depthLimit) throw this.corrupt("it is nested too deep");
        this.depth++;
        const value = this.objectOf(tag);
        this.depth--;
        return value;
      }
    }
  }

  /** Takes the next identity number, in the order in which the encoder gave them. */
  reserve(): number {
    return this.objects.push(unfinished) - 1;
  }

  /** Says which object has an identity number. */
  resolve<T>(identity: number, value: T): T {
    this.objects[identity] = value;
    return value;
  }

  override binary<T extends Uint8Array>(target: T): T {
    if (this.losing === undefined || this.inPayload > 0) return super.binary(target);
    this.take(target.length);
    return target;
  }

  /** Whether a map or set ends here; if so, that is read. */
  skipEnd(): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== Tag.end) return false;
    this.at++;
    return true;
  }

  /**
   * Called before a field is set: a name such as "1000" makes V8 take memory for a thousand fields, of a message of ten
   * bytes. `places`: for how many it has; returns for how many it has then. Beyond what the message pays for, the
   * object gets a table.
   */
  makeRoom(object: object, key: string, places: number): number {
    const index = indexOf(key);
    if (index < places) return places;
    const gap = index + 1 - places;
    if (gap <= this.gaps) {
      this.gaps -= gap;
      return index + 1;
    }
    makeTable(object);
    return Number.POSITIVE_INFINITY;
  }

  /** A resizable buffer is about to set aside so much address space. */
  reserveSpace(bytes: number): void {
    this.reserved += Math.max(bytes, leastReserved);
    if (this.reserved > mostReserved)
      throw this.corrupt("its resizable buffers set aside more address space than one message may");
  }

  classAt(index: number): Registration | undefined {
    if (index >= this.classes.length) throw this.corrupt("a class is missing");
    return this.classes[index];
  }

  /** Whether nothing is to be made of what is read. */
  get isLosing(): boolean {
    return this.losing !== undefined;
  }

  /** The object that this tag begins, at the level of the one that is being read. */
  objectOf(tag: number): unknown {
    switch (tag) {
      case Tag.object:
        return this.plain({});
      case Tag.bareObject:
        return this.plain(Object.create(null) as Record<string, unknown>);
      case Tag.array:
        return this.array();
      case Tag.map:
        return readMap(this);
      case Tag.set:
        return readSet(this);
      case Tag.date:
        return readDate(this);
      case Tag.nodeBuffer:
        return readNodeBuffer(this);
      case Tag.arrayBuffer:
        return readArrayBuffer(this);
      case Tag.error:
        return readError(this);
      case Tag.domException:
        return readDomException(this);
      case Tag.dressed:
        return readDressed(this);
      case Tag.instance:
        return this.losing !== undefined ? this.lostInstance() : readInstance(this);
      case Tag.hookedInstance:
        return this.losing !== undefined ? this.lostHookedInstance() : readHookedInstance(this);
      case Tag.marshalled:
        return this.marshalled();
      case Tag.attachment:
        return this.attachment();
      case Tag.sharedBuffer:
        return this.losing !== undefined ? this.read() : readSharedBuffer(this);
      case Tag.boxed:
        return readBoxed(this);
      case Tag.view:
        return this.losing !== undefined ? this.lostView() : this.checked(readView);
      case Tag.resizableBuffer:
        return this.checked(readResizableBuffer);
      case Tag.regexp:
        return this.checked(readRegExp);
      case Tag.url:
        return this.checked(readUrl);
      case Tag.searchParams:
        return this.checked(readSearchParams);
      default:
        throw this.corrupt(`0x${tag.toString(16)} begins no value`);
    }
  }

  private plain(object: Record<string, unknown>): object {
    this.objects.push(object);
    let places = 0;
    for (let count = this.varint(); count > 0; count--) {
      const key = this.key();
      places = this.makeRoom(object, key, places);
      if (key === "__proto__") defineField(object, key, this.read(), true);
      else object[key] = this.read();
    }
    return object;
  }

  private array(): unknown[] {
    const array: unknown[] = [];
    this.objects.push(array);
    const length = this.varint();
    if (length > 0xffffffff) throw this.corrupt("an array is too long");
    if (length > 8) this.openLens();
    for (let index = 0; index < length; index++) {
      if (this.bytes[this.at] === Tag.sparseRest && this.at < this.end) {
        this.at++;
        this.sparseRest(array, length);
        break;
      }
      array.push(this.read());
    }
    return array;
  }

  private sparseRest(array: unknown[], length: number): void {
    let count = this.varint();
    // Each has an index and a value.
    if (count > (this.end - this.at) / 2) throw this.corrupt("it ends too early");
    // Setting the length alone would allocate it, up to 256 MB for a message of ten bytes.
    const gap = length - array.length;
    if (gap <= this.gaps) this.gaps -= gap;
    else makeSparse(array, length, length > PLACES_A_BYTE * (array.length + count));
    array.length = length;
    for (; count > 0; count--) {
      const index = this.varint();
      if (index >= length) throw this.corrupt("an index lies outside its array");
      array[index] = this.read();
    }
  }

  private reference(): unknown {
    const number = this.varint();
    if (this.losing !== undefined) return undefined;
    if (number >= this.objects.length) throw this.corrupt("it refers to an object that is not there");
    const value = this.objects[number];
    if (value === unfinished) throw this.corrupt("an object is needed to make itself");
    return value;
  }

  private marshalled(): unknown {
    const identity = this.reserve();
    const kind = this.key();
    this.inPayload++;
    const payload = this.read();
    this.inPayload--;
    if (this.losing === undefined) return this.resolve(identity, unmarshal(kind, payload, this.origin));
    if (this.found === undefined) endMarshalled(kind, payload, this.losing);
    else this.found.push({ kind, payload });
    return this.resolve(identity, undefined);
  }

  private lostInstance(): void {
    this.reserve();
    this.varint();
    for (let count = this.varint(); count > 0; count--) {
      this.key();
      this.read();
    }
  }

  private lostHookedInstance(): void {
    this.reserve();
    this.varint();
    this.read();
  }

  private lostView(): void {
    this.reserve();
    this.byte();
    this.byte();
    this.varint();
    this.varint();
    this.read();
  }

  private attachment(): unknown {
    const index = this.varint();
    if (index >= this.attachments.length && this.losing === undefined)
      throw this.corrupt("what travelled beside it is missing");
    const value = ofThisRealm(this.attachments[index]);
    this.objects.push(value);
    return value;
  }

  /** Runs a reader whose constructor refuses what hostile bytes may ask for. */
  private checked<T>(read: (decoder: ValueReader) => T): T {
    try {
      return read(this);
    } catch (error) {
      // Some of these constructors are Node's, and may be of another realm.
      if (isError(error) && /^(Type|Range|Syntax)Error$/.test(error.name)) throw this.corrupt(error.message, error);
      throw error;
    }
  }

  /**
   * Before anything is made: where a class is missing, nothing has been done yet, and the same bytes can be decoded
   * again.
   */
  private readClassTable(): void {
    this.at++;
    const classes: (Registration | undefined)[] = [];
    for (let count = this.varint(); count > 0; count--) {
      const module = this.text();
      const className = this.text();
      const registration = findRegistration(module, className);
      if (this.byte() === 1 && registration === undefined && this.losing === undefined)
        throw new UnknownClassError(module, className);
      classes.push(registration);
    }
    this.classes = classes;
  }
}
