import { InitializerError, textOfThrown } from "../errors/index.js";
import { realNow } from "../memory/index.js";
import { Call } from "./call.js";
import { defaultCall } from "./call-options.js";
import type { Job } from "./job.js";
import type { JobStates } from "./job-states.js";
import type { PoolSettings } from "./pool-options.js";
import type { Links } from "./link.js";
import { Retries } from "./retries.js";
import type { WorkerSlot } from "./worker-slot.js";

const NO_RETRIES = new Retries(0);

/** What an initializer asks of its pool. */
interface InitializingPool {
  readonly title: string;
  readonly settings: PoolSettings;
  readonly states: JobStates;
  readonly links: Links;
  fail(error: unknown): void;
}

/** Gives a new worker the pool's initializer, before any other job. `isShared`: there is one worker, in this thread. */
export function initialize(slot: WorkerSlot, pool: InitializingPool, isShared: boolean, prepared: () => void): void {
  const done = () => {
    slot.isInitialized();
    prepared();
  };
  const threw = (cause: unknown) => pool.fail(initializerError(pool.title, isShared ? undefined : slot.name, cause));
  const job = initializerCall(pool.settings, pool.states, done, threw);
  slot.link.prepare(job);
  pool.links.pack(job);
  slot.initialize(job);
  pool.links.expect(false);
}

/** The call of the pool's initializer in one worker, which can go to no other. Tells whether it threw. */
function initializerCall(
  settings: PoolSettings,
  states: JobStates,
  done: () => void,
  threw: (error: unknown) => void,
): Call {
  const { task, args } = settings.initializer!;
  const owner = {
    states,
    now: () => realNow(),
    cancel: () => false,
    expire: () => {},
    retry: () => false,
    settled: (_job: Job, failure?: { error: unknown }) => {
      if (failure === undefined) done();
      else threw(failure.error);
    },
  };
  return new Call(owner, task, { ...defaultCall(settings), retries: NO_RETRIES }, args);
}

/** What a pool fails of whose initializer threw, in a worker of this name. */
function initializerError(title: string, worker: string | undefined, cause: unknown): InitializerError {
  const where = worker === undefined ? "" : ` in ${worker}`;
  return new InitializerError(`the initializer of this ${title} failed${where}: ${textOfThrown(cause)}`, { cause });
}
