import { ArgumentTypeError } from "../errors/index.js";
import { type Heap, isOfOtherVersion, versioned } from "../memory/index.js";
import type { Attempt } from "../parking/index.js";

/**
 * The method by which an object takes part in `select`: `Symbol.for("allcores.selectable")`, so it is the same in every
 * copy of the library.
 *
 * @example
 * ```ts
 * import { type Choice, Queue, select, selectable } from "allcores";
 * class Jobs {
 *   readonly texts = new Queue<string>();
 *   [selectable](): Choice<URL> {
 *     return this.texts[selectable]().map((text) => new URL(text));
 *   }
 * }
 * const jobs = new Jobs();
 * jobs.texts.putSync("https://example.org/1");
 * const { value } = await select({ jobs });
 * console.log(value.pathname); // /1
 * ```
 */
export const selectable: unique symbol = Symbol.for("allcores.selectable") as never;

/** What `select` can wait for. An object of your own gives the choice of one of ours, as it is or mapped. */
export interface Selectable<T> {
  /** What a select waits for, and how it takes it: made anew for each select. */
  [selectable](): Choice<T>;
}

/** What every kind of choice can do. `X` is what it takes, `T` what the user gets for it. */
interface Source<X, T> {
  /** Takes it if it is there now; throws when it has failed. `awaiting`: for a caller that awaits. */
  poll(awaiting: boolean): X | undefined;
  /** The value of what was taken. May be called again when it threw. */
  open(taken: X): T;
  /** The same for who can await, where that can do more. */
  openAwaiting?(taken: X): Promise<T>;
}

/** Stands in shared memory: a parker can wait for it. */
export interface MemorySource<X, T> extends Source<X, T> {
  readonly heap: Heap;
  readonly key: number;
  /** Its place in a line that is kept in order; undefined elsewhere. */
  readonly priority?: number | undefined;
  /** A new wait for it. */
  begin(awaiting: boolean): Attempt<X>;
  /** A wait for it is over and has not taken it: others may come whom that wait alone has held back. */
  left?(): void;
}

/** Comes at a moment of `programNow()`. */
export interface TimeSource<X, T> extends Source<X, T> {
  readonly dueAt: number;
}

/** Comes through this thread's event loop, and so never while the thread is blocked. */
export interface LoopSource<X, T> extends Source<X, T> {
  /** Whether it has come, as far as can be told now. */
  isSettled(): boolean;
  /** Calls `rouse` once it has come; returns how to stop that. */
  watch(rouse: () => void): () => void;
}

/** Each of them. */
export type AnySource<T, X = unknown> = MemorySource<X, T> | TimeSource<X, T> | LoopSource<X, T>;

let make: <T>(source: AnySource<T>) => Choice<T>;
/** The method by which a choice gives what is behind it, to whatever copy of the library. */
const reveal: unique symbol = versioned("choice") as never;

/** One of the things that a select may choose: what a method `[selectable]` returns. */
export class Choice<T> {
  readonly #source: AnySource<T>;

  private constructor(source: AnySource<T>) {
    this.#source = source;
  }

  static {
    make = (source) => new Choice(source);
  }

  /** @internal */
  [reveal](): AnySource<T> {
    return this.#source;
  }

  /**
   * The same with `fn` applied to its value, once it has been chosen and taken: if `fn` throws, it is gone and the
   * select fails with that error.
   *
   * @param fn makes the value of the select from what was taken
   * @returns a choice of the same thing
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no function
   * @remarks **Cost:** one small object, and a call of `fn` where it is chosen.
   *
   * @example
   * ```ts
   * import { Queue, select, selectable } from "allcores";
   * const texts = new Queue<string>();
   * texts.putSync("42");
   * const numbers = { [selectable]: () => texts[selectable]().map((text) => Number(text)) };
   * const { value } = await select({ numbers });
   * console.log(value); // 42
   * ```
   */
  map<U>(fn: (value: T) => U): Choice<U> {
    if (typeof fn !== "function")
      throw new ArgumentTypeError(`choice.map(fn): fn must be a function, got ${typeof fn}`);
    const source = this.#source;
    const { openAwaiting } = source;
    return new Choice<U>({
      ...source,
      open: (taken) => fn(source.open(taken)),
      ...(openAwaiting === undefined ? {} : { openAwaiting: async (taken: unknown) => fn(await openAwaiting(taken)) }),
    } as AnySource<U>);
  }
}

/** A choice, for the object that it stands for. */
export function choiceOf<X, T>(source: AnySource<T, X>): Choice<T> {
  return make(source as AnySource<T>);
}

/** Whether it is a choice, of this copy of the library or another of its version. */
export function isChoice(value: unknown): value is Choice<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as Partial<Choice<unknown>>)[reveal] === "function"
  );
}

/** Whether a copy of another version made it. */
export function isOthersChoice(value: unknown): boolean {
  return typeof value === "object" && value !== null && isOfOtherVersion(value, "choice");
}

/** What is behind a choice. */
export function sourceOf<T>(choice: Choice<T>): AnySource<T> {
  return choice[reveal]();
}
