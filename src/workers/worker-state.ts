/** The task that a pool's worker has in hand, as its code sees it. */
export interface JobInHand {
  readonly attempt: number;
  readonly cancelled: boolean;
  readonly signal: AbortSignal;
  progress(value: unknown): void;
}

/** What this realm knows of itself as a worker. On `globalThis`, so that a second copy of the library in one worker agrees with the first. */
export interface WorkerState {
  name: string;
  model: "main" | "thread" | "process";
  /** True while the module of a task is being loaded: starting a worker then means that a guard is missing. */
  loading: boolean;
  /** Its file was made by a bundler: tasks are in it, under other URLs than where they are submitted. */
  isBundled: boolean;
  /** In a pool's worker, while it has a task in hand. */
  job: JobInHand | undefined;
  /** Run before a worker ends that is let go. */
  readonly exitHooks: (() => unknown)[];
}

const key = Symbol.for("allcores.workerState@2");
const realm = globalThis as { [key]?: WorkerState };

export const workerState: WorkerState = (realm[key] ??= { name: "MainThread", model: "main", loading: false, isBundled: false, job: undefined, exitHooks: [] });
