import { ArgumentTypeError } from "../errors/index.js";
import { isThenable } from "../sync/thenable.js";

/**
 * Refuses a promise from a function whose value is needed at once. `call`: what was called, as in "update(key, fn)".
 */
export function checkSynchronous(result: unknown, call: string): void {
  if (!isThenable(result)) return;
  // Nobody else will look at it: its failure is not to end the program.
  Promise.resolve(result).catch(() => {});
  throw new ArgumentTypeError(
    `${call}: fn returned a promise; it must return the value itself, since that is needed at once`,
  );
}
