/** Why a value cannot cross, in words: what it is, and what to do instead. */
import { types } from "node:util";
import { classNameOf, isOfPlatform } from "./host-object.js";
import { adviceOf } from "./portrait.js";
import { isClassElsewhere, isOfOtherVersion, ONE_VERSION } from "../memory/index.js";
import type { Boundary } from "./marshalled.js";

/** `what` completes "args[0] is …"; `fix` completes "… cannot cross to another worker: …". */
export interface Refusal {
  readonly what: string;
  readonly fix: string;
}

/**
 * The refusal of a value that nothing in the codec carries. `base`: the class of the platform that its class extends,
 * if its objects cannot travel.
 */
export function refusalOf(value: unknown, base?: string): Refusal {
  if (typeof value === "symbol")
    return { what: "a symbol", fix: "send a string and look the symbol up on the other side" };
  if (typeof value === "function") return refusalOfFunction(value);
  const object = value as object;
  if (!types.isProxy(object) && isOfOtherVersion(object, "crossing")) return refusalOfVersion(classNameOf(object));
  if (types.isPromise(object)) return { what: "a Promise", fix: "await it and send what it gives" };
  if (types.isGeneratorObject(object))
    return { what: "a generator", fix: "collect what it yields into an array and send that" };
  if (types.isProxy(object)) return { what: "a Proxy", fix: "send a plain copy of what it shows" };
  const name = classNameOf(object);
  const fix = adviceOf(object);
  if (fix !== undefined) return { what: `a ${name}`, fix };
  if (name !== undefined && /^Weak(?:Map|Set|Ref)$|^FinalizationRegistry$/.test(name)) {
    return { what: `a ${name}`, fix: "it is about objects of this worker only; send the objects themselves" };
  }
  if (name === "AbortSignal" || name === "AbortController") {
    return {
      what: `an ${name}`,
      fix: "give the signal as an option of the call, and use currentWorker().signal inside the task",
    };
  }
  if (typeof (object as { next?: unknown }).next === "function" && Symbol.iterator in object) {
    return { what: "an iterator", fix: "collect what it yields into an array and send that" };
  }
  if (name === undefined) return { what: "an object whose prototype is not a class", fix: "send a plain object" };
  if (isNativeClass(object))
    return { what: `an instance of ${name}`, fix: "send the plain data that it can be made from again" };
  if (isClassElsewhere(Object.getPrototypeOf(object) as object))
    return {
      what: `an instance of class ${name}, which is registered with another version of allcores,`,
      fix: ONE_VERSION,
    };
  if (base !== undefined) return refusalOfSubclass(name, base);
  return {
    what: `an instance of class ${name}`,
    fix: `register it with sendable(import.meta, ${name}) in its module, or send a plain object`,
  };
}

/**
 * The refusal of a class that extends one of the platform whose objects cannot travel: what such an object holds is no
 * field.
 */
export function refusalOfSubclass(name: string, base: string): Refusal {
  return {
    what: `an instance of class ${name}, which extends ${base},`,
    fix: `give ${name} the static methods [Symbol.for("allcores.encode")] and [Symbol.for("allcores.decode")] and register it with sendable(import.meta, ${name}), or send plain data`,
  };
}

function refusalOfVersion(name = "object"): Refusal {
  return { what: `a ${name} of another version of allcores`, fix: ONE_VERSION };
}

/** The refusal of a function, which differs by what it looks like. */
function refusalOfFunction(value: object): Refusal {
  if (types.isProxy(value))
    return {
      what: "a Proxy of a function",
      fix: "register a function with task(import.meta, fn) in its module and pass the task",
    };
  if (isOfOtherVersion(value, "crossing")) return refusalOfVersion("task");
  if (/^class\b/.test(Function.prototype.toString.call(value)))
    return { what: "a class", fix: "import it on the other side, and send plain data or sendable() instances" };
  return { what: "a function", fix: "register it with task(import.meta, fn) in its module and pass the task" };
}

/** The refusal of memory that threads could share, where nothing can carry the reference. */
export function refusalOfSharedMemory(to: Boundary, apart?: string): Refusal {
  if (apart !== undefined)
    return {
      what: "a SharedArrayBuffer, or lies in one,",
      fix: `${apart} share no memory with this program: send a copy, by slice()`,
    };
  return {
    what: "a SharedArrayBuffer, or lies in one,",
    fix: `use SharedArray or SharedMemory with { across: "${to}" }`,
  };
}

/** What has a counterpart at a server that all programs reach. */
const HAVE_REMOTE = new Set(["Lock", "Semaphore", "Event"]);

/** The refusal of a shared object, of whatever reach, for those who share no memory with this program. */
export function refusalOfShared(kind: string, apart: string): Refusal {
  const instead = HAVE_REMOTE.has(kind) ? `make a Remote${kind} of one name on both sides` : "send what it holds";
  return {
    what: `a ${kind}, one of the shared objects,`,
    fix: `${apart} share no memory with this program: ${instead}`,
  };
}

/** The refusal of an object of the platform, where no port carries it. */
export function refusalOfHostObject(value: object, to: Boundary): Refusal {
  const where =
    to === "processes"
      ? "only threads of one process can be given one"
      : "pass it as an argument to a thread, it cannot lie in a queue";
  return { what: `of class ${classNameOf(value)}`, fix: where };
}

/** The refusal of a mark of `transfer()`, where nothing is moved: to workers that are called `apart`. */
export function refusalOfMark(apart: string): Refusal {
  return {
    what: "marked by transfer()",
    fix: `${apart} get no moved buffers: send it without the mark, and it is copied`,
  };
}

/** The refusal of an object of one worker, in a message that several may read. */
export function refusalOfOneWorkers(kind: string): Refusal {
  return {
    what: `a ${kind}, which belongs to one worker at a time,`,
    fix: "give it to that worker as an argument or through a queue",
  };
}

/** A value in two or three words, for a message that must not fail whatever the value is. */
export function nameOf(value: unknown): string {
  try {
    if (typeof value === "function") return refusalOfFunction(value).what.replace(/^an? /, "");
    if (typeof value !== "object" || value === null) return typeof value;
    const name = types.isProxy(value) ? "Proxy" : classNameOf(value);
    return name === undefined || name === "Object" ? "object" : `instance of ${name}`;
  } catch {
    return "object";
  }
}

function isNativeClass(value: object): boolean {
  const maker: unknown = (Object.getPrototypeOf(value) as { constructor?: unknown }).constructor;
  return typeof maker === "function" && isOfPlatform(maker);
}
