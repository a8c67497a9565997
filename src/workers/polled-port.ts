import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { EagerLook } from "../memory/index.js";

/** A message port that, after each message, looks for the next one itself for a moment before it leaves that to the event loop. */
export class PolledPort {
  readonly #port: MessagePort;
  readonly #look: EagerLook;
  readonly #receive: (message: unknown) => void;

  constructor(port: MessagePort, receive: (message: unknown) => void) {
    this.#port = port;
    this.#receive = receive;
    this.#look = new EagerLook(() => this.#take());
    port.on("message", (message) => {
      this.#look.stop();
      receive(message);
    });
  }

  post(message: unknown, transfer: readonly object[]): void {
    this.#port.postMessage(message, transfer as MessagePort[]);
    this.#look.start();
  }

  /** Takes in whatever has arrived. */
  drain(): void {
    while (this.#take());
  }

  #take(): boolean {
    const received = receiveMessageOnPort(this.#port);
    if (received === undefined) return false;
    this.#receive(received.message);
    return true;
  }
}
