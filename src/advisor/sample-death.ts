/** The end of a worker that ran the sample, told of the task itself: nobody outside knows of what measures it. */
import { isThrown, MemoryLimitError, WorkerDiedError } from "../errors/index.js";

const OF_THE_ADVISER = /"allcores\.(?:measureItem|runInTurn|runTogether)"/;
/** The sample has ended with it. */
const GOES_ON = "; the pool goes on with another worker";

/** `error`, or where it is the end of a worker, the same with the name of the task that it ran. */
export function ofTask(error: unknown, task: string): unknown {
  if (isThrown(error, WorkerDiedError)) {
    const { exitCode, signal, deaths } = error;
    return new WorkerDiedError(said(error.message, task), { exitCode, signal, deaths, ...causeOf(error) });
  }
  if (isThrown(error, MemoryLimitError))
    return new MemoryLimitError(said(error.message, task), { deaths: error.deaths, ...causeOf(error) });
  return error;
}

function causeOf({ cause }: Error): { cause?: unknown } {
  return cause === undefined ? {} : { cause };
}

function said(message: string, task: string): string {
  return message.replace(OF_THE_ADVISER, () => JSON.stringify(task)).replace(GOES_ON, "; the advice has ended with it");
}
