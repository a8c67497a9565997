/** What travels between the callers of a served object and its owner, and how the owner takes it. */
import { decodeLoading } from "../codec/index.js";
import { ArgumentTypeError, CorruptError, OutOfMemoryError } from "../errors/index.js";
import { type Heap, setRealTimeout } from "../memory/index.js";
import type { Queue } from "./queue.js";
import { Sealed } from "./sealed.js";
import { ServedCall } from "./served-call.js";

/** Between two attempts in full memory. */
export const FULL_MS = 20;

/** `caller` and `id` together name a call to its owner. What follows tells which thread made it, and when. */
export type Request = [
  replies: Sealed<Queue<Answer>>,
  id: number,
  method: string,
  args: Sealed<unknown[]>,
  caller: number,
  pid: number,
  threadId: number,
  sentAt: number,
];
/** The call is called off. It stands behind the request in the same queue, so the owner knows the call by then. */
export type Withdrawal = [caller: number, id: number];
/** Without a value: there was no memory for what it was called with, and an error in full might find none either. */
export type Answer = [id: number, ok: boolean, value?: Sealed];

/** The calls that an owner runs, by caller and id. */
export type ServedCalls = Map<string, ServedCall>;

/** Takes what has come through the queue of requests: a call, or word that one is called off. */
export async function attendTo(
  target: object,
  request: Request | Withdrawal,
  heap: Heap,
  calls: ServedCalls,
): Promise<void> {
  if (Array.isArray(request) && request.length === 2) {
    calls.get(request.join(" "))?.callOff();
    return;
  }
  const [whom, id, method, args, caller, pid = 0, threadId = 0, sentAt = 0] = Array.isArray(request) ? request : [];
  if (
    !(whom instanceof Sealed && args instanceof Sealed) ||
    typeof id !== "number" ||
    typeof method !== "string" ||
    typeof caller !== "number"
  )
    throw new CorruptError("a request for a served object, in shared memory, is none");
  // Before anything waits: word that it is called off may be the next in the queue.
  const call = new ServedCall({ method, pid, threadId, sentAt });
  const key = `${caller} ${id}`;
  calls.set(key, call);
  try {
    await respond(target, [whom, id, method, args, caller, pid, threadId, sentAt], heap, call);
  } finally {
    calls.delete(key);
  }
}

/**
 * Calls the method and answers: with its value, with what it failed of, or with why its arguments could not be had.
 * Nobody waits for the answer of a call that is called off.
 */
async function respond(target: object, [whom, id, method, args]: Request, heap: Heap, call: ServedCall): Promise<void> {
  let replies: Queue<Answer>;
  try {
    replies = await onceThereIsMemory(() => whom.open(heap));
  } catch {
    // The caller's memory is out of reach, or was written over: there is nobody to be told.
    args.takeBack();
    return;
  }
  const reply = async (ok: boolean, value: unknown) => {
    if (call.cancelled) return;
    const sealed = Sealed.of(value, heap, ok ? "result" : "error");
    try {
      await onceThereIsMemory(() => replies.putSync([id, ok, sealed]));
    } catch (error) {
      sealed.takeBack();
      throw error;
    }
  };
  let given: unknown[];
  try {
    given = await decodeLoading(() => args.open(heap), heap);
  } catch (error) {
    if (error instanceof OutOfMemoryError) await onceThereIsMemory(() => replies.putSync([id, false]));
    else await reply(false, error);
    return;
  }
  if (call.cancelled) return;
  try {
    await reply(true, await invoke(target, method, given, call));
  } catch (error) {
    try {
      await reply(false, error);
    } catch {
      await reply(false, new Error(`${method} failed with what cannot cross to another worker: ${String(error)}`));
    }
  }
}

/**
 * The caller waits for its answer as long as this worker lives: where no memory is left to give it, that is tried
 * again. Nothing is changed by an attempt that fails so.
 */
export async function onceThereIsMemory<R>(attempt: () => R): Promise<R> {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      await new Promise((resolve) => setRealTimeout(resolve, FULL_MS));
    }
  }
}

export async function invoke(target: object, name: string, args: unknown[], call: ServedCall): Promise<unknown> {
  const method = (target as Record<string, unknown>)[name];
  // What every object inherits is none of its methods.
  if (typeof method !== "function" || name in Object.prototype)
    throw new ArgumentTypeError(`the served object has no method "${name}"`);
  return await call.run(() => (method as (...args: unknown[]) => unknown).apply(target, args));
}
