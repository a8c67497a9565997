/** What the adviser says: plain data, as JSON too. */
import type { Candidate } from "./prediction.js";
import type { SampleSummary, StartCosts } from "./sample.js";

/** How sure the adviser is of the model that it names. */
export type Certainty = "sure" | "likely" | "cannot tell";

/** A model that cannot do this work, and why. */
export interface ExcludedModel {
  readonly model: Candidate["model"];
  readonly reason: string;
}

/** An input for which the task threw. */
export interface FailedInput {
  /** Its number among the inputs. */
  readonly input: number;
  /** What it threw, as text. */
  readonly error: string;
}

/**
 * What a sample of a task says of the model, the workers and the chunks for it. Times in milliseconds, sizes in bytes.
 */
export interface Advice {
  /** The task's name. */
  readonly task: string;
  /** How many items the prediction is for. */
  readonly items: number;
  /** How many processors this program may use. */
  readonly cores: number;
  /** `async`: this event loop; `thread`, `process`: workers. */
  readonly model: Candidate["model"];
  /** How many of them; of `async`, how many calls are under way at a time. */
  readonly workers: number;
  /** Items that travel together. */
  readonly chunkSize: number;
  readonly certainty: Certainty;
  /** By which part of the best time the next best model is slower; 0 where there is no other. */
  readonly margin: number;
  /** Why, in words. */
  readonly reasons: readonly string[];
  /** What would make another model the better one, in words. */
  readonly wouldChange: readonly string[];
  /** All that was compared, the fastest first. */
  readonly candidates: readonly Candidate[];
  readonly excluded: readonly ExcludedModel[];
  /** What was measured; undefined where no run ended within the budget. */
  readonly sample: SampleSummary | undefined;
  /** Sampled inputs for which the task threw, once each. */
  readonly failed: readonly FailedInput[];
  readonly starts: StartCosts;
  /**
   * Which part of an item no other can run beside, from 0 to 1: among workers, and on one event loop. Among workers it
   * is more than 1 where they lose time besides, as by handing over a lock.
   */
  readonly serial: { readonly workers: number; readonly loop: number };
}
