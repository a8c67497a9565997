/**
 * The memory file of a process heap: made here, checked before it is used, and mapped once per process, whichever of
 * its threads asks first.
 *
 * What a process has mapped stands in a chain in its thread heap, so that its threads use one mapping. An entry is
 * complete before one store links it and is never taken out: memory is not unmapped, because a view of it may be in
 * use.
 */
import { load, store } from "#atomics";
import { AttachError, CorruptError } from "../errors/index.js";
import { formatHeap } from "./heap.js";
import { ARENA, ARENA_WORDS, DRAFT, HEADER, HEADER_END, KIND, LAYOUT_VERSION, MAGIC } from "./layout.js";
import { enter, leave } from "./mutex.js";
import {
  isOutOfDescriptors,
  type MemoryHandle,
  outOfDescriptors,
  platform,
  processPlatform,
} from "../platform/index.js";
import { threadHeap } from "./thread-heap.js";
import { Walk } from "./walk.js";

export const CONTROL_BYTES = 2 ** 31;
export const WINDOW_BYTES = 2 ** 30;
export const DATA_BYTES = 15 * WINDOW_BYTES;
const ARENA_BYTES = CONTROL_BYTES + DATA_BYTES;

/** A process heap's memory as this process has it. */
export interface Arena {
  readonly heapId: number;
  /** The memory file's descriptor: what a child inherits, and others of this user reopen. */
  readonly descriptor: MemoryHandle;
  readonly address: number;
}

/**
 * A number for a new memory file, from 1: the platform's randomness, so that two programs that come into being alike
 * draw apart. Loaded on use, for that takes 3 ms, which no child pays; `globalThis.crypto` would load six times as
 * much.
 */
function drawHeapId(): number {
  const [word] = process.getBuiltinModule("node:crypto").randomFillSync(new Uint32Array(1));
  return (word! % 0x7ffffffe) + 1;
}

/** A new memory file, ready to be mapped by anybody. */
export function createArena(ofMachine: boolean): { heapId: number; descriptor: MemoryHandle } {
  const heapId = drawHeapId();
  const { memory } = processPlatform();
  const descriptor = memory.create({ version: LAYOUT_VERSION, heap: heapId, ofMachine }, ARENA_BYTES);
  try {
    const header = new Int32Array(HEADER_END);
    formatHeap(header, heapId, [
      [HEADER.pidNamespace, platform.peers.namespace],
      [HEADER.ofMachine, ofMachine ? 1 : 0],
    ]);
    memory.writeHeader(descriptor, header);
  } catch (error) {
    memory.close(descriptor);
    throw error;
  }
  return { heapId, descriptor };
}

/** The header of a memory file that holds a heap; undefined when it is something else. Nothing is mapped for that. */
export function readHeader(descriptor: MemoryHandle): Int32Array | undefined {
  const header = processPlatform().memory.readHeader(descriptor, HEADER_END, ARENA_BYTES);
  return header?.[HEADER.magic] === MAGIC ? header : undefined;
}

/** @throws AttachError when this process must not use the heap of that header */
export function checkHeader(header: Int32Array): void {
  if (header[HEADER.version] !== LAYOUT_VERSION)
    throw new AttachError(
      "the memory was made by another version of allcores: all programs that share memory must use the same version",
    );
  if (header[HEADER.pidNamespace] !== platform.peers.namespace) {
    throw new AttachError(
      "the memory was made in another pid namespace (another container): neither side could tell whether the other still lives; start both in one",
    );
  }
}

/** As this process has it mapped, if it has. */
export function findArena(suits: (arena: Arena) => boolean): Arena | undefined {
  const threads = threadHeap();
  const walk = new Walk(threads);
  for (let entry = load(threads.words, HEADER.arenas); entry !== 0; entry = threads.words[entry + ARENA.next]!) {
    walk.to(entry);
    const { words } = threads;
    const arena = {
      heapId: words[entry + ARENA.heapId]!,
      descriptor: words[entry + ARENA.descriptor]!,
      address: (words[entry + ARENA.addressHigh]! >>> 0) * 2 ** 32 + (words[entry + ARENA.addressLow]! >>> 0),
    };
    if (suits(arena)) return arena;
  }
  return undefined;
}

/**
 * @throws CorruptError where an entry names an address, or a descriptor, that is not that heap's: what stands there
 *   goes by its word otherwise, and files would be written to
 */
export function checkArena(arena: Arena): Arena {
  const { heapId, descriptor, address } = arena;
  let isIt = false;
  try {
    isIt =
      processPlatform().memory.isMapped(descriptor, ARENA_BYTES, address) &&
      readHeader(descriptor)?.[HEADER.heapId] === heapId;
  } catch (error) {
    if (isOutOfDescriptors(error))
      throw outOfDescriptors("looking up where the memory that processes share is mapped", error);
  }
  if (!isIt)
    throw new CorruptError(
      "the memory of this process's threads says that the memory of processes is mapped where it is not",
    );
  return arena;
}

/**
 * Maps a memory file into this process, unless that is done already. The descriptor is this function's from the call
 * on: it is kept with the mapping, or closed. `own`: as this program's own heap, unless there is one.
 */
export function mapArena(heapId: number, descriptor: MemoryHandle, own = false): Arena {
  const threads = threadHeap();
  let used = false;
  try {
    const entry = threads.allocator.allocate(ARENA_WORDS, KIND.plain, DRAFT);
    try {
      enter(threads, HEADER.arenaGuard);
      try {
        const wanted = own && threads.words[HEADER.ownHeap] !== 0 ? threads.words[HEADER.ownHeap]! : heapId;
        const known = findArena((arena) => arena.heapId === wanted);
        if (known !== undefined) return known;
        const address = processPlatform().memory.map(descriptor, ARENA_BYTES);
        const { words } = threads;
        words[entry + ARENA.next] = load(words, HEADER.arenas);
        words[entry + ARENA.heapId] = heapId;
        words[entry + ARENA.descriptor] = descriptor;
        words[entry + ARENA.addressLow] = address | 0;
        words[entry + ARENA.addressHigh] = Math.floor(address / 2 ** 32);
        threads.allocator.publish(entry);
        store(words, HEADER.arenas, entry);
        used = true;
        // Last: who finds it finds the entry.
        if (own) store(words, HEADER.ownHeap, heapId);
        return { heapId, descriptor, address };
      } finally {
        leave(threads, HEADER.arenaGuard);
      }
    } finally {
      if (!used) threads.allocator.free(entry);
    }
  } finally {
    if (!used) processPlatform().memory.close(descriptor);
  }
}
