/**
 * How long a test waits before it says that something hangs: a time of an idle machine, and more where the machine was
 * found to be slower at the start of the run. Limits that a test is about (a `timeout` that must run out) are no such
 * limits and stay as they are.
 */
const factor = Number(process.env.ALLCORES_TEST_SLOWNESS ?? 1);

export function timeLimit(milliseconds: number): number {
  return Math.ceil(milliseconds * factor);
}
