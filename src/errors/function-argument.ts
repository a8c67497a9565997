import { ArgumentTypeError } from "./misuse.js";

/** Refuses what is no function before the call changes anything: a lock is not taken for a call that cannot run. */
export function checkFunction(call: string, fn: unknown, name = "fn"): void {
  if (typeof fn === "function") return;
  throw new ArgumentTypeError(`${call}: ${name} must be a function, got ${typeof fn}`);
}
