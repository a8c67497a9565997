/** What this realm knows of itself as a worker. On `globalThis`, so that a second copy of the library in one worker agrees with the first. */
export interface WorkerState {
  name: string;
  model: "main" | "thread" | "process";
  /** True while the module of a task is being loaded: starting a worker then means that a guard is missing. */
  loading: boolean;
}

const key = Symbol.for("allcores.workerState@1");
const realm = globalThis as { [key]?: WorkerState };

export const workerState: WorkerState = (realm[key] ??= { name: "MainThread", model: "main", loading: false });
