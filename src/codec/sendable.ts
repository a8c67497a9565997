import { ArgumentTypeError } from "../errors/index.js";
import { type Base, baseOf } from "./builtin-object.js";
import { knowModule } from "./allowed-modules.js";
import { defineField } from "./field.js";
import { type ModuleSource, moduleUrl } from "./module-url.js";
import { refusalOfSubclass } from "./refusal.js";
import { type Registration, register, registrationOf, type SendableClass } from "./registration.js";
import { Tag } from "./tags.js";
import type { ValueReader } from "./value-reader.js";
import type { ValueWriter } from "./value-writer.js";

/** Name of a static method `(instance) => data`: what travels in place of an instance. */
export const encodeHook: unique symbol = Symbol.for("allcores.encode") as never;
/** Name of a static method `(data) => instance`: makes the instance again. */
export const decodeHook: unique symbol = Symbol.for("allcores.decode") as never;

interface Hooked {
  [encodeHook]?(instance: object): unknown;
  [decodeHook]?(data: unknown): object;
}

/**
 * What each class extends of the platform, null for nothing. Looked up when an instance is first sent: it may touch a
 * global.
 */
const bases = new WeakMap<Registration, Base | null>();

/**
 * Lets the instances of a class travel to other workers. Call it in the module that defines the class, which must be
 * loaded on the other side too.
 *
 * An instance travels as its own enumerable fields and arrives with the same prototype; its constructor does not run.
 * An instance of a class that extends Map, Set, Array, Date, a typed array or another class whose objects can travel
 * arrives with what it holds, too. Neither can bring back `#private` fields: a class that has them, or that wants to
 * send something else, defines two static methods, `[Symbol.for("allcores.encode")](instance)` giving any value that
 * can travel and `[Symbol.for("allcores.decode")](data)` giving an instance. So does a class that extends Headers,
 * Promise or another class of the platform that cannot travel: without the methods its instances are refused. A
 * subclass is registered on its own.
 *
 * @param from the module that defines the class: `import.meta`, or `__filename` in CommonJS
 * @param registered the class
 * @returns the class, so that it can be exported in the same statement
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for something that is not a class with a name, or has only one of the two
 *   methods
 * @remarks **Cost:** an entry in a table.
 *
 * @example
 * ```ts
 * import { Queue, sendable } from "allcores";
 * class Point {
 *   x = 0;
 * }
 * sendable(import.meta, Point);
 * const points = new Queue<Point>();
 * points.putSync(new Point());
 * console.log(points.getSync() instanceof Point); // true
 * ```
 */
export function sendable<C extends SendableClass>(from: ModuleSource, registered: C): C {
  const module = moduleUrl("sendable", from);
  const prototype: unknown = typeof registered === "function" ? registered.prototype : undefined;
  if (typeof prototype !== "object" || prototype === null)
    throw new ArgumentTypeError("sendable: the second argument must be a class");
  if (registered.name === "")
    throw new ArgumentTypeError("sendable: the class needs a name, by which the other side finds it");
  const hooks = registered as unknown as Hooked;
  const registration: Registration = {
    module,
    className: registered.name,
    registered,
    encode: hooks[encodeHook]?.bind(registered),
    decode: hooks[decodeHook]?.bind(registered),
  };
  if ((registration.encode === undefined) !== (registration.decode === undefined)) {
    throw new ArgumentTypeError(
      `sendable: class ${registered.name} needs both of the static methods allcores.encode and allcores.decode, or neither`,
    );
  }
  knowModule(module);
  register(prototype, registration);
  return registered;
}

function baseOfClass(registration: Registration): Base | undefined {
  let base = bases.get(registration);
  if (base === undefined) bases.set(registration, (base = baseOf(registration.registered.prototype as object) ?? null));
  return base ?? undefined;
}

export function writeInstance(encoder: ValueWriter, value: object): void {
  const registration = registrationOf(Object.getPrototypeOf(value) as object) as Registration;
  if (registration.encode !== undefined) {
    encoder.byte(Tag.hookedInstance);
    encoder.varint(encoder.classIndex(registration, true));
    const depth = encoder.descend();
    encoder.write(registration.encode(value));
    encoder.ascend(depth);
    return;
  }
  const base = baseOfClass(registration);
  if (base !== undefined) {
    const { name, write } = base;
    if (write === undefined) encoder.refuse(refusalOfSubclass(registration.className, name));
    encoder.builtin(value, write, registration);
  } else {
    encoder.byte(Tag.instance);
    encoder.varint(encoder.classIndex(registration, true));
    encoder.fields(value);
  }
}

export function readInstance(decoder: ValueReader): object {
  const identity = decoder.reserve();
  const { registered } = readRegistration(decoder);
  const instance = decoder.resolve(identity, Object.create(registered.prototype as object) as object);
  let places = 0;
  for (let count = decoder.varint(); count > 0; count--) {
    const key = decoder.key();
    places = decoder.makeRoom(instance, key, places);
    defineField(instance, key, decoder.read(), true);
  }
  return instance;
}

export function readHookedInstance(decoder: ValueReader): object {
  const identity = decoder.reserve();
  const registration = readRegistration(decoder);
  if (registration.decode === undefined)
    throw decoder.corrupt(`class ${registration.className} makes no instances itself`);
  return decoder.resolve(identity, registration.decode(decoder.read()));
}

function readRegistration(decoder: ValueReader): Registration {
  const registration = decoder.classAt(decoder.varint());
  if (registration === undefined) throw decoder.corrupt("a class is missing");
  return registration;
}
