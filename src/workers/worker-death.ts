import { WorkerDiedError } from "../errors/index.js";

/**
 * As Node ends a program whose top level awaits what can never come: a worker's event loop has nothing left, and its
 * task has not settled.
 */
const UNSETTLED = 13;

/** In a worker: where its event loop ends while `isRunning`, its exit code says so. */
export function tellUnsettled(isRunning: () => boolean): void {
  process.on("beforeExit", () => {
    if (isRunning()) process.exitCode = UNSETTLED;
  });
}

/** How a worker ended by itself. */
export function endOfCode(exitCode: number | undefined): string {
  if (exitCode === UNSETTLED)
    return `ended with nothing left in its event loop (exit code ${UNSETTLED}: what it awaited can never come)`;
  return exitCode === undefined ? "ended" : `ended with exit code ${exitCode}`;
}

/** How a worker ended, as far as its starter knows. */
interface WorkerEnding {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly cause: unknown;
  /** Its starter has ended it. */
  readonly wasAsked: boolean;
}

/** The error of a worker that ended before its task had returned. */
export function deathOf(
  name: string,
  task: string,
  { exitCode, signal, cause, wasAsked }: WorkerEnding,
): WorkerDiedError {
  signal ??= signalOfCode(exitCode);
  const details = { exitCode, signal, ...(cause === undefined ? {} : { cause }) };
  const how = wasAsked ? "was terminated" : howOf(exitCode, signal);
  return new WorkerDiedError(`${name} ${how} before its task "${task}" had returned`, details);
}

function howOf(exitCode: number | undefined, signal: string | undefined): string {
  return signal !== undefined ? `was killed by ${signal}` : endOfCode(exitCode);
}

function signalOfCode(exitCode: number | undefined): string | undefined {
  if (exitCode === undefined || exitCode >= 0) return undefined;
  const { signals } = process.getBuiltinModule("node:os").constants;
  return Object.entries(signals).find(([, number]) => number === -exitCode)?.[0];
}
