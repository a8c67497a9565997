/** What takes a processor: many rounds of a hash. */
import { createHash } from "node:crypto";
import { task } from "allcores";

const ROUNDS = 100_000;

export const hash = task(import.meta, function hash(text: string) {
  let digest = text;
  for (let round = 0; round < ROUNDS; round++) digest = createHash("sha256").update(digest).digest("hex");
  return digest;
});
