/**
 * An error that no caller could hear of: in a sweep after a dead worker, in a heartbeat, when the platform reports a
 * worker's end. Memory that was written over must neither end the program there nor keep the rest from being done: the
 * error is told as a warning of the process, once for each thing that was to be done and each kind of error.
 */
import { isError } from "../errors/index.js";
import { controlled } from "#atomics";

const told = new Set<string>();

/**
 * Runs what has no caller; false if it failed. `doing`: what it does, for the warning. In an explored program errors go
 * on: a worker is ended by one, and a model is to see the others.
 */
export function contain(doing: string, run: () => void): boolean {
  if (controlled) {
    run();
    return true;
  }
  try {
    run();
    return true;
  } catch (error) {
    tell(doing, error);
    return false;
  }
}

function tell(doing: string, error: unknown): void {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const kind = `${doing} ${String(code)}`;
  if (told.has(kind)) return;
  told.add(kind);
  process.emitWarning(`${doing} failed, and what else there was to do was done: ${String(message ?? error)}`, {
    type: "AllcoresWarning",
    code: typeof code === "string" ? code : "ERR_ALLCORES_UNCAUGHT",
    detail: isError(error) ? (error.stack ?? "") : "",
  });
}
