import { type Queue, task } from "allcores";

/** Adds up the tables until there are no more; the whole count, most frequent words first. */
export const reducer = task(import.meta, function reducer(counts: Queue<Map<string, number>>) {
  const total = new Map<string, number>();
  for (const table of counts) {
    for (const [word, count] of table) total.set(word, (total.get(word) ?? 0) + count);
  }
  return [...total].sort(([a, first], [b, second]) => second - first || (a < b ? -1 : 1));
});
