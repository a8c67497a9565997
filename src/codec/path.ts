/**
 * A step into a value that is neither a field nor an index: a key, a value or an item of a collection, a field named by
 * a symbol, or the inside of something without parts.
 */
export class Step {
  readonly into: "key" | "entry" | "item" | "symbol" | "inside";
  readonly index: number;
  readonly key: unknown;

  constructor(into: "key" | "entry" | "item" | "symbol" | "inside", index: number, key?: unknown) {
    this.into = into;
    this.index = index;
    this.key = key;
  }

  toString(): string {
    if (this.into === "inside") return "";
    if (this.into === "symbol") return `[${String(this.key)}]`;
    if (this.into === "key") return `.keys()[${this.index}]`;
    if (this.into === "item") return `.values()[${this.index}]`;
    const key = this.key;
    if (typeof key === "string") return `.get(${JSON.stringify(key)})`;
    return typeof key === "number" || typeof key === "boolean" ? `.get(${key})` : `.values()[${this.index}]`;
  }
}

/** Where a value hides its parts, as a lock does. */
export const inside = new Step("inside", 0);

/** A field by its name, an array's element by its index, or another step. */
export type PathStep = string | number | Step;

const plainName = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
const shownSteps = 40;

/** How a value in a value is called in messages, as in `args[0].onDone`. The middle of a very long path is left out. */
export function formatPath(root: string, steps: readonly PathStep[], count: number): string {
  let path = root;
  for (let index = 0; index < count; index++) {
    if (count > shownSteps && index === shownSteps / 2) {
      path += `…${count - shownSteps} more…`;
      index = count - shownSteps / 2;
    }
    const step = steps[index];
    if (typeof step === "string") path += plainName.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    else path += typeof step === "number" ? `[${step}]` : String(step);
  }
  return path;
}
