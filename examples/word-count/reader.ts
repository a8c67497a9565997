import { createReadStream } from "node:fs";
import { type Queue, task } from "allcores";

/**
 * Puts the text of each file into `pages`, in pieces that end at a line; waits while the parsers are behind. Ends the
 * stream for everybody.
 */
export const reader = task(import.meta, async function reader(files: string[], pages: Queue<string>) {
  let characters = 0;
  for (const file of files) {
    let rest = "";
    for await (const piece of createReadStream(file, { encoding: "utf8", highWaterMark: 64 * 1024 })) {
      const text = rest + piece;
      const end = text.lastIndexOf("\n") + 1;
      if (end > 0) await pages.put(text.slice(0, end));
      rest = text.slice(end);
      characters += piece.length;
    }
    if (rest !== "") await pages.put(rest);
  }
  pages.shutdown();
  return characters;
});
