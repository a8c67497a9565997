/** What passes from a process to a child that it starts. */
import type { LibraryFile } from "./library-file.js";

/**
 * Descriptors that a child finds open: the program's shared memory, the pipe whose end tells it that the parent is
 * gone, and the library's code.
 */
export const HEAP_DESCRIPTOR = 3;
export const LIFELINE_DESCRIPTOR = 4;
export const CODE_DESCRIPTOR = 5;
/**
 * Of a pool's process: the socket by which the pool orders tasks. Of one that is started ahead: by which its work
 * comes.
 */
export const ORDERS_DESCRIPTOR = 6;

/** What a process of a `Process` is to do. */
export interface ProcessWork {
  readonly name: string;
  readonly url: string;
  readonly task: string;
  /** Where its completion stands, or the lane of a pool's process. */
  readonly place: number;
}

/** What a child finds on its command line, as JSON. One that is started ahead has no work there yet. */
export interface ProcessStart extends ProcessWork {
  readonly kind: "task" | "spare" | "pool";
  readonly heapId: number;
  /** The file that runs first. */
  readonly entry: string;
  /** That file was given by the pool's user. */
  readonly isBundled: boolean;
  /** How many workers stand between the main program and its code, itself included. */
  readonly depth: number;
  /** The program that this process belongs to, as Node was given its path; see codec/main-module.ts. */
  readonly program: string | undefined;
  /** Process id of who starts it. */
  readonly parent: number;
  /** Where the native part of the platform is. */
  readonly binding?: string | undefined;
  /** What stands in the file of the library's code. */
  readonly code?: LibraryFile | undefined;
  /** Which of its pool's workers it is. */
  readonly slot?: number | undefined;
}

/** Goes before the JSON on a child's command line. */
const START_MARK = "allcores:";
/** Where it stands: behind the entry, and before what the program was called with. */
const START_AT = 2;

/** What stands behind Node's options on a child's command line. */
export function commandLine(start: ProcessStart, programArguments: readonly string[]): string[] {
  return [start.entry, START_MARK + JSON.stringify(start), ...programArguments];
}

/**
 * How this process was started, if it is a child of this library and its file is the entry. A program may be called
 * with words that look the same.
 */
export function processStart(): ProcessStart | undefined {
  const word = process.argv[START_AT];
  if (word?.startsWith(START_MARK) !== true) return undefined;
  try {
    const start = JSON.parse(word.slice(START_MARK.length)) as ProcessStart | null;
    return start !== null && start.entry === process.argv[1] ? start : undefined;
  } catch {
    return undefined;
  }
}

/**
 * From here on the command line is the program's, but for the entry in the program's place; a second copy of the
 * library finds the start taken.
 */
export function takeProcessStart(): void {
  process.argv.splice(START_AT, 1);
}
