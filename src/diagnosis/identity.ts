/** Who a worker is, for reports: written on its worker info when it enters a heap. */
import { isMainThread, threadId } from "node:worker_threads";
import type { ReportedWorker } from "../errors/deadlock-report.js";
import { atomics, type Heap, RECORD } from "../memory/index.js";
import { workerInfo, onJoin } from "../parking/index.js";
import { workerState } from "../workers/worker-state.js";

/** The calling worker's identity as its worker info has it. */
function ownIdentity(): string {
  const { name, model } = workerState;
  const isOurs = isMainThread || model !== "main";
  return JSON.stringify({ name: isOurs ? name : `worker thread ${threadId}`, model: isOurs ? model : "thread" });
}

/** The worker of a record. What its worker info says is not trusted: it may have ended meanwhile. */
export function workerAt(heap: Heap, record: number): ReportedWorker {
  const pid = heap.words[record + RECORD.pid]!;
  const tid = heap.words[record + RECORD.tid]!;
  let written: { name?: unknown; model?: unknown } = {};
  try {
    written = JSON.parse(workerInfo.readWorkerInfo(heap, record) ?? "{}");
  } catch {
    // Whatever its memory is now: it is called by its numbers.
  }
  const { name, model } = written;
  const known =
    model === "main" || model === "thread" || model === "process" ? model : tid === pid ? "process" : "thread";
  return { name: typeof name === "string" ? name : `${known} ${tid}`, model: known, pid, tid };
}

/** As a report says it. */
export function titleOf({ name, pid, tid }: ReportedWorker): string {
  return pid === tid ? `${name} (process ${pid})` : `${name} (thread ${tid} of process ${pid})`;
}

if (!atomics.controlled) onJoin((heap) => workerInfo.writeWorkerInfo(heap, ownIdentity()));
