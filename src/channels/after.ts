import { ArgumentRangeError, ArgumentTypeError } from "../errors/index.js";
import { programNow } from "../parking/index.js";
import { choiceOf, type Selectable, selectable } from "../sync/selectable.js";

/**
 * For `select`: comes `ms` milliseconds from now, and is there from then on. Unlike `options.timeout` it ends a select
 * with a value, and it runs on from one select to the next.
 *
 * @param ms milliseconds from now
 * @returns what `select` takes
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what is no number from 0
 * @remarks **Cost:** one small object; a timer while a select waits for it.
 *
 * @example
 * ```ts
 * import { after, Queue, select } from "allcores";
 * const jobs = new Queue<string>();
 * const { key } = await select({ job: jobs, closing: after(10) });
 * console.log(key); // closing
 * ```
 */
export function after(ms: number): Selectable<undefined> {
  if (typeof ms !== "number")
    throw new ArgumentTypeError(`after(ms): ms must be a number of milliseconds, got ${typeof ms}`);
  if (Number.isNaN(ms) || ms < 0) throw new ArgumentRangeError(`after(ms): ms must be 0 or more, got ${ms}`);
  const dueAt = programNow() + ms;
  const choice = choiceOf<true, undefined>({
    dueAt,
    poll: () => programNow() >= dueAt || undefined,
    open: () => undefined,
  });
  return { [selectable]: () => choice };
}
