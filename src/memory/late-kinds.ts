/** Kinds of objects whose code is loaded when something is first asked of one of them. */
let late: ReadonlySet<number> | undefined;
let load: () => unknown;

/** `kinds`: the numbers of kinds of blocks. Of kinds of objects in messages, all are late that are not known. */
export function loadKindsLate(kinds: ReadonlySet<number>, by: () => unknown): void {
  late = kinds;
  load = by;
}

/** From here on what this kind registers is registered. */
export function needKind(kind: number): void {
  if (late?.has(kind)) needKinds();
}

/** The same of all kinds. */
export function needKinds(): void {
  if (late === undefined) return;
  late = undefined;
  load();
}
