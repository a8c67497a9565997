/** The adviser's reasons, and its whole answer, in words. */
import type { Advice } from "./advice.js";
import { type Decision, turnOf } from "./decision.js";
import type { Candidate, Grounds } from "./prediction.js";

const NAMES: Record<Candidate["model"], string> = { async: "this event loop", thread: "threads", process: "processes" };
/** Less than this of a time is not worth a word. */
const WORTH = 0.1;

/** Why, a sentence each. */
export function reasonsOf(
  { sample, cores, items, starts, serial }: Grounds,
  { chosen, margin, candidates }: Decision,
): string[] {
  const reasons: string[] = [];
  const percent = Math.round(sample.waiting * 100);
  if (sample.waiting > WORTH)
    reasons.push(
      `An item waits for ${percent} % of its ${time(sample.wall)}: others can run on the same loop meanwhile.`,
    );
  else
    reasons.push(
      `An item holds its event loop for all of its ${time(sample.wall)}: on one loop nothing else would run.`,
    );
  if (sample.blocked > 0.3 && sample.held > 0.1)
    reasons.push(
      `For ${Math.round(sample.blocked * 100)} % of the time that it holds the loop it sleeps in a blocking call: more workers than cores help.`,
    );
  if (serial.workers >= 1)
    reasons.push(
      `Nothing of an item ran beside others in ${cores} threads: a lock that all use holds it up${serial.workers > 1 + WORTH ? ", and to hand that over takes time besides" : ""}.`,
    );
  else if (serial.workers > 0)
    reasons.push(
      `Only ${Math.round((1 - serial.workers) * 100)} % of an item ran beside others in ${cores} threads: a lock, or memory that all use, holds it up.`,
    );
  if (serial.loop > 0)
    reasons.push(
      `Only ${Math.round((1 - serial.loop) * 100)} % of an item ran beside others on one loop: they wait for each other.`,
    );
  if (sample.codec > sample.wall * WORTH)
    reasons.push(`To copy its arguments and its result takes ${time(sample.codec)}: workers cost that for each item.`);
  if (sample.growth > 2 || sample.growth < 0.5)
    reasons.push(`The last inputs take ${factor(sample.growth)} as long as the first ones.`);
  const serially = candidates.find(({ model, workers }) => model === "async" && workers === 1);
  if (chosen.model === "async" && sample.waiting <= WORTH)
    reasons.push(
      `All ${items} items take ${time(serially?.ms ?? chosen.ms)} one after the other: workers would save less than they cost (a thread starts in ${time(starts.thread)}).`,
    );
  else if (chosen.model === "async")
    reasons.push(`Up to ${chosen.workers} calls at a time on this loop need no worker and copy nothing.`);
  else if (serially !== undefined && serially.ms > chosen.ms)
    reasons.push(
      `${chosen.workers} ${chosen.model === "thread" ? "threads" : "processes"} on ${cores} cores are predicted to be ${factor(serially.ms / chosen.ms)} as fast as one call after the other.`,
    );
  if (margin > 0) {
    const next = candidates.find(({ model }) => model !== chosen.model)!;
    reasons.push(
      `The next best, ${NAMES[next.model]} with ${next.workers}, is predicted to take ${margin > 1 ? `${factor(margin + 1)} as long` : `${Math.round(margin * 100)} % longer`}.`,
    );
  }
  return reasons;
}

/** What would make another model the better one. */
export function changesOf(
  grounds: Grounds,
  decision: Decision,
  excluded: ReadonlySet<Candidate["model"]>,
  untried: readonly string[],
): string[] {
  const changes: string[] = [];
  for (const [step, word] of [
    [0.5, "fewer"],
    [2, "more"],
  ] as const) {
    const turn = turnOf(grounds, excluded, step);
    if (turn !== undefined) changes.push(`With ${turn.items} items or ${word}: ${NAMES[turn.model]}.`);
  }
  if (decision.chosen.model === "async" && grounds.sample.waiting > WORTH)
    changes.push("If the task computed for long between its waits: threads, since this loop would stand still.");
  if (decision.chosen.model !== "async") changes.push("If the task awaited for most of its time: this event loop.");
  if (decision.chosen.model === "thread")
    changes.push("If the task may crash, or run out of memory: processes, since a thread takes the program along.");
  if (untried.includes("workers") && decision.chosen.workers > 1)
    changes.push("Whether items run beside each other was not tried: a lock that they share would change this.");
  return changes;
}

/**
 * The whole answer as lines of text.
 *
 * @param advice what `advise` gave
 * @returns the text, several lines without colours
 * @throws nothing
 * @remarks **Cost:** some strings.
 *
 * @example
 * ```ts
 * import { advise, describeAdvice, isMain, task } from "allcores";
 * const later = task(import.meta, "later", async (ms: number) => {
 *   await new Promise((resolve) => setTimeout(resolve, ms));
 * });
 * if (isMain(import.meta)) {
 *   const advice = await advise(later, [20, 20, 20, 20], { total: 1000 });
 *   console.log(describeAdvice(advice).split("\n")[0]?.startsWith("later: ")); // true
 * }
 * ```
 */
export function describeAdvice(advice: Advice): string {
  const {
    task,
    model,
    workers,
    chunkSize,
    certainty,
    items,
    cores,
    candidates,
    excluded,
    reasons,
    wouldChange,
    sample,
    failed,
  } = advice;
  const chosen =
    model === "async"
      ? `this event loop, ${workers === 1 ? "one call after the other" : `${workers} at a time`}`
      : `${workers} ${NAMES[model]}, ${chunkSize} items a chunk`;
  const lines = [`${task}: ${chosen} (${certainty}), for ${items} items on ${cores} cores.`, ""];
  for (const reason of reasons) lines.push(`- ${reason}`);
  if (candidates.length > 0) {
    lines.push("", "Predicted:");
    for (const each of bestPerModel(candidates))
      lines.push(
        `  ${each.model.padEnd(8)}${String(each.workers).padStart(4)}  ${time(each.ms).padStart(9)}  ${bytes(each.memory).padStart(9)}`,
      );
  }
  for (const { model, reason } of excluded) lines.push(`  ${model.padEnd(8)}excluded: ${reason}`);
  if (wouldChange.length > 0) lines.push("", "What would change this:");
  for (const change of wouldChange) lines.push(`- ${change}`);
  if (sample !== undefined)
    lines.push(
      "",
      `Measured: ${sample.runs} runs of ${sample.inputs} inputs, ${time(sample.wall)} an item, ${time(sample.cpu)} of it computing.`,
    );
  if (failed.length > 0)
    lines.push(`It threw for ${failed.length} of these inputs: ${failed[0]!.error.split("\n", 1)[0]}`);
  return lines.join("\n");
}

function bestPerModel(candidates: readonly Candidate[]): Candidate[] {
  return (["async", "thread", "process"] as const).flatMap(
    (model) => candidates.find((each) => each.model === model) ?? [],
  );
}

function time(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toPrecision(3)} s`;
  return ms >= 1 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms * 1000).toPrecision(2))} us`;
}

function bytes(count: number): string {
  return count >= 1 << 20 ? `${(count / (1 << 20)).toFixed(1)} MB` : `${Math.ceil(count / 1024)} KB`;
}

function factor(of: number): string {
  return `${Number(of.toPrecision(2))} times`;
}
