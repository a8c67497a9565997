/** The library's code in a memory file, as a child process gets it: the text and then the cache. */
import fs from "node:fs";
import { platform } from "../memory/index.js";
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
    const descriptor = platform().createMemory("allcores-code", text.length + cache.length);
    try {
      fs.writeSync(descriptor, text, 0, text.length, 0);
      fs.writeSync(descriptor, cache, 0, cache.length, text.length);
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
    // Only once there is another: after a failure the old one is still the one that is open.
    if (written !== undefined) fs.closeSync(written.descriptor);
    written = { code, descriptor };
  }
  return { text: text.length, cache: cache.length, descriptor: written.descriptor };
}
