import { InitializerError, textOfThrown } from "../errors/index.js";
import { realNow } from "../memory/index.js";
import { Call } from "./call.js";
import { defaultCall } from "./call-options.js";
import type { Job } from "./job.js";
import type { JobStates } from "./job-states.js";
import type { PoolSettings } from "./pool-options.js";
import { Retries } from "./retries.js";

const NO_RETRIES = new Retries(0);

/** The call of the pool's initializer in one worker, which can go to no other. Tells whether it threw. */
export function initializerCall(settings: PoolSettings, states: JobStates, done: () => void, threw: (error: unknown) => void): Call {
  const { task, args } = settings.initializer!;
  const owner = {
    states,
    now: () => realNow(),
    cancel: () => false,
    retry: () => false,
    settled: (_job: Job, failure?: { error: unknown }) => {
      if (failure === undefined) done();
      else threw(failure.error);
    },
  };
  return new Call(owner, task, { ...defaultCall(settings), retries: NO_RETRIES }, args);
}

/** What a pool fails of whose initializer threw, in a worker of this name. */
export function initializerError(title: string, worker: string | undefined, cause: unknown): InitializerError {
  const where = worker === undefined ? "" : ` in ${worker}`;
  return new InitializerError(`the initializer of this ${title} failed${where}: ${textOfThrown(cause)}`, { cause });
}
