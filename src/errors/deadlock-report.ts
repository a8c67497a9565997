/** What is known of a deadlock: plain data, which can be sent, stored as JSON, or shown as text. */

/** A worker, as reports name it. */
export interface ReportedWorker {
  /** "MainThread", "Thread-1", … as far as it is known. */
  readonly name: string;
  readonly model: "main" | "thread" | "process";
  /** Process id. */
  readonly pid: number;
  /** The system's thread id. */
  readonly tid: number;
}

/** A shared object, as reports name it. */
export interface ReportedObject {
  /** Its class, as in "RLock". */
  readonly kind: string;
  readonly label?: string;
  readonly across: "threads" | "processes";
  /** Tells it from others of its reach. */
  readonly id: number;
}

/**
 * One of the workers that wait for each other. One that waits for several things, as in a select, is there once for
 * each.
 */
export interface DeadlockMember {
  readonly worker: ReportedWorker;
  readonly waitsFor: ReportedObject & {
    /** For what, where it can be waited for in several ways, as in "writing". */
    readonly purpose?: string;
  };
  /** Whether its thread is blocked, or its event loop has nothing else to do. */
  readonly how: "blocking" | "awaiting";
  /** When the wait began: milliseconds since 1970. Not known of a pool's. */
  readonly since?: number;
  /** Where it waits, in its own code. */
  readonly stack?: string;
  /** Where what it waits for was created; known with `detectDeadlocks({ stacks: true })`. */
  readonly created?: string;
  /** Of what the others wait for, what it holds. */
  readonly holds: readonly ReportedObject[];
}

/** A deadlock that was found. */
export interface DeadlockReport {
  /**
   * - `"cycle"`: each waits for what another of them holds;
   * - `"abandoned"`: nobody who could end the wait is left, or all of them wait themselves;
   * - `"pool"`: every worker of a pool would wait for a task of that pool.
   */
  readonly kind: "cycle" | "abandoned" | "pool";
  /** true: nobody alive can end it. false: only somebody can who releases what another holds. */
  readonly proven: boolean;
  readonly members: readonly DeadlockMember[];
  /** Who got a `DeadlockError`, so that the others go on. */
  readonly victim?: ReportedWorker;
  /** All of it, for people. */
  readonly text: string;
}
