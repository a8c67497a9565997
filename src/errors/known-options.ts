import { ArgumentTypeError } from "./misuse.js";

/**
 * The options that a call takes, by name: an option that the call does not know, or that cannot apply to it, is
 * refused, and with a hint.
 *
 * An option that is `undefined` counts as absent. A call without options costs nothing; with options it costs one look
 * into a set for each of them.
 * Rejected: comparing `Object.keys(options)`, which makes an array for each call.
 */
export class KnownOptions<T extends object> {
  readonly #names: ReadonlySet<string>;
  readonly #elsewhere: Readonly<Record<string, string>>;
  /** All that are known to any call. */
  static readonly all = new Set<string>();

  /**
   * @param names every option of `T`, so that the compiler finds one that is forgotten
   * @param elsewhere options that others take, or that a user may try: what to do instead
   */
  constructor(names: { readonly [Name in keyof Required<T>]: true }, elsewhere: Readonly<Record<string, string>> = {}) {
    this.#names = new Set(Object.keys(names));
    for (const name of this.#names) KnownOptions.all.add(name);
    this.#elsewhere = elsewhere;
  }

  /** @param path what stands before the option's name in the error */
  check(options: object | undefined, path = "options"): void {
    for (const name in options) if (!this.#names.has(name)) this.#refuse(options, name, path);
  }

  #refuse(options: object | undefined, name: string, path: string): void {
    // What somebody put into Object.prototype was not given to this call.
    if (!Object.hasOwn(options!, name) || (options as Record<string, unknown>)[name] === undefined) return;
    const instead = Object.hasOwn(this.#elsewhere, name) ? this.#elsewhere[name] : undefined;
    if (instead !== undefined) throw new ArgumentTypeError(`${path}.${name} does not apply here: ${instead}`);
    const near = this.#nearest(name);
    const advice = near === undefined ? `known are ${[...this.#names].join(", ")}` : `did you mean ${near}?`;
    throw new ArgumentTypeError(`${path}.${name} is unknown: ${advice}`);
  }

  /** The known name that was most likely meant. */
  #nearest(name: string): string | undefined {
    const given = name.toLowerCase();
    let nearest: string | undefined;
    let least = Math.max(1, Math.floor(name.length / 3)) + 1;
    for (const known of this.#names) {
      const meant = known.toLowerCase();
      // "maxWorkers" for "workers".
      const distance = meant.length > 3 && given.includes(meant) ? 1 : changesBetween(given, meant);
      if (distance < least) [nearest, least] = [known, distance];
    }
    return nearest;
  }
}

/** How many letters have to be added, left out or replaced to make `b` of `a`. */
function changesBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
