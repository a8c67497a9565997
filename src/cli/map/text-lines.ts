import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";

/** The lines of a stream, without their ends; of what follows the last separator too, unless it is empty. */
export async function* textLines(stream: Readable, separator: string): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of stream) {
    const text = rest + decoder.write(chunk as Buffer);
    let from = 0;
    for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, from)) {
      yield lineOf(text.slice(from, at), separator);
      from = at + separator.length;
    }
    rest = text.slice(from);
  }
  rest += decoder.end();
  if (rest !== "") yield lineOf(rest, separator);
}

function lineOf(text: string, separator: string): string {
  return separator === "\n" && text.endsWith("\r") ? text.slice(0, -1) : text;
}
