/**
 * The form in which tests run that are long by nature: short in `npm test`, whole in `npm run nightly`. Both have every
 * case; the whole form has more rounds, seeds or schedules of each, or runs it by threads and by processes.
 */
const isWhole = process.env.ALLCORES_TEST_FORM === "whole";

export function inForm<T>({ short, whole }: { readonly short: T; readonly whole: T }): T {
  return isWhole ? whole : short;
}

/** By turns: in the short form the case of that number runs in one of so many places, in the whole form in each. */
export function isInTurn(number: number, place: number, places: number): boolean {
  return isWhole || number % places === place;
}

/** A number for a name, always the same. */
export function numberOf(name: string): number {
  let number = 0;
  for (const character of name) number = (number * 31 + character.codePointAt(0)!) % 1_000_003;
  return number;
}
