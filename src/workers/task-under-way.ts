import { type Boundary, encode } from "../codec/index.js";
import { CancelledError } from "../errors/index.js";
import { PROGRESS } from "./lane.js";
import type { WideLaneWorker } from "./wide-lane-worker.js";
import type { RunningJob } from "./worker-state.js";

/**
 * A task that a worker has under way beside others, as its own code sees it. What the task left running may have it
 * longer; it does nothing then.
 */
export class TaskUnderWay implements RunningJob {
  readonly sequence: number;
  readonly attempt: number;
  /** In the lane's table. */
  readonly entry: number;
  /** Values of a chunk that wait for those that follow. */
  values: unknown[] = [];
  readonly #boundary: Boundary;
  #lane: WideLaneWorker | undefined;
  #item = 0;
  #controller: AbortController | undefined;

  /** Of the job that the lane has taken. */
  constructor(lane: WideLaneWorker, boundary: Boundary) {
    this.#lane = lane;
    this.#boundary = boundary;
    this.sequence = lane.sequence;
    this.attempt = lane.attempt;
    this.entry = lane.claim();
  }

  /** Which item of a chunk is worked on: what its worker's death is held against. */
  set item(index: number) {
    this.#item = index;
    this.#lane?.table.setItem(this.entry, index);
  }

  get cancelled(): boolean {
    const cancelled =
      this.#controller?.signal.aborted === true || this.#lane?.table.isCancelled(this.entry, this.sequence) === true;
    if (cancelled && this.#controller?.signal.aborted === false)
      this.#controller.abort(new CancelledError("the task was called off"));
    return cancelled;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.hear();
    }
    return this.#controller.signal;
  }

  /** The worker's loop looks whether this is the task that shall stop: its signal is aborted then. */
  hear(): void {
    if (this.#controller !== undefined) void this.cancelled;
  }

  progress(value: unknown): void {
    this.#lane?.replyFor(
      this.sequence,
      PROGRESS,
      0,
      this.#item,
      encode(value, { to: this.#boundary, root: "progress", attach: this.#boundary === "threads" }),
    );
  }

  end(): void {
    this.#lane = undefined;
  }
}
