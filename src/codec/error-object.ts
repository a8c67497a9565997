/**
 * Errors, in full. An error is its class and its own fields, `message`, `stack` and `cause` among them. A field that
 * cannot cross becomes a string that says so, because an error must always be deliverable: it is how the other side
 * learns what went wrong.
 */
import { ownDescriptor } from "../errors/index.js";
import * as library from "../errors/index.js";
import { nameOf } from "./refusal.js";
import { registrationOf } from "./registration.js";
import { Tag } from "./tags.js";
import type { ValueReader } from "./value-reader.js";
import type { ValueWriter } from "./value-writer.js";

type ErrorClass = (abstract new (...args: never[]) => Error) & { readonly prototype: Error };

const webAssembly = (globalThis as { WebAssembly?: Record<string, ErrorClass> }).WebAssembly;

const builtin: readonly (ErrorClass | undefined)[] = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
  (globalThis as { SuppressedError?: ErrorClass }).SuppressedError,
  webAssembly?.CompileError,
  webAssembly?.LinkError,
  webAssembly?.RuntimeError,
];

/**
 * By name: builtin classes have the name of the class, those of this library have their code, which stays the same when
 * a bundler renames classes or when a second copy of the library threw the error.
 */
const errorClasses = new Map<string, ErrorClass>();
const namesByPrototype = new Map<object, string>();

function learn(name: string, errorClass: ErrorClass): void {
  errorClasses.set(name, errorClass);
  namesByPrototype.set(errorClass.prototype, name);
}

for (const errorClass of builtin) if (errorClass !== undefined) learn(errorClass.name, errorClass);
for (const exported of Object.values(library)) {
  if (typeof exported === "function" && exported.prototype instanceof Error)
    learn((exported.prototype as library.AllcoresError).code, exported as ErrorClass);
}

export function writeError(encoder: ValueWriter, error: Error): void {
  if (typeof DOMException === "function" && error instanceof DOMException) {
    encoder.byte(Tag.domException);
    encoder.text(String(error.name));
    encoder.text(String(error.message));
    writeFields(encoder, error, undefined);
    return;
  }
  const name = nearestClass(error);
  const registration = registrationOf(Object.getPrototypeOf(error) as object);
  encoder.byte(Tag.error);
  encoder.text(name);
  encoder.varint(registration === undefined ? 0 : encoder.classIndex(registration, false) + 1);
  writeFields(encoder, error, registration === undefined ? inheritedName(error, name) : undefined);
}

export function readError(decoder: ValueReader): Error {
  const identity = decoder.reserve();
  const name = decoder.key();
  const index = decoder.varint();
  const registration = index === 0 ? undefined : decoder.classAt(index - 1);
  const errorClass = registration?.registered ?? errorClasses.get(name) ?? Error;
  const error = decoder.resolve(identity, bareError(errorClass.prototype as object));
  readFields(decoder, error);
  return error;
}

export function readDomException(decoder: ValueReader): Error {
  const identity = decoder.reserve();
  const name = decoder.text();
  const message = decoder.text();
  const error = decoder.resolve(
    identity,
    withoutStack(() => new DOMException(message, name)),
  );
  readFields(decoder, error);
  return error;
}

/**
 * A real error, without running the constructor of its class, which may want arguments, and without the cost of a stack
 * trace.
 */
function bareError(prototype: object): Error {
  const error = withoutStack(() => new Error());
  return Object.getPrototypeOf(error) === prototype ? error : (Object.setPrototypeOf(error, prototype) as Error);
}

function withoutStack<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function writeFields(encoder: ValueWriter, error: Error, name: string | undefined): void {
  const keys = Object.getOwnPropertyNames(error);
  encoder.varint(keys.length + (name === undefined ? 0 : 1));
  if (name !== undefined) {
    encoder.text("name");
    encoder.byte(0);
    encoder.text(name);
  }
  const depth = encoder.descend();
  for (const key of keys) {
    encoder.text(key);
    encoder.byte(Object.prototype.propertyIsEnumerable.call(error, key) ? 1 : 0);
    encoder.step(depth, key);
    writeField(encoder, error, key);
  }
  encoder.ascend(depth);
}

function writeField(encoder: ValueWriter, error: Error, key: string): void {
  const state = encoder.state();
  let what = "getter";
  try {
    const value = (error as unknown as Record<string, unknown>)[key];
    what = nameOf(value);
    encoder.write(value);
  } catch {
    encoder.rollBack(state);
    encoder.text(`[${what} ${key}: could not be sent]`);
  }
}

function readFields(decoder: ValueReader, error: Error): void {
  let places = 0;
  for (let count = decoder.varint(); count > 0; count--) {
    const key = decoder.key();
    places = decoder.makeRoom(error, key, places);
    const enumerable = decoder.byte() === 1;
    Reflect.defineProperty(
      error,
      key,
      ownDescriptor({ value: decoder.read(), enumerable, configurable: true, writable: true }),
    );
  }
}

/** The name of the first class, going up from the error's own, that every realm has. */
function nearestClass(error: Error): string {
  for (
    let prototype = Object.getPrototypeOf(error) as object | null;
    prototype !== null;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    const name = namesByPrototype.get(prototype) ?? foreignName(prototype);
    if (name !== undefined) return name;
  }
  return "Error";
}

/** The same for the classes of another realm or of another copy of this library. */
function foreignName(prototype: object): string | undefined {
  if (library.isAllcoresError(prototype) && Object.hasOwn(prototype, "code"))
    return errorClasses.has(prototype.code) ? prototype.code : undefined;
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof maker !== "function" || !errorClasses.has(maker.name)) return undefined;
  return /\[native code\]/.test(Function.prototype.toString.call(maker)) ? maker.name : undefined;
}

/**
 * The name that a user's subclass has on its prototype, which does not travel; undefined when the nearest known class
 * says the same.
 */
function inheritedName(error: Error, nearest: string): string | undefined {
  if (Object.hasOwn(error, "name")) return undefined;
  try {
    const name: unknown = error.name;
    return typeof name === "string" && name !== errorClasses.get(nearest)?.prototype.name ? name : undefined;
  } catch {
    return undefined;
  }
}
