/** An advice for a terminal: a table, a bar for each way to do the work, and the reasons. */
import type { Advice, Candidate } from "../../index.js";
import { table } from "../table.js";
import type { AdviseSettings } from "./advise-settings.js";

const BAR_COLUMNS = 30;
const MODELS: readonly Candidate["model"][] = ["async", "thread", "process"];

export function portrayAdvice(advice: Advice, command: string): string {
  const { task, model, workers, chunkSize, certainty, items, cores, excluded, reasons, wouldChange } = advice;
  const calls = workers === 1 ? "one call after the other" : `async, ${workers} calls at a time`;
  const chosen = model === "async" ? calls : `${workers} ${model === "thread" ? "threads" : "processes"}`;
  const chunks = model === "async" || chunkSize === 1 ? "" : `, ${chunkSize} items a chunk`;
  const parts = [
    [`${task}: ${chosen}${chunks} (${certainty}), for ${items} items on ${cores} cores`],
    candidatesOf(advice),
    excluded.map((each) => `${each.model} cannot run it: ${each.reason}`),
    section("Why:", reasons),
    section("What would change this:", wouldChange),
    [measurement(advice), command].filter((line) => line !== ""),
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

/** The same work, done so. */
export function commandOf(
  reference: string,
  { model, workers, chunkSize }: Advice,
  { input }: Pick<AdviseSettings, "input">,
): string {
  const words = ["allcores map", quoted(reference), "--model", model, "--workers", String(workers)];
  if (model !== "async" && chunkSize > 1) words.push("--chunk", String(chunkSize));
  if (input !== "lines") words.push("--input", input);
  return words.join(" ");
}

function quoted(text: string): string {
  return /^[\w./#:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * What was compared, by model and number of workers; the bars say how many times as fast as one call after the other.
 */
function candidatesOf({ candidates, model, workers }: Advice): string[] {
  const serial = candidates.find((each) => each.model === "async" && each.workers === 1) ?? candidates.at(-1);
  if (serial === undefined) return [];
  const speedUp = (each: Candidate): number => serial.ms / each.ms;
  const most = Math.max(...candidates.map(speedUp));
  const rows = MODELS.flatMap((name) =>
    candidates
      .filter((each) => each.model === name)
      .sort((a, b) => a.workers - b.workers)
      .map((each) => [
        `${each.model === model && each.workers === workers ? ">" : " "} ${each.model}`,
        String(each.workers),
        time(each.ms),
        size(each.memory),
        `${speedUp(each).toFixed(1)}x`,
        "█".repeat(Math.max(1, Math.round((BAR_COLUMNS * speedUp(each)) / most))).padEnd(BAR_COLUMNS),
      ]),
  );
  return [table([["  model", "workers", "predicted", "memory", "speed-up", " ".repeat(BAR_COLUMNS)], ...rows])];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `- ${line}`)];
}

function measurement({ sample }: Advice): string {
  if (sample === undefined) return "";
  const { runs, inputs, wall, cpu, waiting } = sample;
  return `Measured: ${runs} runs of ${inputs} inputs; an item takes ${time(wall)}, computes for ${time(cpu)}, waits for ${Math.round(100 * waiting)} %.`;
}

function time(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toPrecision(3)} s`;
  return ms >= 1 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms * 1000).toPrecision(2))} us`;
}

function size(bytes: number): string {
  return bytes >= 1 << 20 ? `${(bytes / (1 << 20)).toFixed(1)} MB` : `${Math.ceil(bytes / 1024)} KB`;
}
