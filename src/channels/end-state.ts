import { ConnectionClosedError, StateError, TimeoutError } from "../errors/index.js";
import type { SyncWait } from "../parking/index.js";

/** What an end of a pipe is to this worker, and the errors that say why a call cannot be served. */
export class EndState {
  /** This worker's own, still in use; closed by it; sent to another worker. */
  is: "open" | "closed" | "sent away" = "open";
  /** Its latest. */
  departure = 0;
  readonly #titleOf: () => string;

  constructor(titleOf: () => string) {
    this.#titleOf = titleOf;
  }

  get title(): string {
    return this.#titleOf();
  }

  /** The side that `verb` needs is not there: the end is no longer this worker's, or its pipe is one-way. */
  refuse(verb: string): never {
    if (this.is === "closed") throw new StateError(`${verb}: ${this.title} was closed by this worker`);
    if (this.is === "sent away") {
      throw new StateError(
        `${verb}: ${this.title} was sent to another worker and is that one's now: an end of a pipe belongs to one worker at a time; ` +
          "keep the other end, or make a pipe for each",
      );
    }
    const [can, other] = verb === "send" ? ["receive", "second"] : ["send", "first"];
    throw new StateError(
      `${verb}: ${this.title} can only ${can}, its pipe is one-way: use the ${other} end, or createPipe() without { duplex: false }`,
    );
  }

  throwPeerGone(verb: "send" | "recv"): never {
    const rest = verb === "send" ? "nobody could receive it" : "everything that was sent has been received";
    throw new ConnectionClosedError(
      `${verb}: the other end of ${this.title} was closed, or its worker has ended, and ${rest}`,
    );
  }

  throwClosedHere(): never {
    throw new ConnectionClosedError(`${this.title} was closed while a caller waited at it`);
  }

  timedOut(what: string, options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} had ${what} within ${options?.timeout} ms`);
  }
}
