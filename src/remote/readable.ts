import { inspect } from "node:util";
import { decode, FROM_ELSEWHERE } from "../codec/index.js";
import { Payloads } from "./payloads.js";
import { readResult, readWire } from "./wire.js";

/**
 * A task or an outcome of the queue in a form for people: for dashboards, which see this library's bytes otherwise.
 *
 * @param data `job.data` or `job.returnvalue`, as BullMQ gives it
 * @returns the same with arguments or results in words; anything else as it is
 * @throws nothing
 * @remarks **Cost:** a decoding, and a text of at most some thousand characters.
 *
 * @example
 * ```ts
 * import { readable } from "allcores/remote";
 * console.log(readable({ another: "job" })); // { another: 'job' }
 * ```
 */
export function readable(data: unknown): unknown {
  try {
    const { args, v: _v, ...wire } = readWire(data);
    return { ...wire, args: shown(Payloads.opened(args)) };
  } catch {
    // Perhaps it is an outcome.
  }
  try {
    const { out, t } = readResult(data);
    return { microseconds: t, outcomes: shown(Payloads.opened(out)) };
  } catch {
    return data;
  }
}

function shown(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "(under a key of its own)";
  try {
    return inspect(decode(bytes, 0, bytes.length, undefined, FROM_ELSEWHERE), {
      depth: 4,
      maxArrayLength: 20,
      maxStringLength: 500,
      customInspect: false,
    });
  } catch (error) {
    return `(${bytes.length} bytes: ${error instanceof Error ? error.message : "unreadable"})`;
  }
}
