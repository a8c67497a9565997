/** Objects of the platform that only `postMessage` can carry: they ride beside the bytes. */
import { types } from "node:util";

interface HostClass {
  /** `postMessage` moves such an object: it is of no use to the sender afterwards. */
  readonly moves: boolean;
  /**
   * Whether the object is what the name of its class says. Asked only after the name has matched, because it may load a
   * module.
   */
  confirm(value: object): boolean;
}

function fromGlobal(name: string, moves: boolean): [string, HostClass] {
  return [name, { moves, confirm: (value) => isInstance(value, (globalThis as Record<string, unknown>)[name]) }];
}

function fromModule(module: string, name: string, moves: boolean): [string, HostClass] {
  return [
    name,
    {
      moves,
      confirm: (value) =>
        isInstance(value, (process.getBuiltinModule(module) as Record<string, unknown> | undefined)?.[name]),
    },
  ];
}

function isInstance(value: object, hostClass: unknown): boolean {
  return typeof hostClass === "function" && value instanceof hostClass;
}

const keyObject: HostClass = { moves: false, confirm: types.isKeyObject };

/** Node does not export the class of histograms. */
const histogram: HostClass = {
  moves: false,
  confirm(value) {
    const recordable = Object.getPrototypeOf(process.getBuiltinModule("node:perf_hooks").createHistogram()) as object;
    return Object.prototype.isPrototypeOf.call(Object.getPrototypeOf(recordable) as object, value);
  },
};

/** By the name of the very class, not of an ancestor: of a `File`, which is a `Blob`, only the Blob would arrive. */
const hostClasses = new Map<string, HostClass>([
  fromModule("node:worker_threads", "MessagePort", true),
  fromModule("node:crypto", "X509Certificate", false),
  fromModule("node:net", "BlockList", false),
  fromModule("node:net", "SocketAddress", false),
  fromGlobal("Blob", false),
  fromGlobal("ReadableStream", true),
  fromGlobal("WritableStream", true),
  fromGlobal("TransformStream", true),
  ["CryptoKey", { moves: false, confirm: types.isCryptoKey }],
  ["SecretKeyObject", keyObject],
  ["PublicKeyObject", keyObject],
  ["PrivateKeyObject", keyObject],
  ["RecordableHistogram", histogram],
  ["ELDHistogram", histogram],
  ["Histogram", histogram],
  [
    "Module",
    {
      moves: false,
      confirm: (value) => isInstance(value, (globalThis as { WebAssembly?: { Module: unknown } }).WebAssembly?.Module),
    },
  ],
  // Node does not export the class of file handles either.
  ["FileHandle", { moves: true, confirm: (value) => typeof (value as { fd?: unknown }).fd === "number" }],
]);

/** What is known of the class of `value`, if it is one that `postMessage` carries. */
export function hostClassOf(value: object): HostClass | undefined {
  const name = classNameOf(value);
  const hostClass = name === undefined ? undefined : hostClasses.get(name);
  return hostClass?.confirm(value) === true ? hostClass : undefined;
}

/** The name of the class whose prototype an object has, if it has one. */
export function classNameOf(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null) return undefined;
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof maker === "function" && typeof maker.name === "string" && maker.name !== "" ? maker.name : undefined;
}

/**
 * Whether a class is the language's, or a global of Node: those are written in JavaScript and look like anybody's. A
 * global is touched only if it has the name of a class that is in use.
 */
export function isOfPlatform(maker: object & { readonly name: string }): boolean {
  if (types.isProxy(maker)) return false;
  if (/\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(maker))) return true;
  return Object.hasOwn(globalThis, maker.name) && (globalThis as Record<string, unknown>)[maker.name] === maker;
}

/** What Node itself keeps in its objects: an EventEmitter's fields, and those of histograms and file handles. */
const fieldsOfNode: ReadonlySet<string> = new Set([
  "_events",
  "_eventsCount",
  "_maxListeners",
  "domain",
  "close",
  "constructor",
]);

/** A field that somebody added to an object of the platform: `postMessage` leaves it behind. */
export function addedField(value: object): string | undefined {
  return ArrayBuffer.isView(value) ? undefined : Object.keys(value).find((key) => !fieldsOfNode.has(key));
}
