/** The library's code in a file, as a child process gets it: of each script the text and then the cache. */
import fs from "node:fs";
import { processPlatform } from "../platform/index.js";
import { type LibraryCode, libraryCode, type ScriptCode } from "./library-code.js";

/** How many bytes of a script stand in the file. */
export interface ScriptLengths {
  readonly text: number;
  readonly cache: number;
}

/** What stands in the file, one behind the other. */
export interface LibraryFile {
  readonly core: ScriptLengths;
  readonly rest: ScriptLengths;
}

let written: { readonly code: LibraryCode; readonly descriptor: number } | undefined;

/** The file, for children to inherit; undefined where the library runs as a module. */
export function libraryFile(): (LibraryFile & { readonly descriptor: number }) | undefined {
  const code = libraryCode();
  if (code === undefined) return undefined;
  const { core, rest } = code;
  if (written?.code !== code) {
    const descriptor = processPlatform().handOver.codeFile([core.text, core.cache, rest.text, rest.cache]);
    // Only once there is another: after a failure the old one is still the one that is open.
    if (written !== undefined) fs.closeSync(written.descriptor);
    written = { code, descriptor };
  }
  return { core: lengthsOf(core), rest: lengthsOf(rest), descriptor: written.descriptor };
}

function lengthsOf({ text, cache }: ScriptCode): ScriptLengths {
  return { text: text.length, cache: cache.length };
}
