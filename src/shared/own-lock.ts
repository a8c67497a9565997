/**
 * The RLock that belongs to an object of shared memory. It is made when it is first asked for, by whichever worker asks
 * first; a word of the object says where. The object holds it as a worker would, and lets go of it when it is
 * destroyed.
 */
import { placeOf, reachOf, wrap } from "../objects/index.js";
import { CorruptError } from "../errors/index.js";
import { atomics, type Heap } from "../memory/index.js";
import { RLock } from "../sync/rlock.js";
import { KIND } from "../sync/kinds.js";

/** This worker's wrapper of the lock that the word at `word` names. */
export function ownLock(heap: Heap, word: number, label: string | undefined): RLock {
  const known = atomics.load(heap.words, word);
  if (known !== 0) return attach(heap, known, label);
  const fresh = new RLock(reachOf(heap, label === undefined ? undefined : `${label}.lock`));
  const at = placeOf(fresh);
  // The object's hold comes before the word: a worker killed between the two leaks the lock, it never frees one that
  // others can find.
  heap.allocator.retain(at);
  const first = atomics.compareExchange(heap.words, word, 0, at);
  if (first === 0) return fresh;
  heap.references.letGo(at);
  fresh.free();
  return attach(heap, first, label);
}

/** The object is destroyed: its lock stays only as long as somebody else holds it. */
export function letGoOfLock(heap: Heap, word: number): void {
  const at = atomics.load(heap.words, word);
  if (at === 0) return;
  heap.references.letGo(at);
}

function attach(heap: Heap, at: number, label: string | undefined): RLock {
  heap.allocator.retain(at);
  if (heap.allocator.kindOf(at) !== KIND.rlock)
    throw new CorruptError(`a word of shared memory names word ${at} as a lock, which it is not`);
  return wrap(heap, at, label === undefined ? undefined : `${label}.lock`, RLock.attach);
}
