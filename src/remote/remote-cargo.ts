import { IdConflictError } from "../errors/index.js";
import type { Wire } from "./wire.js";

/** A job as it travels to a queue. */
export interface RemoteCargo {
  /** At the server; of each attempt another. */
  readonly id: string;
  /** Under which long arguments lie. */
  readonly valueKey: string;
  readonly bytes: Uint8Array;
  /** All but the arguments. */
  readonly wire: Omit<Wire, "args">;
  /** Of task and arguments, where the id was given. */
  readonly digest: string | undefined;
  readonly priority: number;
  readonly delay: number;
}

/** The error of a job whose id another one has. */
export function idConflict({ id, wire }: RemoteCargo): IdConflictError {
  return new IdConflictError(
    `there is another task, or one with other arguments, under the id "${id}" than this "${wire.task}": take another id, or wait until its retention is over`,
  );
}
