/**
 * Values with shared objects in them, through channels that are not this library's. A packed value is a plain object of
 * numbers and one string, which JSON and structured clone alike carry unchanged. Its bytes are a lent message: they
 * hold nothing, so they may be unpacked once, many times or never.
 *
 * It says where what it names can be found: for objects across processes the process that packed it, which has their
 * memory open; for objects across threads the memory itself, which only `postMessage` to a thread of this process can
 * carry.
 * Rejected: a message that owns its holds, as those in queues do. One that is never unpacked would keep them for ever,
 * and one that is sent to many could be unpacked once.
 */
import { types } from "node:util";
import { ArgumentTypeError, AttachError, KnownOptions, ownOptions } from "../errors/index.js";
import { attachThreadHeap, heapHere, LAYOUT_VERSION, ProcessHeap, processHeapOf, ThreadHeap } from "../memory/index.js";
import { platform } from "../platform/index.js";
import { FROM_ELSEWHERE } from "./allowed-modules.js";
import { decode } from "./decode.js";
import { encode } from "./encode.js";
import type { Boundary, Marshalled } from "./marshalled.js";

declare const content: unique symbol;

/** What `pack` gives: to be sent as it is, by any means that carries plain data. `T` is what `unpack` gives back. */
export interface Packed<T = unknown> {
  readonly [content]?: T;
}

/** Options of {@link pack}. */
export interface PackOptions {
  /**
   * Where it is going. `"processes"`: an object that reaches across threads only is refused at once, by `ReachError`
   * with its path. Left out or `"threads"`: such an object is packed, for threads of this process; elsewhere unpacking
   * it fails.
   */
  to?: Boundary | undefined;
}

const PACK_OPTIONS = new KnownOptions<PackOptions>({ to: true });

/** A packed value as it travels. */
interface Wire {
  /** The version of shared memory's layout, which the codec's format goes with. */
  readonly allcores: number;
  /** The encoded value, base64. */
  readonly bytes: string;
  /** Who packed it, if there are objects across processes in it: process, user, pid namespace. */
  readonly from?: readonly [pid: number, uid: number, namespace: number];
  /** Their heaps, and the descriptors by which that process has them open. */
  readonly heaps?: readonly (readonly [heapId: number, descriptor: number])[];
  /** The heaps of objects across threads. */
  readonly threads?: readonly { readonly control: SharedArrayBuffer; readonly data: SharedArrayBuffer }[];
}

/**
 * Makes a value with shared objects in it, at any depth, ready for a channel of your own: `postMessage`, `process.send`
 * (`serialization: "json"` and `"advanced"`), `node:cluster`, a socket. `unpack` on the other side gives the value
 * back, with the same objects in it, not copies. Values are carried as by a Queue.
 *
 * A shared object that was packed stays until this worker calls its `free()` or ends: the message itself holds nothing,
 * so it may be sent to many, or get lost. Once it is unpacked the other side holds the object as well.
 * Across processes it reaches every process of this user in this pid namespace, no matter which program started it.
 * Some process that has the object's memory must live.
 *
 * Without it `postMessage` and `structuredClone` of a shared object throw a DataCloneError from Node 22.10 on; before,
 * they give an empty object.
 *
 * @param value anything that can be sent
 * @param options `to`: `"processes"` refuses what reaches across threads only
 * @returns a plain object for a channel of your own
 * @throws `ERR_ALLCORES_UNSENDABLE` with the path of what cannot cross, `ERR_ALLCORES_REACH` with `to: "processes"`
 *   when an object reaches across threads only; `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense
 * @remarks **Death:** what it names lives while some worker has it. **Cost:** the encoding, and base64.
 *
 * @example
 * ```ts
 * import { Lock, pack, unpack } from "allcores";
 * const lock = new Lock({ across: "processes" });
 * const message = JSON.parse(JSON.stringify(pack({ lock, limit: 10n })));
 * const { lock: same, limit } = unpack<{ lock: Lock; limit: bigint }>(message);
 * console.log(same === lock, limit); // true 10n
 * ```
 */
