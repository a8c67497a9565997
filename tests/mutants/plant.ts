/** How a mutant is made of a source: whatever the formatter does with lines, its piece is found by its tokens. */
import type { Mutant } from "./mutant.js";

interface Token {
  readonly text: string;
  readonly begin: number;
  readonly end: number;
}

/**
 * Words and signs, without what depends on where lines are broken: white space, and a comma before a bracket closes.
 */
function tokensOf(text: string): Token[] {
  const tokens = [...text.matchAll(/\w+|[^\w\s]/g)].map(({ 0: text, index }) => ({
    text,
    begin: index,
    end: index + text.length,
  }));
  return tokens.filter(({ text }, index) => text !== "," || !/^[)\]}]$/.test(tokens[index + 1]?.text ?? ""));
}

/** Where a piece stands in a source: the indexes of its characters. */
function placesOf(source: string, piece: string): { begin: number; end: number }[] {
  const tokens = tokensOf(source);
  const wanted = tokensOf(piece);
  const places: { begin: number; end: number }[] = [];
  for (let at = 0; at + wanted.length <= tokens.length; at++) {
    if (wanted.every(({ text }, index) => tokens[at + index]!.text === text))
      places.push({ begin: tokens[at]!.begin, end: tokens[at + wanted.length - 1]!.end });
  }
  return places;
}

/** The source with the mutant's bug in it; throws unless what it replaces occurs exactly once. */
export function plant(source: string, { name, file, from, to }: Mutant): string {
  const places = placesOf(source, from);
  const [place] = places;
  if (place === undefined || places.length > 1)
    throw new Error(`mutant "${name}": what it replaces occurs ${places.length} times in src/${file}, not once`);
  return source.slice(0, place.begin) + to + source.slice(place.end);
}
