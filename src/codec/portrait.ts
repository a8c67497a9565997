/**
 * What an object of this library shows of itself where a logger, a debugger or a copy meets it: what it is and how it
 * stands, never the memory or the engine behind it.
 *
 * The fields of shared objects are their own, because each use of a lock reads several, and an accessor that all
 * classes share would make these reads slow in a program of many kinds. They are defined once, when the object is made,
 * as not enumerable: V8 reads and writes such fields as fast as others. So spreading, listing, comparing and cloning
 * find nothing.
 */
import { inspect, type InspectOptions } from "node:util";
import { textOfThrown, ownDescriptor, ownDescriptors } from "../errors/index.js";

/** How an object stands, in a few fields that a line of a log has room for. */
export type Facts = Readonly<Record<string, unknown>>;

const custom = Symbol.for("nodejs.util.inspect.custom");
/**
 * Why an object stays where it is, and what to send instead. Found by the name, so that two copies of this library know
 * each other's objects.
 */
const advice = Symbol.for("allcores.advice");

/** Node 20 cannot say that an object must not be cloned: there a clone is an empty object. */
const { markAsUncloneable } = process.getBuiltinModule("node:worker_threads") as {
  markAsUncloneable?(object: object): void;
};

/**
 * A clone of the object would be dead: `structuredClone` and `postMessage` throw a DataCloneError, whose text is Node's
 * own. Called by constructors, before any field is added.
 */
export function refuseClones(object: object): void {
  markAsUncloneable?.(object);
}

/** Adds a field that is not enumerable. Called by constructors. */
export function hide<T extends object>(object: T, name: string, value: unknown): void {
  Object.defineProperty(object, name, ownDescriptor({ value, writable: true, configurable: true, enumerable: false }));
}

/** As `console.log` shows it. */
export function shown(name: string, facts: Facts, depth: number, options: InspectOptions): string {
  const label = typeof facts.label === "string" ? ` "${facts.label}"` : "";
  if (depth < 0) return `[${name}${label}]`;
  const rest = Object.fromEntries(
    Object.entries(facts).filter(([key, value]) => key !== "label" && value !== undefined),
  );
  return `${name}${label} ${inspect(rest, { ...options, depth })}`;
}

/** As `JSON.stringify` writes it. BigInts, which JSON has not, are strings. */
export function described(name: string, facts: Facts): Record<string, unknown> {
  return { class: name, ...(plain(facts) as Facts) };
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

/** Facts that could not be read are no reason for a logger to fail. */
export function factsOr(read: () => Facts): Facts {
  try {
    return read();
  } catch (error) {
    return { unreadable: textOfThrown(error) };
  }
}

/**
 * Gives a class `toJSON` and what `console.log` asks for. `fix` completes "… cannot cross to another worker: …";
 * without it the object travels.
 */
export function portray<T extends object>(
  Class: { readonly name: string; readonly prototype: T },
  facts: (object: T) => Facts,
  fix?: string,
): void {
  const nameOf = (object: T): string =>
    (Object.getPrototypeOf(object) as { constructor: { name: string } }).constructor.name;
  // A future answers with another class, and takes the question for interest in its value.
  const fixed =
    Object.getOwnPropertyDescriptor(Class.prototype, "constructor")?.get === undefined ? undefined : Class.name;
  const properties: PropertyDescriptorMap = {
    toJSON: {
      value(this: T) {
        return described(
          fixed ?? nameOf(this),
          factsOr(() => facts(this)),
        );
      },
      configurable: true,
      writable: true,
    },
    [custom]: {
      value(this: T, depth: number, options: InspectOptions) {
        return shown(
          fixed ?? nameOf(this),
          factsOr(() => facts(this)),
          depth,
          options,
        );
      },
      configurable: true,
      writable: true,
    },
    ...(fix !== undefined && { [advice]: { value: fix, configurable: true } }),
  };
  Object.defineProperties(Class.prototype, ownDescriptors(properties));
}

/** What the class of an object says about sending it. */
export function adviceOf(object: object): string | undefined {
  const fix = (object as { [advice]?: unknown })[advice];
  return typeof fix === "string" ? fix : undefined;
}
