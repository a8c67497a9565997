/**
 * Memory files found through the processes that have them open. They have no name in any directory. So a process that
 * none of those processes started reopens the file through /proc/<pid>/fd/<n>. The kernel allows that to processes of
 * the same user in a pid namespace that shows the other.
 *
 * Processes of other users, and those whose memory may not be looked at (a setuid program, a Node with file
 * capabilities), are passed over in silence.
 */
import fs from "node:fs";
import { OutOfDescriptorsError } from "../../errors/index.js";
import type { Member } from "../contract.js";
import { isOutOfDescriptors, outOfDescriptors } from "../descriptors.js";

/**
 * A descriptor of a memory file that suits; undefined when no living process has one. `likely` is looked at first, then
 * the parent, then every process of this user.
 */
export function openThroughMember(
  hasName: (name: string) => boolean,
  suits: (descriptor: number) => boolean,
  likely: Member | undefined = undefined,
): number | undefined {
  for (const path of places(hasName, likely)) {
    let descriptor: number;
    try {
      descriptor = fs.openSync(path, fs.constants.O_RDWR);
    } catch (error) {
      notForWant(error);
      // It ended meanwhile, closed the file, or may not be looked at.
      continue;
    }
    let isIt = false;
    try {
      if ((isIt = fs.fstatSync(descriptor).uid === process.geteuid!() && suits(descriptor))) return descriptor;
    } finally {
      if (!isIt) fs.closeSync(descriptor);
    }
  }
  return undefined;
}

/**
 * What cannot be looked at for want of a descriptor may be what is looked for: to pass it over would be to say that
 * nobody has it.
 */
function notForWant(error: unknown): void {
  if (error instanceof OutOfDescriptorsError) throw error;
  if (isOutOfDescriptors(error)) throw outOfDescriptors("looking for the memory that other processes share", error);
}

function folderOf(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch (error) {
    notForWant(error);
    throw error;
  }
}

function* places(hasName: (name: string) => boolean, likely: Member | undefined): Generator<string> {
  const user = process.geteuid!();
  if (likely !== undefined) yield* placesIn(likely.pid, [String(likely.descriptor)], user, hasName);
  yield* placesIn(process.ppid, undefined, user, hasName);
  for (const name of folderOf("/proc")) if (/^\d+$/.test(name)) yield* placesIn(Number(name), undefined, user, hasName);
}

function* placesIn(
  pid: number,
  descriptors: readonly string[] | undefined,
  user: number,
  hasName: (name: string) => boolean,
): Generator<string> {
  const folder = `/proc/${pid}/fd`;
  try {
    if (fs.statSync(`/proc/${pid}`).uid !== user) return;
    descriptors ??= folderOf(folder);
  } catch (error) {
    notForWant(error);
    return;
  }
  for (const descriptor of descriptors) {
    const path = `${folder}/${descriptor}`;
    let target: string;
    try {
      target = fs.readlinkSync(path);
    } catch {
      continue;
    }
    const name = /^\/memfd:(.*) \(deleted\)$/.exec(target)?.[1];
    if (name !== undefined && hasName(name)) yield path;
  }
}
