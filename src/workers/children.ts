/** The workers that this one started and does not end before: those that are no daemons, and those that tasks of its pools started. */
import { activeHandles } from "./active-workers.js";
import { setRealImmediate } from "../memory/index.js";

/** Something whose workers may have started workers: a pool. */
export interface Household {
  readonly hasChildren: boolean;
  /** Lets its workers go that have children; resolves when they have ended. */
  letParentsGo(): Promise<void>;
}

const households = new Set<Household>();
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
export function addHousehold(household: Household): void {
  households.add(household);
  tell?.();
}

/** Has no workers any more. */
export function removeHousehold(household: Household): void {
  households.delete(household);
}

/** Lets the workers of pools go that have children. */
export function letParentsGo(): Promise<void>[] {
  return [...households].filter(({ hasChildren }) => hasChildren).map((household) => household.letParentsGo());
}

export function hasChildren(): boolean {
  for (const handle of activeHandles.keys()) if (!handle.daemon) return true;
  for (const household of households) if (household.hasChildren) return true;
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
