/**
 * The form in which tests run that are long by nature: short in `npm test`, whole in `npm run nightly`. Both have every
 * case; the whole form has more rounds, seeds or schedules of each, or runs it by threads and by processes.
 */
const isWhole = process.env.ALLCORES_TEST_FORM === "whole";

export function inForm<T>({ short, whole }: { readonly short: T; readonly whole: T }): T {
  return isWhole ? whole : short;
}
