/**
 * The heap that all programs of one user share on this machine, for objects that unrelated programs find by name. One memory file without a place in any directory,
 * found through whoever has it open; it is gone when the last process that ever used it ends.
 *
 * That there is only one at a time is kept by a lock (`machine-lock.ts`): whoever looks takes it shared, so that no two look past each other while the last process with
 * the memory ends; whoever makes the memory takes it alone, and looks once more first. Memory that a dead process had not finished went with that process.
 */
import fs from "node:fs";
import { AttachError } from "../errors/index.js";
import { createArena, findArena, LABEL, OF_MACHINE, pidNamespace, readHeader } from "./arena.js";
import { HEADER, LAYOUT_VERSION } from "./layout.js";
import { MachineLock, Patience } from "../platform/linux/machine-lock.js";
import { openThroughMember } from "../platform/linux/members.js";
import { heapOfArena, heapOfFile, type ProcessHeap } from "./process-heap.js";

let current: ProcessHeap | undefined;

/** This machine's heap; found, or made, on first use. @throws AttachError, PlatformError */
export function machineHeap(): ProcessHeap {
  if (current !== undefined) return current;
  const patience = new Patience();
  return (current = known() ?? found(false, patience) ?? found(true, patience)!);
}

function known(): ProcessHeap | undefined {
  const arena = findArena((arena) => heapOfArena(arena).reach === "machine");
  return arena === undefined ? undefined : heapOfArena(arena);
}

/** Who cannot have the lock uses what is there all the same, and makes nothing. @throws AttachError */
function found(orMade: boolean, patience: Patience): ProcessHeap | undefined {
  const lock = MachineLock.take(orMade, patience);
  try {
    const descriptor = openThroughMember((name) => name.startsWith(LABEL) && name.endsWith(OF_MACHINE), isOfMachine);
    if (descriptor !== undefined) return heapOfFile(descriptor);
    if (!orMade) return undefined;
    if (!lock.isHeld) throw unreachable(lock);
    checkVisible();
    return heapOfFile(createArena(true).descriptor);
  } finally {
    lock[Symbol.dispose]();
  }
}

/** That of another pid namespace, whose processes this one may see, is another machine's. */
function isOfMachine(descriptor: number): boolean {
  const header = readHeader(descriptor);
  return header !== undefined && header[HEADER.ofMachine] === 1 && header[HEADER.version] === LAYOUT_VERSION && header[HEADER.pidNamespace] === pidNamespace();
}

/** @throws AttachError when no other process could ever find what this one makes */
function checkVisible(): void {
  if (fs.statSync("/proc/self/fd").uid === process.geteuid!()) return;
  throw new AttachError(
    `other processes may not open the memory of this one, because its Node has file capabilities or another user's rights: run a plain node to use { across: "machine" }`,
  );
}

function unreachable({ files }: MachineLock): AttachError {
  return new AttachError(
    `the memory that the programs of this machine share cannot be made: another program of this user keeps the lock on ${files.join(" and ")} (flock). It may have been stopped; see lslocks`,
  );
}
