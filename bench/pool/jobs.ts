/**
 * What all pools are given to do, the same functions for each of them. No imports: they would be part of every cold
 * start. Each function is complete in itself, for the library that sends a function's text.
 */
export function noop(): void {}

export function plusOnes(values: readonly number[]): number[] {
  return values.map((value) => value + 1);
}

export function echo<T>(value: T): T {
  return value;
}

/** So many rounds of arithmetic that cannot be optimised away. */
export function burn(rounds: number): number {
  let state = 1;
  for (let round = 0; round < rounds; round++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}

export const jobs = { noop, plusOnes, echo, burn };
export type Job = keyof typeof jobs;

/** Rounds of `burn` that take a millisecond of this machine, as far as it was quiet just now. */
export function roundsPerMs(): number {
  const rounds = 2_000_000;
  burn(rounds);
  const took = Array.from({ length: 5 }, () => {
    const start = performance.now();
    burn(rounds);
    return performance.now() - start;
  });
  return Math.round(rounds / Math.min(...took));
}
