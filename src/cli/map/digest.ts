import { createHash } from "node:crypto";

/** Sixteen hexadecimal digits of SHA-256: enough to tell inputs of one index, or two states of a module, apart. */
export function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
