import { inspect } from "node:util";
import { together } from "../memory/index.js";
import { ArgumentTypeError, MainGuardError, isThrown } from "../errors/index.js";

/** Told of an error that nobody has awaited and nobody can await any more. */
export type UncaughtHook = (error: unknown, worker: { readonly name: string }) => void;

const print: UncaughtHook = (error, worker) => {
  process.stderr.write(`Uncaught error in ${worker.name}: ${inspect(error)}\n`);
};
const set = together("uncaughtHook", () => ({ hook: print }));

/**
 * Sets what is told of errors that nobody awaits: of a future, a Thread or a Process when it is collected or the
 * program exits, whichever is first; of an idle worker of a pool at once. Each is told once, and what was told can
 * still be joined. Without a function, the default comes back, which prints to stderr. Returns the hook that was set
 * before.
 *
 * @param fn what is told; the default comes back without it
 * @returns the hook that was set before
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no function
 * @remarks **Cost:** one store.
 *
 * @example
 * ```ts
 * import { setUncaughtHook } from "allcores";
 * setUncaughtHook((error, worker) => console.error(`${worker.name}:`, error));
 * ```
 */
export function setUncaughtHook(fn?: UncaughtHook): UncaughtHook {
  if (fn !== undefined && typeof fn !== "function")
    throw new ArgumentTypeError(`setUncaughtHook(fn): fn must be a function, got ${typeof fn}`);
  const before = set.hook;
  set.hook = fn ?? print;
  return before;
}

export function reportUncaught(error: unknown, worker: { readonly name: string }): void {
  // The program has a fault, though nobody waits for what it started.
  if (isThrown(error, MainGuardError)) process.exitCode ??= 1;
  try {
    set.hook(error, worker);
  } catch (failure) {
    print(failure, { name: "the uncaught hook" });
    print(error, worker);
  }
}
