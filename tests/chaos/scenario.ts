/** What every scenario is given, and gives back. */
import type { Supervisor } from "./supervisor.js";

export interface ScenarioContext {
  readonly supervisor: Supervisor;
  readonly random: () => number;
  /** Faults to deal. */
  readonly faults: number;
}

/** What it says of itself at the end. */
export type Tally = Record<string, number>;
export type Scenario = (context: ScenarioContext) => Promise<Tally>;

export const WORKERS = 3;

/** Waits until it is so; the watchdog of the suite ends what never comes. */
export async function until(condition: () => boolean, supervisor: Supervisor): Promise<void> {
  while (!condition() && supervisor.failure === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function seedOf(random: () => number): number {
  return 1 + Math.floor(random() * 2 ** 30);
}
