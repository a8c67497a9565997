import { decode } from "../codec/index.js";
import { UnknownClassError, WorkerDiedError } from "../errors/index.js";
import { decodeWithClasses } from "../workers/task-module.js";
import type { Outcome } from "./engine.js";
import { Payloads } from "./payloads.js";
import { readResult } from "./wire.js";

/** What a task came to, and how long that took. */
export interface OutcomeRead {
  readonly value: unknown;
  readonly microseconds: number;
}

/** At once where it lies in the message and its classes are there. @throws what is wrong with it */
export function readOutcome(
  { result, reason }: Outcome,
  task: string,
  payloads: Payloads,
): OutcomeRead | Promise<OutcomeRead> {
  if (result === undefined)
    throw new WorkerDiedError(`the task "${task}" was given up: ${reason ?? "it was ended at the server"}`);
  const { out, t: microseconds } = readResult(result);
  const inline = Payloads.opened(out);
  try {
    if (inline !== undefined) return { value: decode(inline, 0, inline.length), microseconds };
  } catch (error) {
    if (!(error instanceof UnknownClassError)) throw error;
  }
  return (async () => ({ value: await decoded(inline ?? (await payloads.open(out))), microseconds }))();
}

/** A class that is not there yet is loaded, if it is one of this program's project. */
export function decoded(bytes: Uint8Array): Promise<unknown> {
  return decodeWithClasses(() => decode(bytes, 0, bytes.length));
}
