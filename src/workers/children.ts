/**
 * The workers that this one started and does not end before: those that are no daemons, and those that tasks of its
 * pools started.
 */
import { activeHandles } from "./active-workers.js";
import { setRealImmediate } from "../memory/index.js";

/** Something whose workers may have started workers: a pool. */
export interface ParentPool {
  readonly hasChildren: boolean;
  /** Lets its workers go that have children; resolves when they have ended. */
  letParentsGo(): Promise<void>;
}

const parentPools = new Set<ParentPool>();
let tell: (() => void) | undefined;

/** Calls `fn` whenever a worker is started here that is no daemon, or a pool's. */
export function onChild(fn: () => void): void {
  tell = fn;
}

/** A worker has been started here that is no daemon. */
export function childStarted(): void {
  tell?.();
}

/** Has workers, which may have children. */
export function addParentPool(pool: ParentPool): void {
  parentPools.add(pool);
  tell?.();
}

/** Has no workers any more. */
export function removeParentPool(pool: ParentPool): void {
  parentPools.delete(pool);
}

/** Lets the workers of pools go that have children. */
export function letParentsGo(): Promise<void>[] {
  return [...parentPools].filter(({ hasChildren }) => hasChildren).map((pool) => pool.letParentsGo());
}

export function hasChildren(): boolean {
  for (const handle of activeHandles.keys()) if (!handle.daemon) return true;
  for (const pool of parentPools) if (pool.hasChildren) return true;
  return false;
}

/** Waits until they have ended, and those too that are started meanwhile. */
export async function childrenEnd(): Promise<void> {
  while (hasChildren()) {
    const ends = letParentsGo();
    for (const [handle, end] of activeHandles) if (!handle.daemon) ends.push(end);
    await Promise.all(ends);
    // What one of them failed of, and nobody asked for, is told in the next turn.
    await new Promise((resolve) => setRealImmediate(resolve));
    await new Promise((resolve) => setRealImmediate(resolve));
  }
}
