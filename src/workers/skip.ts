import { type Boundary, crossing, type Marshalled, registerKind } from "../codec/index.js";
import { together } from "../memory/index.js";

const KIND = "skip";

/** The type of `skip`, which has no other value. */
export class Skip {
  // biome-ignore lint/correctness/noUnusedPrivateClassMembers: no other object has the type, since none has this.
  readonly #isSkip = true;

  /** @internal */
  [crossing](_to: Boundary, _path: string): Marshalled {
    return { kind: KIND, payload: null, isPlain: true };
  }
}

/**
 * What a task of a map returns to leave its item out. The map's results then have nothing for this item, in whatever
 * form they are taken. In `stats()` it counts as completed.
 *
 * @example
 * ```ts
 * import { isMain, skip, task, ThreadPool } from "allcores";
 * const rootOf = task(import.meta, function rootOf(n: number) {
 *   return n < 0 ? skip : Math.sqrt(n);
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 2 });
 *   const roots: number[] = await pool.map(rootOf, [4, -1, 9]);
 *   console.log(roots); // [ 2, 3 ]
 * }
 * ```
 */
export const skip: Skip = together(KIND, () => new Skip());

registerKind(KIND, () => skip);
