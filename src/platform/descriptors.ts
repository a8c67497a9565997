/**
 * File descriptors that have run out: told apart from other failures, since the caller can do something about it, and
 * nothing is wrong with what it asked for.
 */
import fs from "node:fs";
import { OutOfDescriptorsError } from "../errors/index.js";

/** Numbers of the kernel's errors: too many open files in the system, in this process. */
const ENFILE = 23;
const EMFILE = 24;

/** Whether a call failed for want of a descriptor, by its error or the kernel's number. */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = typeof error === "object" && error !== null ? (error as NodeJS.ErrnoException).code : error;
  return code === "EMFILE" || code === "ENFILE" || code === EMFILE || code === ENFILE;
}

/** `what` could not be had for want of a descriptor. */
export function outOfDescriptors(what: string, cause?: unknown): OutOfDescriptorsError {
  return new OutOfDescriptorsError(
    `no file descriptor is left for ${what}: close files or sockets, end workers, or raise the limit of open files (ulimit -n)`,
    cause === undefined ? undefined : { cause },
  );
}

/** Throws unless so many descriptors could be had just now. Others may take them before they are needed. */
export function checkDescriptors(count: number, what: string): void {
  const taken: number[] = [];
  try {
    while (taken.length < count) taken.push(fs.openSync("/", fs.constants.O_RDONLY));
  } catch (error) {
    if (isOutOfDescriptors(error)) throw outOfDescriptors(what, error);
  } finally {
    for (const descriptor of taken) fs.closeSync(descriptor);
  }
}
