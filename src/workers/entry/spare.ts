import { workerState } from "../worker-state.js";
import type { WorkerDuty } from "./work.js";

interface Named {
  readonly name: string;
}

/** What a worker does that was started ahead: it waits for its work, and does that. */
export class SpareDuty<Work extends Named> implements WorkerDuty {
  readonly #work: () => Promise<Work>;
  readonly #begin: (work: Work) => WorkerDuty;
  readonly #exit: (code: number) => void;
  #duty: WorkerDuty | undefined;

  constructor(work: () => Promise<Work>, begin: (work: Work) => WorkerDuty, exit: (code: number) => void) {
    this.#work = work;
    this.#begin = begin;
    this.#exit = exit;
  }

  async run(): Promise<void> {
    const work = await this.#work();
    workerState.name = work.name;
    this.#duty = this.#begin(work);
    await this.#duty.run();
  }

  /** Nobody has asked for anything yet: a fresh worker will say it to the starter that does. */
  refuse(error: Error): never {
    this.#duty?.refuse(error);
    this.#exit(1);
    // A thread goes on for some instructions.
    throw error;
  }
}
