/** The library's own text, and what V8 made of it: what a worker begins with instead of reading and compiling it once more. */
export interface LibraryCode {
  readonly text: string;
  /** V8's code cache, in memory that the threads share. It holds what the one who made it had run. */
  readonly cache: Uint8Array;
  /** It comes of a worker that has worked, so that another finds compiled what it needs, and little else. */
  readonly isSeasoned: boolean;
}

/** What the library knows of how it was loaded. `code` makes the code anew; it is there only where that was by `entry/load.ts`, as a script. */
export interface LibraryMeta extends ImportMeta {
  readonly code?: (isSeasoned: boolean) => LibraryCode;
}

let make: LibraryMeta["code"];
let current: LibraryCode | undefined;

export function setLibraryCode(making: LibraryMeta["code"], given: LibraryCode | undefined): void {
  make = making;
  current = given;
}

/** What to hand to a worker; undefined where the library runs as a module, of which V8 gives out nothing. */
export function libraryCode(): LibraryCode | undefined {
  return (current ??= make?.(false));
}

/** In a worker that has worked: what to give to the one who started it, once for all; undefined if there is such already. */
export function seasonedCode(): LibraryCode | undefined {
  if (current?.isSeasoned !== false) return undefined;
  return (current = make!(true));
}

/** A worker has given its code. */
export function keepSeasonedCode(code: LibraryCode): void {
  if (make !== undefined) current = code;
}
