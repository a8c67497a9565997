import { pathToFileURL } from "node:url";

/**
 * Where a module of this library runs, told `import.meta.url`: of a bundle in CommonJS, whose bundler leaves that
 * empty, the file itself.
 */
export function ownUrl(url: string | undefined): string {
  return url ?? pathToFileURL(__filename).href;
}
