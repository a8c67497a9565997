/** What passes from a process to a child that it starts. */
import type { LibraryFile } from "./library-file.js";

/** Descriptors that a child finds open: the program's shared memory, the pipe whose end tells it that the parent is gone, and the library's code. */
export const HEAP_DESCRIPTOR = 3;
export const LIFELINE_DESCRIPTOR = 4;
export const CODE_DESCRIPTOR = 5;

/** What a child finds on its command line, as JSON. */
export interface ProcessStart {
  readonly kind: "task" | "pool";
  readonly heapId: number;
  /** The file that runs first. */
  readonly entry: string;
  /** That file was given by the pool's user. */
  readonly isBundled: boolean;
  /** How many workers stand between the main program and its code, itself included. */
  readonly depth: number;
  /** Process id of who starts it. */
  readonly parent: number;
  /** Where the native part of the platform is. */
  readonly binding?: string | undefined;
  /** What stands in the file of the library's code. */
  readonly code?: LibraryFile | undefined;
  readonly name: string;
  readonly url: string;
  readonly task: string;
  /** Where its completion stands, or the lane of a pool's process. */
  readonly place: number;
}

/** Goes before the JSON on a child's command line. */
export const START_MARK = "allcores:";
