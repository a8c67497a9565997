/** What the first of the library's scripts has of the second: its exports, and the kinds of objects that it knows. */
import { KIND as CHANNELS } from "../../channels/kinds.js";
import { KIND as MEMORY, loadKindsLate } from "../../memory/index.js";
import { KIND as SHARED } from "../../shared/kinds.js";
import { KIND as SYNC } from "../../sync/kinds.js";
import { lateClass, lateFunction } from "./stand-in.js";

type Library = Record<string, unknown>;

/** Adds stand-ins to what the library exports, and has the rest loaded where a kind of object asks for it. */
export function exportLate(
  exports: Library,
  classes: readonly string[],
  functions: readonly string[],
  load: () => Library,
): void {
  let library: Library | undefined;
  const rest = () => (library ??= load());
  for (const name of classes) exports[name] = lateClass(name, () => rest()[name] as never);
  for (const name of functions) exports[name] = lateFunction(name, () => rest()[name] as never);
  const kinds = new Set(Object.values<number>({ ...CHANNELS, ...SHARED, ...SYNC }));
  for (const kind of Object.values(MEMORY)) kinds.delete(kind);
  loadKindsLate(kinds, rest);
}
