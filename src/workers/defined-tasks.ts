import { CorruptError, ModuleNotAllowedError } from "../errors/index.js";
import type { LaneWorker } from "./lane-worker.js";
import { loadTask } from "./task-module.js";
import type { AnyFunction } from "./task.js";

interface Definition {
  readonly url: string;
  readonly name: string;
  /** Once it is loaded. */
  fn: AnyFunction | undefined;
  readonly refusal?: Error;
}

/** What the numbers in a lane stand for: the tasks that the pool has told its worker of. */
export class DefinedTasks extends Map<number, Definition> {
  /** The pool says what a number stands for. Without an order nothing is loaded, and the jobs of that number fail. */
  define(lane: LaneWorker): void {
    const { task } = lane;
    try {
      const [number, url, name] = lane.read() as [number, string, string];
      if (number !== task || typeof url !== "string" || typeof name !== "string")
        throw new CorruptError("the definition of a task in a pool's lane is not one");
      const refusal = lane.isOrdered(url, name) ? undefined : ModuleNotAllowedError.ofLane(url, name);
      this.set(task, { url, name, fn: undefined, ...(refusal && { refusal }) });
    } catch (error) {
      this.set(task, { url: "", name: "", fn: undefined, refusal: error as Error });
    }
  }

  /** The task of the job that was taken, loaded. Its time stands still meanwhile. */
  async load(lane: LaneWorker): Promise<AnyFunction> {
    const task = this.get(lane.task);
    if (task === undefined)
      throw new CorruptError(`a job in a pool's lane is of a task, ${lane.task}, that its pool has not defined`);
    if (task.refusal !== undefined) throw task.refusal;
    if (task.fn === undefined) {
      lane.stopClock();
      task.fn = await loadTask(task.url, task.name);
      lane.startClock();
    }
    return task.fn;
  }
}

/** The arguments that a job has brought. @throws CorruptError where they are none */
export function argsOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new CorruptError("the arguments of a job in a pool's lane are none");
  return value;
}
