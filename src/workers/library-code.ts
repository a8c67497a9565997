/** The text of a script, and what V8 made of it. Both in memory that the threads share: a copy for each would stay. */
export interface ScriptCode {
  /** In Latin-1. */
  readonly text: Uint8Array;
  /** V8's code cache. It holds what the one who made it had run. */
  readonly cache: Uint8Array;
}

/** The library's own code: what a worker begins with instead of reading and compiling it once more. */
export interface LibraryCode {
  readonly core: ScriptCode;
  readonly rest: ScriptCode;
  /** It comes of a worker that has worked, so that another finds compiled what it needs, and little else. */
  readonly isSeasoned: boolean;
}

/**
 * What the library knows of how it was loaded. `code` makes the code anew; it is there only where that was by
 * `entry/load.ts`, as a script.
 */
export interface LibraryMeta extends ImportMeta {
  readonly code?: (isSeasoned: boolean) => LibraryCode;
}

let make: LibraryMeta["code"];
let current: LibraryCode | undefined;
let isAsked = false;

/** `gives`: this worker is to give its code once it has worked. */
export function setLibraryCode(
  making: LibraryMeta["code"],
  given: LibraryCode | undefined,
  gives: boolean | undefined,
): void {
  make = making;
  current = given;
  isAsked = gives === true;
}

/** What to hand to a worker; undefined where the library runs as a module, of which V8 gives out nothing. */
export function libraryCode(): LibraryCode | undefined {
  return (current ??= make?.(false));
}

/** In a worker that has worked: what to give to the one who started it, once, if it was asked for it. */
export function seasonedCode(): LibraryCode | undefined {
  if (!isAsked) return undefined;
  isAsked = false;
  return (current = make!(true));
}

/** A worker has given its code. */
export function keepSeasonedCode(code: LibraryCode): void {
  if (make !== undefined) current = code;
}
