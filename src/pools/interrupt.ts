/**
 * Ctrl-C: workers end first, then the program, by the same signal. A second one ends it at once, and what is left of
 * its workers with it.
 *
 * Only where nobody else listens for SIGINT: a program that has its own way out keeps it. The workers themselves ignore
 * the signal, which a terminal sends to them too.
 */
import { isMainThread } from "node:worker_threads";
import { addParentPool, type ParentPool, letParentsGo, removeParentPool } from "../workers/children.js";
import { onSnapshot, type PoolState } from "../diagnosis/snapshot.js";

/** What ends its workers before the program ends. */
export interface Interruptible extends ParentPool {
  /**
   * Asks what runs to stop, ends the workers, and resolves when they are gone. Settles nothing: the program is about to
   * end.
   */
  interrupt(): Promise<void>;
  /** For a dump of the program. */
  readonly title: string;
  stats(): PoolState["stats"];
}

const pools = new Set<Interruptible>();
let isEnding = false;
/** How many calls block this thread: a listener would keep the signal from ending a program that hears nothing. */
let blocks = 0;
onSnapshot(() => [...pools].map((pool) => ({ title: pool.title, stats: pool.stats() })));

/** A pool has workers. */
export function endBeforeProgram(pool: Interruptible): void {
  if (pools.has(pool)) return;
  pools.add(pool);
  addParentPool(pool);
  if (pools.size > 1 || !isMainThread) return;
  listen();
  // Workers that its tasks started keep a program alive, as those that it started itself.
  process.on("beforeExit", letParentsGo);
}

/** It has none any more. */
export function hasEnded(pool: Interruptible): void {
  removeParentPool(pool);
  if (!pools.delete(pool) || pools.size > 0) return;
  process.off("beforeExit", letParentsGo);
  if (!isEnding) process.off("SIGINT", interrupted);
}

/** Before all other listeners: one that was added by `once` is no longer counted after it was called. */
function listen(): void {
  if (blocks === 0) process.prependListener("SIGINT", interrupted);
}

/**
 * Runs what blocks this thread. The signal ends the program at once meanwhile, unless somebody else listens for it.
 * A signal that came in the same turn, before this, waits until the loop turns again.
 */
export function unheard<R>(block: () => R): R {
  if (!isMainThread) return block();
  blocks++;
  process.off("SIGINT", interrupted);
  try {
    return block();
  } finally {
    blocks--;
    if (pools.size > 0 || isEnding) listen();
  }
}

function interrupted(): void {
  if (process.listenerCount("SIGINT") > 1) return;
  if (isEnding) {
    end();
    return;
  }
  isEnding = true;
  void Promise.allSettled([...pools].map((pool) => pool.interrupt())).then(end);
}

function end(): void {
  process.off("SIGINT", interrupted);
  process.kill(process.pid, "SIGINT");
}
