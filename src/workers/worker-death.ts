import { WorkerDiedError } from "../errors/index.js";

/** How a worker ended, as far as its starter knows. */
interface WorkerEnding {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly cause: unknown;
  /** Its starter has ended it. */
  readonly wasAsked: boolean;
}

/** The error of a worker that ended before its task had returned. */
export function deathOf(name: string, task: string, { exitCode, signal, cause, wasAsked }: WorkerEnding): WorkerDiedError {
  signal ??= signalOfCode(exitCode);
  const details = { exitCode, signal, ...(cause === undefined ? {} : { cause }) };
  const how = wasAsked ? "was terminated" : howOf(exitCode, signal);
  return new WorkerDiedError(`${name} ${how} before its task "${task}" had returned`, details);
}

function howOf(exitCode: number | undefined, signal: string | undefined): string {
  if (signal !== undefined) return `was killed by ${signal}`;
  return exitCode === undefined ? "ended" : `ended with exit code ${exitCode}`;
}

function signalOfCode(exitCode: number | undefined): string | undefined {
  if (exitCode === undefined || exitCode >= 0) return undefined;
  const { signals } = process.getBuiltinModule("node:os").constants;
  return Object.entries(signals).find(([, number]) => number === -exitCode)?.[0];
}
