import type { Heap } from "../memory/index.js";

/**
 * Where an object that exists already stands: what a constructor gets instead of options when a handle arrives from
 * another worker.
 */
export class Handle {
  readonly heap: Heap;
  readonly at: number;
  readonly label: string | undefined;
  constructor(heap: Heap, at: number, label: string | undefined) {
    this.heap = heap;
    this.at = at;
    this.label = label;
  }
}

/** Flags in the first number of a handle. */
export const PROCESSES = 1;
/** The message holds nothing: who decodes the handle counts a hold first. */
export const LENT = 2;
