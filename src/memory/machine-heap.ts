/**
 * The heap that all programs of one user share on this machine, for objects that unrelated programs find by name. One memory file without a place in any directory,
 * found through whoever has it open; it is gone when the last process that ever used it ends.
 *
 * That there is only one at a time is kept by a lock of the kernel on a directory that exists anyway: whoever looks takes it shared, so that no two look past each
 * other while the last process with the memory ends; whoever makes the memory takes it alone, and looks once more first. The kernel gives the lock back when its holder
 * dies; memory that a dead process had not finished went with that process.
 * Rejected: a lock file (left behind), a name for a socket (any user could keep it taken, as here, but it also tells nobody why).
 */
import fs from "node:fs";
import { pause } from "#atomics";
import { AttachError } from "../errors/index.js";
import { createArena, findArena, LABEL, OF_MACHINE, pidNamespace, readHeader } from "./arena.js";
import { isOutOfDescriptors, outOfDescriptors } from "./descriptors.js";
import { HEADER, LAYOUT_VERSION } from "./layout.js";
import { openThroughMember } from "./members.js";
import { platform } from "./platform/index.js";
import { heapOfArena, heapOfFile, type ProcessHeap } from "./process-heap.js";

/** The same for every process: it does not depend on the environment, and every user may read it. */
const LOCKED_DIRECTORY = "/";
const PATIENCE_MS = 5000;
const LONGEST_NAP_MS = 10;

let current: ProcessHeap | undefined;

/** This machine's heap; found, or made, on first use. @throws AttachError, PlatformError */
export function machineHeap(): ProcessHeap {
  if (current !== undefined) return current;
  const deadline = performance.now() + PATIENCE_MS;
  return (current = known() ?? found(false, deadline) ?? found(true, deadline) ?? unreachable());
}

function known(): ProcessHeap | undefined {
  const arena = findArena((arena) => heapOfArena(arena).reach === "machine");
  return arena === undefined ? undefined : heapOfArena(arena);
}

function found(orMade: boolean, deadline: number): ProcessHeap | undefined {
  platform();
  const lock = openLocked();
  try {
    const locked = takeLock(lock, orMade, deadline);
    const descriptor = openThroughMember((name) => name.startsWith(LABEL) && name.endsWith(OF_MACHINE), isOfMachine);
    if (descriptor !== undefined) return heapOfFile(descriptor);
    if (!orMade || !locked) return undefined;
    checkVisible();
    return heapOfFile(createArena(true).descriptor);
  } finally {
    fs.closeSync(lock);
  }
}

function openLocked(): number {
  try {
    return fs.openSync(LOCKED_DIRECTORY, fs.constants.O_RDONLY);
  } catch (error) {
    if (isOutOfDescriptors(error)) throw outOfDescriptors("the lock on the memory that the programs of this machine share", error);
    throw error;
  }
}

/** That of another pid namespace, whose processes this one may see, is another machine's. */
function isOfMachine(descriptor: number): boolean {
  const header = readHeader(descriptor);
  return header !== undefined && header[HEADER.ofMachine] === 1 && header[HEADER.version] === LAYOUT_VERSION && header[HEADER.pidNamespace] === pidNamespace();
}

/** False when somebody keeps it: then what is there may still be used, but nothing made. */
function takeLock(descriptor: number, alone: boolean, deadline: number): boolean {
  for (let nap = 0.5; !platform().lock(descriptor, alone); nap = Math.min(nap * 2, LONGEST_NAP_MS)) {
    if (performance.now() >= deadline) return false;
    pause(nap);
  }
  return true;
}

/** @throws AttachError when no other process could ever find what this one makes */
function checkVisible(): void {
  if (fs.statSync("/proc/self/fd").uid === process.geteuid!()) return;
  throw new AttachError(
    `other processes may not open the memory of this one, because its Node has file capabilities or another user's rights: run a plain node to use { across: "machine" }`,
  );
}

function unreachable(): never {
  throw new AttachError(
    `the memory that the programs of this machine share could not be made within ${PATIENCE_MS} ms: another process keeps a lock on the directory ${LOCKED_DIRECTORY} (flock); see lslocks`,
  );
}
