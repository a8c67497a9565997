/**
 * Puts counting functions in the place of the platform's atomics. Imported before the library, which takes them as it
 * is loaded: what is counted then are the operations of this thread, on real threads and at any moment.
 */
let operations = 0;

const names = [
  "add",
  "and",
  "compareExchange",
  "exchange",
  "load",
  "notify",
  "or",
  "store",
  "sub",
  "wait",
  "waitAsync",
  "xor",
] as const;

const platform = Atomics as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
for (const name of names) {
  const direct = platform[name]!;
  platform[name] = (...args) => {
    operations++;
    return direct(...args);
  };
}

/** How many operations this thread has made. */
export const operationsSoFar = (): number => operations;
