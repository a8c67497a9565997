/**
 * The heap that all programs of one user share on this machine, for objects that unrelated programs find by name. One
 * memory file without a place in any directory, found through a process that has it open. It is gone when the last
 * process that ever used it ends.
 *
 * That there is only one at a time is kept by a lock of the system (`machineLock` of the platform's contract): a
 * process that looks takes it shared, so that no two look past each other while the last process with the memory ends.
 * A process that makes the memory takes it alone, and looks once more first. Memory that a dead process had not
 * finished went with that process.
 */
import { AttachError } from "../errors/index.js";
import { LockPatience, type MemoryHandle, platform, processPlatform } from "../platform/index.js";
import { createArena, findArena, readHeader } from "./arena.js";
import { HEADER, LAYOUT_VERSION } from "./layout.js";
import { heapOfArena, heapOfFile, type ProcessHeap } from "./process-heap.js";

let current: ProcessHeap | undefined;

/** This machine's heap; found, or made, on first use. @throws AttachError, PlatformError */
export function machineHeap(): ProcessHeap {
  if (current !== undefined) return current;
  const patience = new LockPatience();
  return (current = known() ?? found(false, patience) ?? found(true, patience)!);
}

function known(): ProcessHeap | undefined {
  const arena = findArena((arena) => heapOfArena(arena).reach === "machine");
  return arena === undefined ? undefined : heapOfArena(arena);
}

/** Who cannot have the lock uses what is there all the same, and makes nothing. @throws AttachError */
function found(orMade: boolean, patience: LockPatience): ProcessHeap | undefined {
  const { machineLock, memory } = processPlatform();
  const lock = machineLock.take(orMade, patience);
  try {
    const descriptor = memory.find({ version: LAYOUT_VERSION, ofMachine: true }, isOfMachine);
    if (descriptor !== undefined) return heapOfFile(descriptor);
    if (!orMade) return undefined;
    if (!lock.isHeld) throw lock.kept();
    checkVisible();
    return heapOfFile(createArena(true).descriptor);
  } finally {
    lock[Symbol.dispose]();
  }
}

/** That of another pid namespace, whose processes this one may see, is another machine's. */
function isOfMachine(descriptor: MemoryHandle): boolean {
  const header = readHeader(descriptor);
  return (
    header !== undefined &&
    header[HEADER.ofMachine] === 1 &&
    header[HEADER.version] === LAYOUT_VERSION &&
    header[HEADER.pidNamespace] === platform.peers.namespace
  );
}

/** @throws AttachError when no other process could ever find what this one makes */
function checkVisible(): void {
  if (platform.peers.areLetIn) return;
  throw new AttachError(
    `other processes may not open the memory of this one, because its Node has file capabilities or another user's rights: run a plain node to use { across: "machine" }`,
  );
}