export function pack<T>(value: T, options?: PackOptions): Packed<T> {
  if (options !== undefined && (typeof options !== "object" || options === null))
    throw new ArgumentTypeError(
      `options must be an object such as { to: "processes" }, got ${options === null ? "null" : typeof options}`,
    );
  PACK_OPTIONS.check(options);
  options = ownOptions(options);
  const to = options?.to;
  if (to !== undefined && to !== "threads" && to !== "processes")
    throw new ArgumentTypeError(`options.to must be "threads" or "processes", got ${String(to)}`);
  const all: Marshalled[] = [];
  const message = encode(value, { to: to ?? "threads", root: "value", lend: (marshalled) => all.push(marshalled) });
  const bytes = Buffer.from(message.toBytes().buffer).toString("base64");
  message.release();
  for (const { kind, retain, lend } of all) {
    if (retain !== undefined && lend === undefined)
      throw new ArgumentTypeError(
        `a ${kind} passes from one holder to the next and cannot be packed: send it through a Queue, or as an argument`,
      );
  }
  const shared = new Set<ProcessHeap>();
  const ofThreads = new Set<ThreadHeap>();
  for (const marshalled of all) {
    marshalled.lend?.();
    const heap = marshalled.heap && heapHere(marshalled.heap);
    if (heap instanceof ProcessHeap) shared.add(heap);
    else if (heap instanceof ThreadHeap) ofThreads.add(heap);
  }
  const wire: Wire = {
    allcores: LAYOUT_VERSION,
    bytes,
    ...(shared.size > 0 && {
      from: [process.pid, platform.peers.user, platform.peers.namespace] as const,
      heaps: [...shared].map(({ id, descriptor }) => [id, descriptor] as const),
    }),
    ...(ofThreads.size > 0 && { threads: [...ofThreads].map(({ buffers }) => buffers) }),
  };
  return wire as Packed<T>;
}

/**
 * The value that `pack` made the message from. May be called any number of times, in any worker: each gets the same
 * shared objects.
 *
 * @param message what `pack` gave
 * @returns the value
 * @throws `ERR_ALLCORES_ATTACH` when the memory of an object cannot be reached from here: no worker lives that has it,
 *   another user, another container, another version of this library, or an object across threads only that arrived in
 *   another process; `ERR_ALLCORES_FREED` when an object was freed before; `ERR_ALLCORES_UNKNOWN_CLASS` or
 *   `ERR_ALLCORES_MODULE_NOT_ALLOWED` for a class, or a task, that is not registered here, since a message has nothing
 *   loaded; `ERR_ALLCORES_ARGUMENT_TYPE` for what `pack` did not make
 * @remarks **Death:** as `pack`. **Cost:** the decoding; the first object of another program maps its memory.
 *
 * @example
 * ```ts
 * import { pack, unpack, Value } from "allcores";
 * const visits = new Value("int32", 0);
 * const message = pack({ visits });
 * console.log(unpack(message).visits === visits); // true
 * ```
 */
export function unpack<T>(message: Packed<T>): T;
export function unpack<T = unknown>(message: unknown): T;
export function unpack(message: unknown): unknown {
  const { bytes, from, heaps, threads } = checked(message);
  if (from !== undefined && heaps !== undefined) {
    for (const [id, descriptor] of heaps) reach(id, descriptor, from);
  }
  // As JSON they arrive as empty objects; the decoder then says which object it was.
  for (const buffers of threads ?? []) {
    if (types.isSharedArrayBuffer(buffers?.control) && types.isSharedArrayBuffer(buffers.data))
      attachThreadHeap(buffers);
  }
  const encoded = Buffer.from(bytes, "base64");
  return decode(encoded, 0, encoded.length, undefined, FROM_ELSEWHERE);
}

/** Has that heap attached here, before the first object of it is made. */
function reach(id: number, descriptor: number, [pid, uid, namespace]: NonNullable<Wire["from"]>): void {
  if (processHeapOf(id, { pid, descriptor }) !== undefined) return;
  if (namespace !== platform.peers.namespace)
    throw new AttachError(
      `the message was packed in another pid namespace (another container): start both in one, as with docker run --pid`,
    );
  const here = platform.peers.user;
  if (uid !== here)
    throw new AttachError(
      `the message was packed by a process of user ${uid}, this one runs as user ${here}: share memory under one user`,
    );
  throw new AttachError(
    `the message was packed by process ${pid}, which has ended, and no other living process has the memory that it names: keep a process that uses it alive`,
  );
}

function checked(message: unknown): Wire {
  const wire = message as Partial<Wire> | null | undefined;
  if (typeof wire !== "object" || wire === null || typeof wire.allcores !== "number" || typeof wire.bytes !== "string")
    throw new ArgumentTypeError("unpack(message): the message was not made by pack(), or did not arrive whole");
  if (wire.allcores !== LAYOUT_VERSION)
    throw new AttachError(
      `the message was packed by another version of allcores (its memory has layout ${wire.allcores}, here ${LAYOUT_VERSION}): use one version on both sides`,
    );
  const numbers = (value: unknown, count: number): boolean =>
    Array.isArray(value) && value.length === count && value.every(Number.isSafeInteger);
  const { from, heaps, threads } = wire;
  const isWhole =
    (from === undefined || numbers(from, 3)) &&
    (heaps === undefined || (Array.isArray(heaps) && heaps.every((each) => numbers(each, 2)))) &&
    (threads === undefined || Array.isArray(threads));
  if (!isWhole)
    throw new ArgumentTypeError("unpack(message): the message was not made by pack(), or did not arrive whole");
  return wire as Wire;
}
