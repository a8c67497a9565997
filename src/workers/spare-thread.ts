import { MessageChannel, type MessagePort } from "node:worker_threads";
import { mainProgram } from "../codec/index.js";
import { KILL_GRACE_MS } from "./load-gate.js";
import { type OpenThread, openThread, type ThreadWork } from "./open-thread.js";
import { programArguments } from "./program-arguments.js";
import { Spares } from "./spares.js";
import { PROGRAMS_OWN } from "./worker-environment.js";

/** A thread that was started ahead: it waits for its work at its port. */
class SpareThread {
  readonly conditions: string;
  readonly #opened: OpenThread;
  readonly #port: MessagePort;

  constructor(conditions: string, ended: () => void) {
    const { port1, port2 } = new MessageChannel();
    this.conditions = conditions;
    this.#port = port1;
    this.#opened = openThread({ kind: "spare", name: "Spare", port: port2 }, PROGRAMS_OWN, [port2]);
    const { worker } = this.#opened;
    worker.unref();
    port1.unref();
    // What ends it before it is used is nobody's error.
    worker.on("error", () => {});
    worker.once("exit", ended);
  }

  get isGone(): boolean {
    return this.#opened.isGone;
  }

  use(work: ThreadWork, transfer: MessagePort[]): { readonly opened: OpenThread; readonly port: MessagePort } {
    this.#port.postMessage(work, transfer);
    return { opened: this.#opened, port: this.#port };
  }

  end(): void {
    this.#opened.worker.once("exit", () => this.#port.close());
    this.#opened.terminate(KILL_GRACE_MS, () => {});
  }
}

/** What a thread has of the program as it was when it started. */
function conditions(): string {
  return JSON.stringify([process.env, programArguments(), mainProgram()]);
}

export const spareThreads = new Spares<SpareThread>(
  conditions,
  (conditions, ended) => new SpareThread(conditions, ended),
);
