/** What every scenario is given, and gives back. */
import type { Crew } from "./crew.js";

export interface Stage {
  readonly crew: Crew;
  readonly random: () => number;
  /** Blows to deal. */
  readonly blows: number;
}

/** What it says of itself at the end. */
export type Tally = Record<string, number>;
export type Scenario = (stage: Stage) => Promise<Tally>;

export const WORKERS = 3;

/** Waits until it is so; the watchdog of the suite ends what never comes. */
export async function until(condition: () => boolean, crew: Crew): Promise<void> {
  while (!condition() && crew.failure === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function seedOf(random: () => number): number {
  return 1 + Math.floor(random() * 2 ** 30);
}
