/**
 * Objects of the language, by their prototype. Arrays and plain objects, the common ones, are the encoder's own.
 *
 * What these hold travels with their own tags. What is added to one, the class of a user or fields of its own, travels
 * around it, as its dress.
 */
import { types } from "node:util";
import { viewClasses, writeArrayBuffer, writeNodeBuffer, writeSharedArrayBuffer, writeTypedArray } from "./binary.js";
import { defineField, indexOf } from "./field.js";
import { isOfPlatform } from "./host-object.js";
import { Step } from "./path.js";
import { mostClasses, Tag } from "./tags.js";
import type { ValueReader } from "./value-reader.js";
import type { ValueWriter, Write } from "./value-writer.js";

/** As it is when the library is loaded. */
const PlatformDate = Date;

const writers = new Map<object, Write>([
  [Date.prototype, writeDate],
  [RegExp.prototype, writeRegExp],
  [Map.prototype, writeMap],
  [Set.prototype, writeSet],
  [Number.prototype, writeBoxed],
  [String.prototype, writeBoxed],
  [Boolean.prototype, writeBoxed],
  [BigInt.prototype, writeBoxed],
  [ArrayBuffer.prototype, writeArrayBuffer],
  [SharedArrayBuffer.prototype, writeSharedArrayBuffer],
  [Buffer.prototype, writeNodeBuffer],
  [URL.prototype, writeUrl],
  [URLSearchParams.prototype, writeSearchParams],
]);
for (const viewClass of viewClasses) if (viewClass !== undefined) writers.set(viewClass.prototype, writeTypedArray);

const writersByName = new Map<string, Write>();
for (const [prototype, write] of writers) writersByName.set(prototype.constructor.name, write);

/** How an object with this prototype is written, if the language or Node defines its class. */
export function builtinWriter(prototype: object): Write | undefined {
  return writers.get(prototype);
}

/**
 * The same for a prototype of another realm: objects made in a vm context, as under some test runners. `plain` and
 * `array` stand for what the encoder writes itself.
 */
export function foreignWriter(prototype: object, value?: object): Write | "plain" | "array" | undefined {
  if (value !== undefined && types.isDate(value) && isOfFakes(prototype, value)) return writeDate;
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof maker !== "function" || types.isProxy(maker)) return undefined;
  const { name } = maker;
  if (Function.prototype.toString.call(maker) !== `function ${name}() { [native code] }`) return undefined;
  if (name === "Object" && Object.getPrototypeOf(prototype) === null) return "plain";
  if (name === "Array") return "array";
  return writersByName.get(name);
}

/**
 * Whether a date was made by the class that a test's fake timers put in the place of Date: such dates have a prototype
 * of their own, and say that Date made them.
 */
function isOfFakes(prototype: object, date: Date): boolean {
  return (
    prototype === globalThis.Date.prototype ||
    Object.getOwnPropertyDescriptor(date, "constructor")?.value === PlatformDate
  );
}

/**
 * What an instance of a user's class is made of, apart from its fields: the nearest class above that the language or
 * Node defines. `write` carries it, unless nothing can, as with Headers, Promise or WeakMap; undefined when there is
 * only Object above.
 */
export interface Base {
  readonly name: string;
  readonly write: Write | undefined;
}

export function baseOf(prototype: object): Base | undefined {
  for (let above = prototype; above !== Object.prototype; ) {
    const next = Object.getPrototypeOf(above) as object | null;
    if (next === null) return undefined;
    above = next;
    const write = above === Array.prototype ? "array" : (builtinWriter(above) ?? foreignWriter(above));
    if (write === "plain") return undefined;
    if (write === "array") return { name: "Array", write: writeArray };
    const maker: unknown = Object.getOwnPropertyDescriptor(above, "constructor")?.value;
    const name = typeof maker === "function" ? maker.name : "";
    if (write !== undefined) return { name, write };
    if (above !== Object.prototype && typeof maker === "function" && isOfPlatform(maker))
      return { name, write: undefined };
  }
  return undefined;
}

function writeArray(encoder: ValueWriter, value: readonly unknown[]): void {
  if (!Array.isArray(value)) throw new TypeError("it has the prototype of an Array but is none");
  encoder.array(value);
}

function writeDate(encoder: ValueWriter, value: Date): void {
  const time = Date.prototype.getTime.call(value);
  encoder.byte(Tag.date);
  encoder.number(time);
}

export function readDate(decoder: ValueReader): Date {
  const identity = decoder.reserve();
  return decoder.resolve(identity, new Date(decoder.number()));
}

function writeRegExp(encoder: ValueWriter, value: RegExp): void {
  if (!types.isRegExp(value)) throw new TypeError("it has the prototype of a RegExp but is none");
  const { source, flags } = value;
  if (hasTooManyClasses(source, flags))
    encoder.refuse({
      what: `a RegExp with more than ${mostClasses} \\p{…}`,
      fix: "send its source, and make it again on the other side",
    });
  encoder.byte(Tag.regexp);
  encoder.text(source);
  encoder.text(flags);
  const depth = encoder.descend();
  encoder.step(depth, "lastIndex");
  encoder.write(value.lastIndex);
  encoder.ascend(depth);
}

