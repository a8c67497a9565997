/** What a worker was started for. */
export interface WorkerDuty {
  run(): Promise<void>;
  /** Tells of an error that is no task's, and ends the worker. */
  refuse(error: Error): never;
}
