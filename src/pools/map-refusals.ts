/** What a map refuses of its input, why it ends before that, and what keeps it from going on without its event loop. */
import { ArgumentTypeError, TimeoutError } from "../errors/index.js";

/** @param from the number of the first item */
export function checkTuples(items: readonly unknown[], from: number): void {
  const wrong = items.findIndex((item) => !Array.isArray(item));
  if (wrong < 0) return;
  const must = "starmap(task, tuples): each item must be an array of arguments";
  throw new ArgumentTypeError(`${must}, item ${from + wrong} is ${typeof items[wrong]}`);
}

/** A step of an input that has to be awaited is a promise, which never says that it is the last. */
export function checkStep(step: IteratorResult<unknown>): void {
  if (step.done !== undefined || typeof (step as { then?: unknown }).then !== "function") return;
  const must = "an input that has to be awaited has [Symbol.asyncIterator], not [Symbol.iterator]";
  throw new ArgumentTypeError(`the input's next() gave a promise: ${must}`);
}

/**
 * Why a map cannot go on while its thread is blocked, and what to do instead; undefined where it can.
 *
 * @param asks whether its thread asks an async input for items
 * @param isIterated whether its results are taken one by one
 */
export function loopNeedOf(task: string, asks: boolean, isIterated: boolean): string | undefined {
  const map = `the map of "${task}"`;
  if (asks)
    return `${map} takes its items from an async iterable, which this thread asks in its event loop. Await the map first, or give it an array or a generator`;
  if (isIterated)
    return `the results of ${map} are iterated by this thread, in its event loop. Leave the loop over them first, or await the map`;
  return undefined;
}

export function mapTimeout(task: string, timeout: number): TimeoutError {
  return new TimeoutError(
    `the map of "${task}" had not ended within ${timeout} ms; what it had not done was called off`,
  );
}
