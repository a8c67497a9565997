/** What a program has at one moment: everything that a call could have left behind. */
import fs from "node:fs";
import { getEventListeners } from "node:events";
import { tmpdir } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { snapshot } from "allcores";
import { longSignal } from "./calls.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

export interface Stock {
  /** Timers, sockets, ports, … by name. */
  readonly resources: Record<string, number>;
  /** Of this process, and of the signal that every call was given. */
  readonly listeners: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly children: number;
  /**
   * In the folder for temporary files, which is this program's own. Shared memory has no place in any folder: it is a
   * descriptor.
   */
  readonly files: number;
  /** Bytes of shared memory in use. */
  readonly shared: number;
  /** Bytes of the JavaScript heap in use. */
  readonly heap: number;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Those that a thread has started; none once it has ended. */
function childrenOf(tid: string): string[] {
  try {
    return fs
      .readFileSync(`/proc/self/task/${tid}/children`, "utf8")
      .split(" ")
      .filter((pid) => pid !== "");
  } catch {
    return [];
  }
}

/** Counts what is left once garbage is collected and finalizers have run. */
export async function takeStock(): Promise<Stock> {
  await turn();
  collect();
  for (let turns = 0; turns < 2; turns++) await turn();
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  return {
    resources,
    listeners: process
      .eventNames()
      .reduce((sum, name) => sum + process.listenerCount(name), getEventListeners(longSignal, "abort").length),
    descriptors: fs.readdirSync("/proc/self/fd").length,
    threads: fs.readdirSync("/proc/self/task").length,
    children: fs.readdirSync("/proc/self/task").flatMap(childrenOf).length,
    files: fs.readdirSync(tmpdir()).length,
    shared: snapshot().memory.reduce((sum, { used }) => sum + used, 0),
    heap: process.memoryUsage().heapUsed,
  };
}

export interface Bounds {
  readonly heap: number;
  readonly shared: number;
}

/**
 * What is made once, at some moment of the first calls, is not left behind by each of them. The least that thirty
 * starts leave by six turns is more.
 */
const MADE_ONCE = 4;

/** What there is more of than before, beyond the bounds in bytes. */
export function leftBehind(before: Stock, after: Stock, bounds: Bounds): string[] {
  const found: string[] = [];
  const note = (what: string, had: number, has: number, most = MADE_ONCE) =>
    has - had > most && found.push(`${what}: ${had} before, ${has} after`);
  for (const [name, count] of Object.entries(after.resources)) note(name, before.resources[name] ?? 0, count);
  note("listeners", before.listeners, after.listeners);
  note("descriptors", before.descriptors, after.descriptors);
  note("threads", before.threads, after.threads);
  note("child processes", before.children, after.children);
  note("files", before.files, after.files);
  note("bytes of shared memory", before.shared, after.shared, bounds.shared);
  note("bytes of the heap", before.heap, after.heap, bounds.heap);
  return found;
}
