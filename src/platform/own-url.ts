import { pathToFileURL } from "node:url";
import { StateError } from "../errors/index.js";
import { isVisible } from "./visible-file.js";

/**
 * Where a module of this library runs, told `import.meta.url`: of a bundle in CommonJS, whose bundler leaves that
 * empty, the file itself.
 */
export function ownUrl(url: string | undefined): string {
  return url ?? pathToFileURL(__filename).href;
}

let isThere = false;

/**
 * Where a bundler put the source's path in the place of `import.meta.url`, the file that it names is another, or none.
 * A bundle that was deleted since is none either. @throws StateError where the file of this library is not there
 */
export function checkOwnFile(url: string): void {
  isThere ||= !url.startsWith("file:") || isVisible(new URL(url));
  if (isThere) return;
  throw new StateError(
    `no worker can start: allcores says that it is in ${url}, and no such file is there, as where a bundler left the path of the source. Have the bundler keep import.meta ` +
      "(webpack: module.parser.javascript.importMeta = false, in an ES module), or give the pool a file for its workers: " +
      'new ThreadPool({ worker: (options) => new Worker(new URL("./worker.js", import.meta.url), options) })',
  );
}
