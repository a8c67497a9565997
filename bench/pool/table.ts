/** The comparison as text. */
import { advantage, nameOf, oursOf, type Row } from "./row.js";

export const shown = (value: number): string =>
  value.toLocaleString("en-US", { maximumSignificantDigits: 3, useGrouping: false });

export function printRows(rows: readonly Row[]): void {
  const results = rows.flatMap(({ results }) => results);
  const width = Math.max(...results.map((result) => nameOf(result).length));
  for (const one of rows) {
    console.log(`\n  ${one.section}: ${one.name} (${one.unit}, ${one.higherIsBetter ? "more" : "less"} is better)`);
    const ours = oursOf(one)?.median;
    for (const result of one.results) {
      const { median, role } = result;
      if (median === undefined) {
        console.log(`    ${nameOf(result).padEnd(width)}  not available: ${result.unavailable}`);
        continue;
      }
      const times = ours === undefined || role === "ours" ? Number.NaN : advantage(one, ours, median);
      console.log(
        `    ${nameOf(result).padEnd(width)}  ${shown(median).padStart(9)}${Number.isFinite(times) ? `  ours ${times.toFixed(2)} × as good` : ""}`,
      );
    }
    for (const { text, against, ratio, reached } of one.verdicts) {
      const verdict = reached === undefined ? "not judged" : reached ? "reached" : "NOT reached";
      console.log(`    ${verdict}: ${text}, ${against}${ratio === undefined ? "" : `: ${ratio.toFixed(2)}`}`);
    }
  }
}
