import fs from "node:fs";

/**
 * Whether a file is there, as far as this program may look: under Node's permission model `existsSync` throws for what
 * may not be read.
 */
export function isVisible(path: string | URL): boolean {
  try {
    return fs.existsSync(path);
  } catch {
    return false;
  }
}
