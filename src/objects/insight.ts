/**
 * What each kind of object tells of itself to those who look for deadlocks or dump the program. Registered by the file
 * that defines the kind, as its destroyer is.
 */
import { type Heap, needKind } from "../memory/index.js";

/** Whom a wait depends on. */
export interface Holders {
  /** Worker ids. */
  readonly workers: readonly number[];
  /**
   * true: the wait cannot end before every one of them has let go, and nobody else can do that for them.
   * false: one of them is expected to let go, but any worker that has the object may end the wait in its stead.
   */
  readonly firm: boolean;
}

/** What a worker has of an object. */
export interface Hold {
  readonly worker: number;
  /** How often. */
  readonly count: number;
  /** Where there is more than one way to hold it. */
  readonly how?: string;
}

export interface Insight {
  /** As its class is called. */
  readonly name: string;
  /** Who holds it. Reads words that others change meanwhile. */
  held?(heap: Heap, at: number): Hold[];
  /** The block whose words its holders wait for, where that is another than its own. */
  body?(heap: Heap, at: number): number;
  /**
   * Whom a wait for `key` depends on; undefined where any worker that has the object may end it. Reads words that
   * others change meanwhile.
   */
  holders?(heap: Heap, at: number, key: number): Holders | undefined;
  /** What is waited for by this key, as in "reading". */
  purpose?(at: number, key: number): string;
  /** Its state as plain data. Reads words that others change meanwhile. */
  state?(heap: Heap, at: number): Record<string, unknown>;
}

const insights = new Map<number, Insight>();

export function onInspect(kind: number, insight: Insight): void {
  insights.set(kind, insight);
}

/** What is known of a kind; undefined for what no user waits for. */
export function insightInto(kind: number): Insight | undefined {
  needKind(kind);
  return insights.get(kind);
}

/** The object that this worker holds and in whose block, or body, a word stands: that block, and its wrapper. */
export function objectAround(heap: Heap, word: number): { readonly at: number; readonly object: object } | undefined {
  const { allocator, references } = heap;
  let nearest = 0;
  let held = 0;
  for (const each of references.held()) {
    const at = insightInto(allocator.kindOf(each))?.body?.(heap, each) ?? each;
    if (at <= word && at > nearest) [nearest, held] = [at, each];
  }
  if (nearest === 0 || word >= nearest + allocator.sizeOfBlock(nearest)) return undefined;
  const object = references.find(held);
  return object && { at: nearest, object };
}
