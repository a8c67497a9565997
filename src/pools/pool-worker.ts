import type { Message } from "../codec/index.js";
import type { TaskIdentity } from "../workers/task.js";

/** The arguments of a job: still in the encoder, or kept. */
export type EncodedArgs = Pick<Message, "length" | "writeTo" | "attachments" | "transfer"> & { toBytes(): Uint8Array };

/** What a pool hears from one of its workers. */
export interface PoolWorkerEvents {
  returned(id: number, value: unknown): void;
  threw(id: number, error: unknown): void;
  /** It has ended, and will say nothing more. */
  ended(exitCode: number, signal: string | undefined, cause: unknown): void;
}

/** One worker of a pool, of whatever kind. */
export interface PoolWorker {
  readonly name: string;
  /** Gives it a job. */
  send(id: number, task: TaskIdentity, args: EncodedArgs): void;
  /** Whether it keeps the program alive: only while it has a job. */
  hold(busy: boolean): void;
  /** No more jobs: it ends when it has done what it has. */
  close(): void;
  /** Ends it now. */
  kill(): void;
}
