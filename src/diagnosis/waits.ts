/** What one thread waits for at this moment in objects of this library, asked from outside. */
import { BLOCKING, type Heap, RECORD } from "../memory/index.js";
import { workerInfo } from "../parking/index.js";
import { insightInto, objectAround } from "../objects/index.js";
import { descriptionOf, labelOf, nameOf } from "./report.js";
import { heapsInSight } from "./settings.js";

/** A wait, and what for as far as it can be told from here. */
export interface OutsideWait {
  readonly how: "blocking" | "awaiting";
  /**
   * As in `Lock "accounts"`; undefined when this worker does not know the object and the other has not waited for long.
   */
  readonly object: string | undefined;
}

/** Waits that the library itself has for its own purposes are left out. */
export function waitsOf(pid: number, tid: number): OutsideWait[] {
  const found: OutsideWait[] = [];
  for (const heap of heapsInSight()) {
    for (const { worker, key, kind } of heap.waitQueue.armed()) {
      const record = heap.registry.recordOf(worker);
      if (heap.words[record + RECORD.pid] !== pid || heap.words[record + RECORD.tid] !== tid) continue;
      const wait = describe(heap, record, key);
      if (wait !== "own") found.push({ how: kind === BLOCKING ? "blocking" : "awaiting", object: wait });
    }
  }
  return found;
}

function describe(heap: Heap, record: number, key: number): string | "own" | undefined {
  const around = objectAround(heap, key);
  const waitRecord = workerInfo.findWaitRecord(heap, record);
  const index = waitRecord?.waits.findIndex((wait) => wait.key === key) ?? -1;
  const at = around?.at ?? waitRecord?.waits[index]?.at;
  if (at === undefined) return undefined;
  const insight = insightInto(heap.allocator.kindOf(at));
  if (insight === undefined) return "own";
  const written =
    waitRecord === undefined || index < 0
      ? undefined
      : descriptionOf({ heap, record, waitRecord }).objects[index]?.label;
  const label = (around && labelOf(around.object)) ?? written;
  const name = nameOf({ kind: insight.name, ...(label === undefined ? {} : { label }), across: heap.across, id: at });
  const purpose = insight.purpose?.(at, key);
  return purpose === undefined ? name : `${name} (${purpose})`;
}
