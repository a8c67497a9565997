/** Which of the predictions to take, how sure that is, and what would change it. */
import type { Certainty } from "./advice.js";
import { type Candidate, type Grounds, predict } from "./prediction.js";

/** Within this part of the best time the one that takes fewer workers is chosen. */
const ALIKE = 0.05;
/** A prediction's own error, beside that of the sample. */
const OWN_ERROR = 0.1;
const CHUNK_MS = 2;
const MOST_CHUNK = 16_384;
const MOST_CHUNK_BYTES = 1 << 20;
const ORDER: readonly Candidate["model"][] = ["async", "thread", "process"];

/** What was decided. */
export interface Decision {
  readonly chosen: Candidate;
  readonly candidates: readonly Candidate[];
  readonly chunkSize: number;
  readonly certainty: Certainty;
  readonly margin: number;
}

/** `untried`: nobody has seen whether items run beside each other. */
export function decide(grounds: Grounds, excluded: ReadonlySet<Candidate["model"]>, untried: boolean): Decision {
  const candidates = predict(grounds, excluded);
  const chosen = bestOf(candidates);
  const next = candidates.find(({ model }) => model !== chosen.model);
  const margin = next === undefined ? 0 : Math.max(0, next.ms / chosen.ms - 1);
  const error = OWN_ERROR + grounds.sample.noise + (untried && chosen.workers > 1 ? OWN_ERROR : 0);
  const certainty = next === undefined || margin > 2 * error ? "sure" : margin > error / 2 ? "likely" : "cannot tell";
  return { chosen, candidates, chunkSize: chunkOf(grounds, chosen), certainty, margin };
}

/** The simplest of those that are as fast as the fastest. */
function bestOf(candidates: readonly Candidate[]): Candidate {
  const fastest = candidates[0]!;
  const alike = candidates.filter(({ ms }) => ms <= fastest.ms * (1 + ALIKE));
  return alike.sort((a, b) => ORDER.indexOf(a.model) - ORDER.indexOf(b.model) || a.workers - b.workers)[0]!;
}

function chunkOf({ sample, items }: Grounds, { model, workers }: Candidate): number {
  if (model === "async") return 1;
  const byTime = CHUNK_MS / Math.max(sample.wall, 1e-4);
  const byBytes = MOST_CHUNK_BYTES / Math.max(1, sample.argumentBytes);
  const byShare = items / (4 * workers);
  return Math.max(1, Math.floor(Math.min(byTime, byBytes, byShare, MOST_CHUNK)));
}

/** From how many items on another model is the better one, going up or down by doubling; undefined where none is. */
export function turnOf(
  grounds: Grounds,
  excluded: ReadonlySet<Candidate["model"]>,
  step: number,
): { items: number; model: Candidate["model"] } | undefined {
  const now = bestOf(predict(grounds, excluded)).model;
  for (let { items } = grounds, turns = 0; turns < 16; turns++) {
    items = Math.round(items * step);
    if (items < 1 || items > 1e9) return undefined;
    const { model } = bestOf(predict({ ...grounds, items }, excluded));
    if (model !== now) return { items, model };
  }
  return undefined;
}
