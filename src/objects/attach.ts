/** How an object arrives by its handle: as this worker's own wrapper of the same block. */
import { type MessageEnd, registerKind } from "../codec/marshalled.js";
import { AttachError, CorruptError, FreedError } from "../errors/index.js";
import { type Heap, processHeapOf, threadHeapOf } from "../memory/index.js";
import { Handle, LENT, PROCESSES } from "./handle.js";
import type { SharedObject } from "./shared-object.js";

/** Makes a class of shared objects arrive as itself. Called once per class, by the file that defines it. */
export function registerShared(
  kind: number,
  Class: { readonly name: string; attach(handle: Handle): SharedObject },
): void {
  registerKind(
    Class.name,
    (payload: unknown) => attachShared(kind, Class.name, payload, Class.attach),
    (payload: unknown, end) => endShared(kind, Class.name, payload, end),
    (payload: unknown) => holdSharedAgain(kind, Class.name, payload),
  );
}

/** A handle is not decoded: the hold that came with it, if any, is let go of. */
export function endShared(kind: number, name: string, payload: unknown, end: MessageEnd): void {
  // One that was lent brought none.
  if (end === "uncertain" || (Array.isArray(payload) && (Number(payload[0]) & LENT) !== 0)) return;
  const { heap, at } = locate(kind, name, payload);
  heap.references.letGo(at);
}

/** A handle is in one more message, which holds the object too. */
export function holdSharedAgain(kind: number, name: string, payload: unknown): void {
  if (Array.isArray(payload) && (Number(payload[0]) & LENT) !== 0) return;
  const { heap, at } = locate(kind, name, payload);
  heap.allocator.retain(at);
}

/**
 * The object that a handle from another worker stands for: this worker's own wrapper of it. Takes over the hold that
 * the message had, unless it was lent.
 */
export function attachShared(
  kind: number,
  name: string,
  payload: unknown,
  attach: (handle: Handle) => SharedObject,
): object {
  const { heap, at, label } = locate(kind, name, payload);
  return wrap(heap, at, label, attach);
}

/** Where the live block stands that a handle names, with the hold that came with it. */
export function locate(kind: number, name: string, payload: unknown): Handle {
  const [flags, heapId, at, generation, label] = Array.isArray(payload) ? payload : [];
  if (
    !Number.isInteger(flags) ||
    flags < 0 ||
    flags > (PROCESSES | LENT) ||
    !Number.isInteger(at) ||
    !Number.isInteger(heapId)
  )
    throw new CorruptError(`a handle of a ${name} is malformed`);
  const heap = (flags & PROCESSES) !== 0 ? processHeapOf(heapId) : threadHeapOf(heapId);
  if (heap === undefined) throw new AttachError(unreachable(name, (flags & PROCESSES) !== 0));
  heap.catchUp();
  const { allocator } = heap;
  if (!((flags & LENT) !== 0 ? allocator.retainLive(at, kind, generation) : allocator.isLive(at, kind, generation)))
    throw new FreedError(`the memory of a ${name} that arrived here was freed meanwhile`);
  return new Handle(heap, at, label);
}

function unreachable(name: string, acrossProcesses: boolean): string {
  return acrossProcesses
    ? `a ${name} stands in the memory of a program of which no process is left that this one may look at: it must run, as the same user and in the same pid namespace`
    : `a ${name} reaches across threads only, and stands in the memory of another process or of a thread that started without allcores: create it with ` +
        `{ across: "processes" } for another process; to a thread send it by postMessage(pack(...))`;
}

/**
 * This worker's wrapper of a live block, made by `attach` if it has none. The caller's hold on the block becomes the
 * wrapper's.
 */
export function wrap<T extends SharedObject>(
  heap: Heap,
  at: number,
  label: string | undefined,
  attach: (handle: Handle) => T,
): T {
  const known = heap.references.find(at) as T | undefined;
  if (known !== undefined) {
    heap.references.letGo(at);
    return known;
  }
  const object = attach(new Handle(heap, at, label));
  heap.references.hold(at, object);
  return object;
}
