/** What a pool's worker does with one job. Shared by threads and processes. */
import { encode, encodeError, type Message, takeTransfers } from "../codec/index.js";
import { UnknownClassError } from "../errors/index.js";
import { RETURNED, THREW } from "./completion.js";
import { decodeWithClasses, loadTask } from "./task-module.js";
import type { AnyFunction } from "./task.js";

const loaded = new Map<string, AnyFunction>();

/** Runs the task and hands the encoded outcome, valid until the next encode, to `deliver`. Never throws. */
export async function runJob(
  url: string,
  name: string,
  args: () => unknown,
  to: "threads" | "processes",
  deliver: (state: number, message: Message) => void,
): Promise<void> {
  let value: unknown;
  try {
    const key = `${url}#${name}`;
    let fn = loaded.get(key);
    if (fn === undefined) loaded.set(key, (fn = await loadTask(url, name)));
    let given: unknown;
    try {
      given = args();
    } catch (error) {
      if (!(error instanceof UnknownClassError)) throw error;
      given = await decodeWithClasses(args);
    }
    value = fn(...(given as unknown[]));
    if (isThenable(value)) value = await value;
    deliver(RETURNED, encode(value, { to, root: "result", attach: to === "threads", transfer: takeTransfers([value]) }));
  } catch (error) {
    deliver(THREW, encodeError(error, { to, attach: to === "threads" }));
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
