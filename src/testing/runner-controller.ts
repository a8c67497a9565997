import type { Controller } from "../platform/controlled-atomics.js";
import { StateError } from "../errors/index.js";
import { ABSENT, CONTROL, type ControlBlock, DEAD, THREAD } from "./control-block.js";

/**
 * The scheduler of the schedule runner's own thread. The runner prepares and judges an execution while no controlled
 * thread runs: every operation is carried out at once, and nothing may wait, since nobody is there who could end the
 * wait.
 */
export class RunnerController implements Controller {
  readonly #block: ControlBlock;
  /** What is at hand: named in errors. */
  doing = "setup";

  constructor(block: ControlBlock) {
    this.#block = block;
  }

  get thread(): { pid: number; tid: number; startTime: number } {
    return { pid: process.pid, tid: 0, startTime: this.#block.words[CONTROL.execution]! };
  }

  before(): void {}
  after(): void {}

  sleep(): never {
    throw this.#refusal();
  }

  listen(): never {
    throw this.#refusal();
  }

  pause(): never {
    throw this.#refusal();
  }

  notify(): number {
    return 0;
  }

  isAlive(tid: number): boolean {
    if (tid === 0) return true;
    const status = this.#block.words[this.#block.thread(tid - 1) + THREAD.status]!;
    return status !== DEAD && status !== ABSENT;
  }

  #refusal(): StateError {
    return new StateError(
      `${this.doing}() must not wait: nobody else runs then. Use tryAcquire, tryGet and the like there, or wait in a worker`,
    );
  }
}
