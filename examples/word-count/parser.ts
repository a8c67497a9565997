import { type Queue, task } from "allcores";

const word = /[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;

/** Counts the words of pages until there are no more; hands on one table a page. */
export const parser = task(import.meta, function parser(pages: Queue<string>, counts: Queue<Map<string, number>>) {
  let taken = 0;
  for (const page of pages) {
    const table = new Map<string, number>();
    for (const [found] of page.toLowerCase().matchAll(word)) table.set(found, (table.get(found) ?? 0) + 1);
    counts.putSync(table);
    taken++;
  }
  return taken;
});
