import { headOf, modelsOf } from "./chart.js";
import type { Comparison, JobResults } from "./comparison.js";
import { MODELS } from "./job.js";
import { concurrencyAgainstParallelism, sentencesOf, speedUp, times } from "./sentences.js";

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:right;padding:.2rem .6rem}td:first-child,th:first-child{text-align:left}
.bar{display:block;height:1rem;background:#2a6fb0;border-radius:2px}.wide{width:50%}`;

/** The comparison as a page of its own, which loads nothing. */
export function page(comparison: Comparison): string {
  const { jobs, machine } = comparison;
  const { rows, sentences } = concurrencyAgainstParallelism(jobs);
  const matrix = rows
    .map((row, index) => `<tr>${row.map((cell) => cellOf(cell, index === 0)).join("")}</tr>`)
    .join("\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>allcores bench</title><style>${STYLE}</style></head><body>
<h1>allcores bench</h1>
${paragraphs(headOf(comparison))}
${jobs.map((job) => section(job, machine)).join("\n")}
<h2>并发与并行 / Concurrency against parallelism</h2>
<table>${matrix}</table>
${paragraphs(sentences)}
</body></html>
`;
}

function section(job: JobResults, machine: Comparison["machine"]): string {
  const { results, title } = job;
  const models = modelsOf(results);
  const most = Math.max(...models.map((model) => speedUp(results, model) ?? 0));
  const rows = models.map((model) => {
    const { items, perItem, startUp, stall } = results[model]!;
    const factor = speedUp(results, model) ?? 0;
    const cells = [
      MODELS[model],
      times(factor),
      `${perItem.toFixed(1)} ms`,
      String(items),
      startUp === 0 ? "-" : `${startUp.toFixed(0)} ms`,
      `${stall.toFixed(0)} ms`,
    ];
    const bar = `<td class="wide"><span class="bar" style="width:${((100 * factor) / most).toFixed(1)}%"></span></td>`;
    return `<tr>${cells.map((cell) => cellOf(cell, false)).join("")}${bar}</tr>`;
  });
  const head = ["model", "speed-up", "per item", "items", "start-up", "loop stood still", ""]
    .map((cell) => cellOf(cell, true))
    .join("");
  return `<h2>${escaped(title)}</h2>\n<table><tr>${head}</tr>\n${rows.join("\n")}</table>\n${paragraphs(sentencesOf(job, machine))}`;
}

function cellOf(text: string, isHead: boolean): string {
  return isHead ? `<th>${escaped(text)}</th>` : `<td>${escaped(text)}</td>`;
}

function paragraphs(texts: readonly string[]): string {
  return texts.map((text) => `<p>${escaped(text)}</p>`).join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
