/**
 * The comparison as a picture: for each row how many times better ours is than the best rival, or than what its bound
 * names.
 */
import { advantage, bestOf, nameOf, oursOf, type Result, type Row } from "./row.js";
import { shown } from "./table.js";

interface Bar {
  readonly label: string;
  readonly rival: string;
  readonly times: number;
  /** Absent where nothing is required. */
  readonly required?: number;
  readonly reached?: boolean;
}

const WIDTH = 1340;
const LABELS = 370;
const NOTES = 540;
const LINE = 22;
const TOP = 64;
const BOTTOM = 34;
const COLOURS = { reached: "#2e7d32", missed: "#c62828", free: "#546e7a" };

const escaped = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function barsOf(one: Row): Bar[] {
  const ours = oursOf(one)?.median;
  if (ours === undefined) return [];
  const label = `${one.section}: ${one.name}`;
  const of = ({ median }: Result & { median: number }, rival: string): Bar => ({
    label,
    times: advantage(one, ours, median),
    rival,
  });
  const value = (figure: number): string => `${shown(figure)} ${one.unit}`;
  const judged = one.verdicts.filter(({ theirs }) => theirs !== undefined);
  const bars = judged.map(({ against, theirs, advantage: required, reached }) => ({
    label,
    times: advantage(one, ours, theirs!),
    rival: `${against}: ${value(ours)} / ${value(theirs!)}`,
    required,
    ...(reached !== undefined && { reached }),
  }));
  const best = bestOf(one);
  if (bars.length > 0 || best === undefined) return bars;
  return [of(best, `${nameOf(best)}: ${value(ours)} / ${value(best.median)}`)];
}

export function chart(rows: readonly Row[], title: string, subtitle: string): string {
  const bars = rows.flatMap(barsOf).filter(({ times }) => Number.isFinite(times) && times > 0);
  const exponents = bars.flatMap(({ times, required = 1 }) => [Math.log10(times), Math.log10(required)]);
  const low = Math.min(-0.5, Math.floor(Math.min(0, ...exponents) * 2) / 2);
  const high = Math.max(1, Math.ceil(Math.max(0, ...exponents) * 2) / 2);
  const plot = WIDTH - LABELS - NOTES;
  const x = (times: number): number =>
    Math.round((LABELS + ((Math.log10(times) - low) / (high - low)) * plot) * 10) / 10;
  const height = TOP + bars.length * LINE + BOTTOM;
  const ticks = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000].filter(
    (tick) => Math.log10(tick) >= low && Math.log10(tick) <= high,
  );
  const text = (left: number, top: number, content: string, more = ""): string =>
    `<text x="${left}" y="${top}"${more}>${escaped(content)}</text>`;
  const lines = bars.map(({ label, rival, times, required, reached }, index) => {
    const top = TOP + index * LINE;
    const [from, to] = times < 1 ? [x(times), x(1)] : [x(1), x(times)];
    const colour = reached === undefined ? COLOURS.free : reached ? COLOURS.reached : COLOURS.missed;
    return [
      text(LABELS - 8, top + 15, label, ' text-anchor="end"'),
      `<rect x="${from}" y="${top + 3}" width="${Math.max(1, to - from).toFixed(1)}" height="${LINE - 6}" fill="${colour}"/>`,
      required === undefined
        ? ""
        : `<line x1="${x(required)}" y1="${top}" x2="${x(required)}" y2="${top + LINE}" stroke="#000" stroke-width="2"/>`,
      text(WIDTH - NOTES + 8, top + 15, `${shown(times)} ×  ${rival}`, ' fill="#444"'),
    ].join("");
  });
  const grid = ticks.map((tick) => {
    const line = `<line x1="${x(tick)}" y1="${TOP - 4}" x2="${x(tick)}" y2="${height - BOTTOM + 4}" stroke="${tick === 1 ? "#000" : "#ddd"}"/>`;
    return line + text(x(tick), height - BOTTOM + 20, `${tick} ×`, ' text-anchor="middle" fill="#444"');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(12, 24, title, ' font-size="16" font-weight="bold"'),
    text(12, 43, subtitle, ' fill="#444"'),
    ...grid,
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}
