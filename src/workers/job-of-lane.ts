import { type Boundary, encode } from "../codec/index.js";
import { CancelledError } from "../errors/index.js";
import { PROGRESS } from "./lane.js";
import type { LaneWorker } from "./lane-worker.js";
import type { RunningJob } from "./worker-state.js";

/** What a task may know of its own run. What the task left running may have it longer; it does nothing then. */
export class JobOfLane implements RunningJob {
  readonly attempt: number;
  readonly #sequence: number;
  readonly #boundary: Boundary;
  #lane: LaneWorker | undefined;
  #controller: AbortController | undefined;
  #ended: AbortController | undefined;

  constructor(lane: LaneWorker, boundary: Boundary) {
    this.#lane = lane;
    this.#boundary = boundary;
    this.#sequence = lane.sequence;
    this.attempt = lane.attempt;
  }

  get cancelled(): boolean {
    const cancelled = this.#controller?.signal.aborted === true || this.#lane?.isCancelled(this.#sequence) === true;
    if (cancelled && this.#controller?.signal.aborted === false)
      this.#controller.abort(new CancelledError("the task was called off"));
    return cancelled;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#ended = new AbortController();
      if (!this.cancelled) {
        this.#lane?.cancellation(this.#sequence, this.#ended.signal).then(
          () => this.cancelled,
          () => {},
        );
      }
    }
    return this.#controller.signal;
  }

  progress(value: unknown): void {
    const lane = this.#lane;
    if (lane === undefined) return;
    lane.reply(
      PROGRESS,
      0,
      lane.item,
      encode(value, { to: this.#boundary, root: "progress", attach: this.#boundary === "threads" }),
    );
  }

  end(): void {
    this.#lane = undefined;
    this.#ended?.abort();
  }
}
