import { CorruptError, UnknownClassError } from "../errors/index.js";
import { GONE, RETURNED, THREW } from "./completion.js";
import type { AnyFunction } from "./task.js";

/** What came of the task of a worker. */
export type WorkerOutcome<F extends AnyFunction> =
  | { ok: true; value: Awaited<ReturnType<F>> }
  | { ok: false; error: unknown };

/**
 * Of the state in which a worker called `name` has ended. `take` gives the result that it sent, `death` the error of
 * one that sent none.
 * @throws UnknownClassError when a class has to be loaded first
 */
export function outcomeOf<F extends AnyFunction>(
  state: number,
  name: string,
  take: () => unknown,
  death: () => Error,
): WorkerOutcome<F> {
  if (state === GONE) return { ok: false, error: death() };
  try {
    const result = take();
    if (state !== RETURNED && state !== THREW) throw new CorruptError(`the end of ${name} in shared memory is not one`);
    return state === RETURNED ? { ok: true, value: result as Awaited<ReturnType<F>> } : { ok: false, error: result };
  } catch (error) {
    if (error instanceof UnknownClassError) throw error;
    return { ok: false, error };
  }
}
