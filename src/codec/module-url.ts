import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { ArgumentTypeError } from "../errors/index.js";

/** Where something is registered from: `import.meta`, a URL, or (in CommonJS) `__filename`. */
export type ModuleSource = ImportMeta | URL | string;

/** The URL that names a module in every worker. @throws ArgumentTypeError when `from` names none. */
export function moduleUrl(caller: string, from: ModuleSource): string {
  if (typeof from === "string") {
    if (isAbsolute(from)) return pathToFileURL(from).href;
    if (URL.canParse(from)) return new URL(from).href;
  } else if (from instanceof URL) {
    return from.href;
  } else if (typeof from === "object" && from !== null && typeof from.url === "string") {
    return from.url;
  }
  throw new ArgumentTypeError(`${caller}: the first argument must be import.meta, a URL or an absolute path (__filename)`);
}
