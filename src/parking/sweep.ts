/**
 * What is done once for each worker that ended: a list of steps, which those add that keep something for workers, when
 * they are loaded.
 */
import type { Heap } from "../memory/heap.js";
import { contain } from "../memory/mishap.js";

export interface SweepStep {
  /** What it does, for the warning where memory was written over. */
  readonly doing: string;
  /**
   * May be called again. False when a stopped worker or a busy object keeps it from being done: the sweep ends there,
   * and comes again.
   */
  run(heap: Heap, record: number, dead: number): boolean;
  /** It failed: cuts off what was written over, so that it keeps the next worker from nothing. */
  cut?(heap: Heap, record: number): void;
}

const steps: SweepStep[] = [];

/** From here on each sweep has this step too, after those that it has already. */
export function onSweep(step: SweepStep): void {
  steps.push(step);
}

/**
 * Goes through the steps; false when it must come again. Each for itself: what of the memory was written over is left
 * alone, and keeps nobody from the rest.
 */
export function sweep(heap: Heap, record: number, dead: number): boolean {
  for (const step of steps) {
    let isDone = true;
    const contained = contain(step.doing, () => {
      isDone = step.run(heap, record, dead);
    });
    if (!contained) step.cut?.(heap, record);
    if (!isDone) return false;
  }
  return true;
}
