import { pad, table, widthOf } from "../table.js";
import type { Comparison, JobResults, ComparedResults } from "./comparison.js";
import { type ComparedModel, MODELS } from "./job.js";
import { concurrencyAgainstParallelism, percent, sentencesOf, speedUp, times } from "./sentences.js";

const BAR_COLUMNS = 40;

export const modelsOf = (results: ComparedResults): ComparedModel[] =>
  (Object.keys(MODELS) as ComparedModel[]).filter((model) => results[model] !== undefined);

/** A bar for each model: how many times as fast as serial. */
function bars(results: ComparedResults): string {
  const models = modelsOf(results);
  const most = Math.max(...models.map((model) => speedUp(results, model) ?? 0));
  const names = Math.max(...models.map((model) => widthOf(MODELS[model])));
  return models
    .map((model) => {
      const factor = speedUp(results, model) ?? 0;
      const length = Math.max(1, Math.round((BAR_COLUMNS * factor) / most));
      return `${pad(MODELS[model], names, true)}  ${"█".repeat(length)} ${times(factor)}`;
    })
    .join("\n");
}

function figures(results: ComparedResults): string {
  const head = [
    "模型 model",
    "次数 items",
    "每次 per item",
    "加速 speed-up",
    "启动 start-up",
    "主循环停顿 loop stood still",
  ];
  const rows = modelsOf(results).map((model) => {
    const { items, perItem, startUp, stall } = results[model]!;
    return [
      MODELS[model],
      String(items),
      ms(perItem),
      times(speedUp(results, model)),
      startUp === 0 ? "-" : ms(startUp),
      ms(stall),
    ];
  });
  return table([head, ...rows]);
}

function ms(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`;
}

export function headOf({ machine, runs }: Comparison): string[] {
  const { processor, cores, node, othersTake } = machine;
  const lines = [
    `${cores} 个核心 / ${cores} cores, ${processor}, Node ${node}; ${runs === 1 ? "one run" : `medians of ${runs} runs`} each, warmed up, start-up apart`,
  ];
  if (othersTake > 0.25)
    lines.push(`机器正忙 / other programs take ${percent(othersTake)} of the processors, so the figures are rough`);
  return lines;
}

export function portrayJob(job: JobResults, machine: Comparison["machine"]): string {
  return [`--- ${job.title}`, bars(job.results), "", figures(job.results), "", ...sentencesOf(job, machine)].join("\n");
}

/** All of it, for a terminal. */
export function portrayComparison(comparison: Comparison): string {
  const { jobs, machine } = comparison;
  const { rows, sentences } = concurrencyAgainstParallelism(jobs);
  const last =
    rows.length === 0
      ? []
      : [["--- 并发与并行 / Concurrency against parallelism", table(rows), "", ...sentences].join("\n")];
  return [headOf(comparison).join("\n"), ...jobs.map((job) => portrayJob(job, machine)), ...last].join("\n\n");
}
