/** The library's code in a file, as a child process gets it: the text and then the cache. */
import fs from "node:fs";
import { processPlatform } from "../platform/index.js";
import { type LibraryCode, libraryCode } from "./library-code.js";

/** How many bytes of each stand in the file. */
export interface LibraryFile {
  readonly text: number;
  readonly cache: number;
}

let written: { readonly code: LibraryCode; readonly descriptor: number } | undefined;

/** The file, for children to inherit; undefined where the library runs as a module. */
export function libraryFile(): (LibraryFile & { readonly descriptor: number }) | undefined {
  const code = libraryCode();
  if (code === undefined) return undefined;
  const { text, cache } = code;
  if (written?.code !== code) {
    const descriptor = processPlatform().handOver.codeFile([text, cache]);
    // Only once there is another: after a failure the old one is still the one that is open.
    if (written !== undefined) fs.closeSync(written.descriptor);
    written = { code, descriptor };
  }
  return { text: text.length, cache: cache.length, descriptor: written.descriptor };
}
