import { CancelledError } from "../errors/index.js";

/** A call that came from another worker: of which method, and from which thread. */
export interface CallFrom {
  readonly method: string;
  readonly pid: number;
  /** Node's number of the thread, 0 for a process's main thread. */
  readonly threadId: number;
  /** When it was made, of `monotonicMs()`. */
  readonly sentAt: number;
}

/** A call of a served object's method, as the method sees it: the same fields as a pool's task has. */
export class ServedCall {
  readonly attempt = 1;
  /** Undefined where the owner itself calls. */
  readonly from: CallFrom | undefined;
  #isOff = false;
  #controller: AbortController | undefined;

  constructor(from?: CallFrom) {
    this.from = from;
  }

  get cancelled(): boolean {
    return this.#isOff;
  }

  /** Made when it is asked for: most methods never ask. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isOff) this.#controller.abort(reasonOf());
    }
    return this.#controller.signal;
  }

  /** Nobody listens to the progress of such a call. */
  progress(_value: unknown): void {}

  /** Its caller does not want the answer any more. */
  callOff(): void {
    if (this.#isOff) return;
    this.#isOff = true;
    this.#controller?.abort(reasonOf());
  }

  /** Runs the method up to its first wait as the one that `servedCall` gives. */
  run<R>(method: () => R): R {
    const before = current;
    current = this;
    try {
      return method();
    } finally {
      current = before;
    }
  }
}

let current: ServedCall | undefined;

const reasonOf = () => new CancelledError("the caller of the served object called this off");

/** The call of the method that runs, until the method waits for the first time. */
export function servedCall(): ServedCall | undefined {
  return current;
}
