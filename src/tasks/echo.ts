/**
 * Whether an error says no more than that its task heard `signal`: its reason as it is, or what the platform and this
 * library make of it. Such an error is no failure of the task. Before the signal has aborted nothing is an echo: a task
 * that throws an AbortError of its own has failed.
 */
import { isThrown } from "../errors/index.js";
export function isEcho(signal: AbortSignal, error: unknown): boolean {
  if (!signal.aborted) return false;
  if (error === signal.reason) return true;
  if (!isThrown(error, Error)) return false;
  try {
    const { name, code, cause } = error as { name?: unknown; code?: unknown; cause?: unknown };
    return (
      name === "AbortError" || code === "ERR_ALLCORES_CANCELLED" || (cause !== undefined && cause === signal.reason)
    );
  } catch {
    // Its own getter, or Proxy, throws.
    return false;
  }
}
