import type { Pool } from "./pool.js";

/** Makes a pool of one model; the options are checked by its class. */
export type PoolMaker = (options: unknown) => Pool;

const makers = new Map<string, PoolMaker>();

/**
 * A class of pools tells by which word `createPool` makes it, as its module is loaded. So a pool of a higher layer can
 * be made by name too.
 */
export function registerPool(model: string, make: PoolMaker): void {
  makers.set(model, make);
}

/** Undefined for a word that no class has claimed. */
export function poolMaker(model: string): PoolMaker | undefined {
  return makers.get(model);
}

/** The words that are known, in the order in which their classes were loaded. */
export function poolModels(): string[] {
  return [...makers.keys()];
}
