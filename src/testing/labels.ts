/** What an explored program calls its shared objects. */
import { crossing, isCrossing } from "../codec/marshalled.js";
import { placeOf, SharedObject } from "../objects/index.js";
import { Condition } from "../sync/condition.js";

/** Where an object of the heap stands, as its handle says. */
function blockOf(value: unknown, path: string): number | undefined {
  if (value instanceof SharedObject) return placeOf(value);
  if (typeof value !== "object" || value === null || !isCrossing(value)) return undefined;
  const { payload } = value[crossing]("threads", path);
  const at: unknown = Array.isArray(payload) ? payload[2] : undefined;
  return typeof at === "number" ? at : undefined;
}

/** Shared objects by their place, called as the program calls them. */
export function labelsOf(shared: unknown): Map<number, string> {
  const labels = new Map<number, string>();
  const add = (value: unknown, name: string): void => {
    const at = blockOf(value, name);
    if (at === undefined) return;
    labels.set(at, (value as { label?: string }).label ?? name);
    if (value instanceof Condition && !labels.has(placeOf(value.lock)))
      labels.set(placeOf(value.lock), `${value.label ?? name}.lock`);
  };
  add(shared, "shared");
  if (typeof shared === "object" && shared !== null && !(shared instanceof SharedObject)) {
    for (const [name, value] of Object.entries(shared)) add(value, name);
  }
  return labels;
}
