import { CorruptError } from "../errors/index.js";
import { contain } from "../memory/index.js";
import { markEnded } from "../parking/index.js";
import { childrenEnd } from "./children.js";
import { type Completion, exitStatus, GONE, RETURNED, RUNNING, THREW } from "./completion.js";
import { runExitHooks } from "./exit-hook.js";
import { decodeWithClasses, loadTask } from "./task-module.js";
import { reportUncaught } from "../futures/uncaught-hook.js";
import { tellUnsettled } from "./worker-death.js";
import { workerState } from "./worker-state.js";

export interface TaskOfWorker {
  /** Ends the worker. */
  readonly exit: (code: number) => void;
  readonly url: string;
  readonly task: string;
  readonly completion: Completion;
  readonly decodeArgs: () => unknown;
  /** Delivers and ends the completion; true if it did. */
  readonly deliver: (state: typeof RETURNED | typeof THREW, value: unknown) => void;
}

/**
 * Runs one task in a worker and brings its outcome to the completion. Shared by the entries of threads and processes.
 */
export class TaskRun {
  readonly #task: TaskOfWorker;

  constructor(task: TaskOfWorker) {
    this.#task = task;
  }

  async run(): Promise<void> {
    const { url, task, completion, decodeArgs, deliver, exit } = this.#task;
    process.on("exit", (code) => {
      contain("noting that this worker ends", () => {
        completion.exitCode = exitStatus(code);
        completion.finish(GONE);
      });
    });
    tellUnsettled(() => completion.state === RUNNING);
    process.on("uncaughtException", (error) => {
      // The task is done, and nobody will ask again.
      if (completion.state !== RUNNING) reportUncaught(error, workerState);
      else deliver(THREW, error);
      exit(1);
    });
    try {
      const fn = await loadTask(url, task);
      const args = await decodeWithClasses(decodeArgs);
      if (!Array.isArray(args))
        throw new CorruptError("the arguments of this worker's task, in shared memory, are none");
      const value = await fn(...(args as unknown[]));
      // Before anybody can hear of it, and kill this worker.
      markEnded(true);
      deliver(RETURNED, value);
    } catch (error) {
      markEnded(true);
      deliver(THREW, error);
    }
    await runExitHooks();
    await childrenEnd();
    exit(completion.exitCode ?? (completion.state === RETURNED ? 0 : 1));
  }

  /** The worker ends with an error that is not its task's. */
  refuse(error: Error): never {
    const { deliver, exit } = this.#task;
    deliver(THREW, error);
    exit(1);
    // A thread goes on for some instructions.
    throw error;
  }
}
