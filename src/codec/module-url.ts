import fs from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ArgumentTypeError } from "../errors/index.js";

/** Where something is registered from: `import.meta`, a URL, or in CommonJS `module` or `__filename`. */
export type ModuleSource = ImportMeta | NodeJS.Module | URL | string;

/** Whether it is a URL, of whatever realm. */
export function isUrl(value: unknown): value is URL {
  return Object.prototype.toString.call(value) === "[object URL]" && typeof (value as URL).href === "string";
}

/** The URL that names a module in every worker. @throws ArgumentTypeError when `from` names none. */
export function moduleUrl(caller: string, from: ModuleSource): string {
  if (typeof from === "string") {
    if (isAbsolute(from)) return pathToFileURL(from).href;
    if (URL.canParse(from)) return new URL(from).href;
  } else if (isUrl(from)) {
    return from.href;
  } else if (typeof from === "object" && from !== null) {
    if ("url" in from && typeof from.url === "string") return from.url;
    if (isAbsoluteFile(from.filename)) return pathToFileURL(from.filename).href;
  }
  if (isOfBundle(from))
    throw new ArgumentTypeError(
      `${caller}: import.meta is empty here, as bundlers leave it in CommonJS. Have the bundler put the module in its place (esbuild: --define:import.meta=module), or build an ES module ` +
        "(esbuild: --format=esm). In CommonJS that you write yourself the first argument is module, or __filename",
    );
  throw new ArgumentTypeError(
    `${caller}: the first argument must be import.meta, a URL, a CommonJS module or an absolute path (__filename)`,
  );
}

/** What a bundler leaves of `import.meta` or of its `url` in CommonJS. */
function isOfBundle(from: unknown): boolean {
  return from === undefined || (typeof from === "object" && from !== null && Object.keys(from).length === 0);
}

function isAbsoluteFile(path: unknown): path is string {
  return typeof path === "string" && isAbsolute(path);
}

/**
 * The one name of a module, however its URL is written: of a file the URL of its real path, decoded, and in the case
 * that the file system has; what follows a `?` or `#` makes another module of it. Undefined for what names none.
 */
export function moduleName(url: string): string | undefined {
  try {
    const parsed = new URL(url);
    if (parsed.protocol !== "file:") return parsed.href === url ? url : undefined;
    return pathToFileURL(realPath(fileURLToPath(parsed))).href + parsed.search + parsed.hash;
  } catch {
    return undefined;
  }
}

function realPath(path: string): string {
  try {
    // The other one leaves the case as it was asked for.
    return fs.realpathSync.native(path);
  } catch {
    // There may be a source instead, as work.ts for work.js.
    const folder = dirname(path);
    return folder === path ? path : join(realPath(folder), basename(path));
  }
}
