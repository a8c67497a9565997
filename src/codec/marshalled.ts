import { ArgumentTypeError, CorruptError, UnsendableError } from "../errors/index.js";
import { type Heap, needKinds, versioned } from "../memory/index.js";
import type { Origin } from "./allowed-modules.js";

/** What is being crossed: from thread to thread inside one process, or from process to process. */
export type Boundary = "threads" | "processes";

/**
 * The name of the method by which an object (or a function) says itself how it travels. Two copies of one version of
 * this library know each other's objects by it.
 */
export const crossing: unique symbol = versioned("crossing") as never;

/** What an object with a crossing method is turned into. */
export interface Marshalled {
  /** Whose decoder is asked on the other side: see {@link registerKind}. */
  readonly kind: string;
  /** Any value that can be encoded, except the object itself; usually a small array of numbers. */
  readonly payload: unknown;
  /**
   * It stands in no memory, and there is nothing to retain: it also reaches a worker that shares no memory with this
   * one.
   */
  readonly isPlain?: true;
  /** Called once the whole value is encoded, and never when encoding it failed. Must not throw. */
  retain?(): void;
  /**
   * Called instead for a message that is lent: it owns nothing, so the object must stay until this worker frees it.
   * Must not throw. What retains but does not lend cannot be in such a message.
   */
  lend?(): void;
  /** The heap that the object stands in, for such a message. */
  readonly heap?: Heap;
  /**
   * Called once the message stands where its reader finds it; for a channel that does not tell, in a microtask after
   * encoding.
   */
  committed?(): void;
  /**
   * What `retain` counts a hold on. Who stores the message, and reads it more than once or throws it away unread,
   * counts by it.
   */
  readonly held?: HeldBlock;
}

/** A block of shared memory that a message holds. */
export interface HeldBlock {
  readonly acrossProcesses: boolean;
  readonly heapId: number;
  readonly at: number;
}

/**
 * An object that travels by what its crossing method says. The method itself throws `ReachError` or `UnsendableError`
 * when it must not cross.
 */
export interface Crosses {
  /** @internal */
  [crossing](to: Boundary, path: string): Marshalled;
}

type KindDecoder = (payload: never, origin: Origin) => unknown;
type KindEnd = (payload: never, end: MessageEnd) => void;
type KindAgain = (payload: never) => void;

/**
 * What becomes of a message that is not decoded: nobody has read it and nobody will; a worker may have read it, or a
 * part of it, and died; it was not sent, and is its sender's again.
 */
export type MessageEnd = "unread" | "uncertain" | "returned";

interface Kind {
  readonly decode: KindDecoder;
  readonly end: KindEnd | undefined;
  readonly again: KindAgain | undefined;
}

const kinds = new Map<string, Kind>();

/**
 * Tells how marshalled objects of one kind become objects again in this realm. The last registration of a kind counts.
 *
 * `decode` may be given hostile bytes' idea of a payload: it checks what it gets and throws `CorruptError`. `end` is
 * told of an object in a message that is not decoded. It lets go of the hold that the message has on the object, once,
 * but for an uncertain end: that hold may have become somebody's. Where somebody else has to hear that the object
 * reaches nobody, it tells them, unless the object has arrived all the same.
 * `again` counts the hold of a message on the object once more, for a copy of the message. A kind that has an `end` and
 * none of these can be in one message only.
 */
export function registerKind(kind: string, decode: KindDecoder, end?: KindEnd, again?: KindAgain): void {
  if (typeof kind !== "string" || kind === "")
    throw new ArgumentTypeError("registerKind: the kind must be a string that is not empty");
  if (typeof decode !== "function") throw new ArgumentTypeError("registerKind: the decoder must be a function");
  kinds.set(kind, { decode, end, again });
}

function kindOf(name: string): Kind | undefined {
  if (!kinds.has(name)) needKinds();
  return kinds.get(name);
}

/** Whether `value` says itself how it travels. */
export function isCrossing(value: object): value is Crosses {
  return typeof (value as Partial<Crosses>)[crossing] === "function";
}

/** The object that a marshalled object stands for. @throws CorruptError when nobody registered its kind here. */
export function unmarshal(kind: string, payload: unknown, origin: Origin): unknown {
  const known = kindOf(kind);
  if (known === undefined)
    throw new CorruptError(`no decoder is registered for objects of kind ${JSON.stringify(kind)}`);
  return known.decode(payload as never, origin);
}

/**
 * The object that a marshalled object stands for is not made. Never throws: what cannot be ended here keeps none of the
 * others.
 */
export function endMarshalled(kind: string, payload: unknown, end: MessageEnd): void {
  try {
    kindOf(kind)?.end?.(payload as never, end);
  } catch {
    // Its memory is out of reach, or was written over.
  }
}

/** A marshalled object as it stands in a message. */
export interface FoundMarshalled {
  readonly kind: string;
  readonly payload: unknown;
}

/**
 * Each of these objects is in two messages from here on, and held by both.
 * @throws UnsendableError where one can be in one message only, FreedError; nothing has changed then
 */
export function holdAgain(found: readonly FoundMarshalled[]): void {
  for (const { kind } of found) {
    const known = kindOf(kind);
    if (known?.end !== undefined && known.again === undefined)
      throw new UnsendableError(
        "value",
        `a ${kind} is in one message only, which must not be copied: take the value instead of looking at it`,
      );
  }
  let count = 0;
  try {
    for (; count < found.length; count++) kindOf(found[count]!.kind)?.again?.(found[count]!.payload as never);
  } catch (error) {
    for (const { kind, payload } of found.slice(0, count)) endMarshalled(kind, payload, "unread");
    throw error;
  }
}

/**
 * What a message names stays until it is decoded or lost. Gives what tells those who asked for it that the message is
 * committed, if any did.
 */
export function retainAll(marshalled: readonly Marshalled[]): (() => void) | undefined {
  for (const each of marshalled) each.retain?.();
  const concerned = marshalled.filter((each) => each.committed !== undefined);
  if (concerned.length === 0) return undefined;
  return () => {
    for (const each of concerned) each.committed!();
  };
}
