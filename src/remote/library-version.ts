import { createRequire } from "node:module";

let version: string | undefined;

/** Of this library, which finds its own package.json by its name. */
export function libraryVersion(): string {
  version ??= (createRequire(import.meta.url)("allcores/package.json") as { version: string }).version;
  return version;
}