function hasTooManyClasses(source: string, flags: string): boolean {
  return source.length > mostClasses && /[uv]/.test(flags) && source.split(/\\p/i).length > mostClasses + 1;
}

export function readRegExp(decoder: ValueReader): RegExp {
  const identity = decoder.reserve();
  const source = decoder.text();
  const flags = decoder.key();
  if (hasTooManyClasses(source, flags))
    throw decoder.corrupt("a regular expression has more classes of characters than one may");
  const regexp = decoder.resolve(identity, new RegExp(source, flags));
  regexp.lastIndex = decoder.read() as number;
  return regexp;
}

function writeMap(encoder: ValueWriter, value: Map<unknown, unknown>): void {
  const entries = Map.prototype.entries.call(value);
  encoder.byte(Tag.map);
  const depth = encoder.descend();
  let index = 0;
  for (const [key, item] of entries) {
    encoder.step(depth, new Step("key", index));
    encoder.write(key);
    encoder.step(depth, new Step("entry", index, key));
    encoder.write(item);
    index++;
  }
  encoder.ascend(depth);
  encoder.byte(Tag.end);
}

export function readMap(decoder: ValueReader): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  decoder.resolve(decoder.reserve(), map);
  while (!decoder.skipEnd()) {
    const key = decoder.read();
    map.set(key, decoder.read());
  }
  return map;
}

function writeSet(encoder: ValueWriter, value: Set<unknown>): void {
  const items = Set.prototype.values.call(value);
  encoder.byte(Tag.set);
  const depth = encoder.descend();
  let index = 0;
  for (const item of items) {
    encoder.step(depth, new Step("item", index++));
    encoder.write(item);
  }
  encoder.ascend(depth);
  encoder.byte(Tag.end);
}

export function readSet(decoder: ValueReader): Set<unknown> {
  const set = new Set<unknown>();
  decoder.resolve(decoder.reserve(), set);
  while (!decoder.skipEnd()) set.add(decoder.read());
  return set;
}

function writeBoxed(encoder: ValueWriter, value: object): void {
  if (!types.isBoxedPrimitive(value)) throw new TypeError("it has the prototype of a boxed primitive but is none");
  encoder.byte(Tag.boxed);
  if (types.isNumberObject(value)) encoder.number(Number.prototype.valueOf.call(value));
  else if (types.isStringObject(value)) encoder.text(String.prototype.valueOf.call(value));
  else
    encoder.write(
      types.isBooleanObject(value) ? Boolean.prototype.valueOf.call(value) : BigInt.prototype.valueOf.call(value),
    );
}

export function readBoxed(decoder: ValueReader): object {
  const identity = decoder.reserve();
  const value = decoder.read();
  if ((typeof value === "object" && value !== null) || value === undefined || value === null)
    throw decoder.corrupt("a box holds no primitive");
  return decoder.resolve(identity, Object(value) as object);
}

function writeUrl(encoder: ValueWriter, value: URL): void {
  const { href } = value;
  encoder.byte(Tag.url);
  encoder.text(href);
}

export function readUrl(decoder: ValueReader): URL {
  const identity = decoder.reserve();
  return decoder.resolve(identity, new URL(decoder.text()));
}

function writeSearchParams(encoder: ValueWriter, value: URLSearchParams): void {
  const text = URLSearchParams.prototype.toString.call(value);
  encoder.byte(Tag.searchParams);
  encoder.text(text);
}

export function readSearchParams(decoder: ValueReader): URLSearchParams {
  const identity = decoder.reserve();
  return decoder.resolve(identity, new URLSearchParams(decoder.text()));
}

/** What may be dressed: a built-in object, made here or by `postMessage`. */
const dressable: ReadonlySet<number> = new Set([
  Tag.array,
  Tag.map,
  Tag.set,
  Tag.date,
  Tag.regexp,
  Tag.boxed,
  Tag.arrayBuffer,
  Tag.resizableBuffer,
  Tag.view,
  Tag.nodeBuffer,
  Tag.url,
  Tag.searchParams,
  Tag.attachment,
  Tag.sharedBuffer,
]);

export function readDressed(decoder: ValueReader): unknown {
  const index = decoder.varint();
  const registration = index === 0 ? undefined : decoder.classAt(index - 1);
  const tag = decoder.byte();
  if (!dressable.has(tag)) throw decoder.corrupt("it adds fields to what is not built in");
  const object = decoder.objectOf(tag) as object;
  if (registration !== undefined && !decoder.isLosing)
    Object.setPrototypeOf(object, registration.registered.prototype as object);
  const hasElements = Array.isArray(object) || ArrayBuffer.isView(object);
  let places = 0;
  for (let count = decoder.varint(); count > 0; count--) {
    const key = decoder.key();
    if (decoder.isLosing) {
      decoder.read();
      continue;
    }
    if (!hasElements) places = decoder.makeRoom(object, key, places);
    else if (indexOf(key) >= 0 && key !== MOST_LENGTH) throw decoder.corrupt("an element stands among the fields");
    defineField(object, key, decoder.read(), true);
  }
  return object;
}

/** One more than the greatest index, and so a name. */
const MOST_LENGTH = "4294967295";
