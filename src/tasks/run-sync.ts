import { Queue } from "../channels/queue.js";
import { serve, type Served } from "../channels/served.js";
import { MainGuardError, TimeoutError, WorkerDiedError, isThrown } from "../errors/index.js";
import type { ResultOf } from "../pools/pool.js";
import { loadTask } from "../workers/task-module.js";
import { type AnyFunction, identityOf, type Task, task } from "../workers/task.js";
import { Thread } from "../workers/thread.js";

/** How often a caller looks whether the helper has come up, or has died over it. */
const LOOK_MS = 500;

/** What the helper does for its owner. */
interface Helper {
  run(url: string, name: string, args: unknown[]): Promise<unknown>;
}

/** The helper of this thread: made with the first call, kept for the next. */
let helper: { readonly thread: Thread; readonly served: Served<Helper> } | undefined;

/**
 * The library is in every worker before any task: there is nothing to load for this one, and so its module is an empty
 * one.
 */
const NOWHERE = new URL("data:text/javascript,");

const help = task(NOWHERE, "allcores.runSync", async (announced: Queue<Served<Helper>>) => {
  announced.putSync(serve<Helper>({ run: async (url, name, args) => await (await loadTask(url, name))(...args) }));
  await new Promise(() => {});
});

/**
 * Blocks this thread until an asynchronous task has its result, and gives that: for code that cannot await. The task
 * runs in a helper thread with a loop of its own, one for each thread that calls; it is a daemon and starts with the
 * first call, which takes some 50 ms longer than those after it.
 *
 * **Deadlock:** this thread's loop stands still meanwhile. A task that needs it, since it calls an object that this
 * thread serves or waits for a lock that this thread holds, waits for ever. On the main thread everything stands still:
 * there, await.
 * **Death:** if the task ends the helper, `WorkerDiedError`; the next call has a new one.
 * @throws what the task throws; NotATaskError, UnsendableError
 *
 * @example
 * ```ts
 * import { isMain, runSync, sleep, task } from "allcores";
 * const answer = task(import.meta, async function answer(ms: number) {
 *   await sleep(ms);
 *   return 42;
 * });
 * if (isMain(import.meta)) console.log(runSync(answer, 10)); // 42
 * ```
 */
export function runSync<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): ResultOf<F> {
  const { url, name, bound } = identityOf(task);
  // One that ended between two calls: its error was no call's, and the uncaught hook hears of it.
  if (helper?.thread.isAlive === false) helper = undefined;
  helper ??= startHelper();
  try {
    return helper.served.callSync("run", url, name, [...bound, ...args]) as ResultOf<F>;
  } catch (error) {
    if (!isThrown(error, WorkerDiedError)) throw error;
    const { thread } = helper;
    helper = undefined;
    throw ownErrorOf(thread, error);
  }
}

/**
 * What the caller gets of a helper that ended. Its task may have loaded a module that was about to start workers. An
 * error that nothing in the helper has caught is the cause: it has no other owner, since the helper counts as joined.
 */
function ownErrorOf(thread: Thread, died: WorkerDiedError): Error {
  let own: unknown;
  try {
    thread.joinSync({ timeout: LOOK_MS });
  } catch (error) {
    own = error;
  }
  thread.terminate();
  if (own instanceof MainGuardError) return own;
  if (own === undefined || own instanceof TimeoutError || own instanceof WorkerDiedError) return died;
  return new WorkerDiedError(died.message, { cause: own });
}

function startHelper(): NonNullable<typeof helper> {
  const announced = new Queue<Served<Helper>>();
  const thread = new Thread(help, { args: [announced], name: "runSync", daemon: true }).start();
  for (;;) {
    try {
      return { thread, served: announced.getSync({ timeout: LOOK_MS }) };
    } catch (error) {
      if (!isThrown(error, TimeoutError) || thread.isAlive) continue;
      thread.joinSync();
      throw new WorkerDiedError("the helper thread of runSync() ended before it had begun");
    }
  }
}
