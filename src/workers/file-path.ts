import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isUrl } from "../codec/index.js";
import { ArgumentTypeError } from "../errors/index.js";

/**
 * A path that stays the same wherever a worker works: from the folder in which the program works now.
 * @throws ArgumentTypeError for what names no file
 */
export function filePath(option: string, given: unknown): string {
  if (isUrl(given)) {
    try {
      return fileURLToPath(given);
    } catch (cause) {
      throw new ArgumentTypeError(`options.${option} must be a path or the URL of a file, got ${given.href}`, {
        cause,
      });
    }
  }
  if (typeof given !== "string" || given === "")
    throw new ArgumentTypeError(`options.${option} must be a path or the URL of a file, got ${typeof given}`);
  return resolve(given);
}
