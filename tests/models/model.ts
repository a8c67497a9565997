import type { ExploreOptions, Program } from "../../src/testing/index.js";

/** A small program over one primitive, all of whose schedules must come out right. */
export interface Model {
  /** What it shows, as in "a waiter that gives up passes its wake-up on". */
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each model shares something else.
  readonly program: Program<any>;
  /** Pre-emptions to which it is explored in full: 2, or 3 where that ends soon. Default 2. */
  readonly preemptions?: 2 | 3;
  readonly options?: Pick<ExploreOptions, "deaths" | "mortal" | "races">;
}
