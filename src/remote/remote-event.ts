import { realNow } from "../memory/index.js";
import { portray } from "../codec/portrait.js";
import { TimeoutError } from "../errors/index.js";
import {
  Coordination,
  objectSettingsOf,
  type RemoteObjectOptions,
  type RemoteObjectSettings,
  type RemoteWait,
  waitOf,
} from "./coordination.js";

/** Who waits asks again after so long, whatever it is told. */
const ASK_AGAIN_MS = 1000;

/**
 * A flag that programs on several machines share, by a Redis: it stays set until it is cleared. Who waits may hear of
 * it up to a second late; a server that lost its data has it cleared.
 *
 * @example
 * ```ts
 * import { RemoteEvent } from "allcores/remote";
 * const loaded = new RemoteEvent({ connection: "redis://localhost:6379", name: "data-loaded" });
 * export const whenLoaded = () => loaded.wait({ timeout: 60_000 });
 * loaded.close();
 * ```
 */
export class RemoteEvent implements Disposable {
  readonly #at: Coordination;
  readonly #settings: RemoteObjectSettings;

  /**
   * Names an event; nothing is asked of the server before its first use.
   *
   * @param options `connection` and `name`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense
   * @remarks **Cost:** two connections, once it is used.
   */
  constructor(options: RemoteObjectOptions) {
    this.#settings = objectSettingsOf("RemoteEvent", options, false);
    this.#at = new Coordination(this.#settings.connection, this.#settings.key);
  }

  /**
   * Sets it and wakes all who wait.
   *
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Cost:** a question to the server.
   */
  async set(): Promise<void> {
    const { key } = this.#settings;
    await this.#at.ask(async (client) => {
      await client.set(key, "1");
      await client.publish(key, "set");
    });
  }

  /**
   * Clears it.
   *
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Cost:** a question to the server.
   */
  async clear(): Promise<void> {
    await this.#at.ask((client) => client.del(this.#settings.key));
  }

  /**
   * Asks whether it is set.
   *
   * @returns whether it is set
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Cost:** a question to the server.
   */
  async isSet(): Promise<boolean> {
    return (await this.#at.ask((client) => client.exists(this.#settings.key))) === 1;
  }

  /**
   * Waits until it is set.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait
   * @throws `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_REMOTE_UNAVAILABLE`, the reason of `signal`;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness:** all who wait go on together. **Death:** no owner; it stays as it is. **Cancel:** the signal
   *   ends the wait. **Cost:** a question to the server, and one a second while it waits.
   */
  async wait(options?: RemoteWait): Promise<void> {
    const { timeout, signal } = waitOf(options);
    const deadline = realNow() + timeout;
    for (;;) {
      signal?.throwIfAborted();
      if (await this.isSet()) return;
      const left = deadline - realNow();
      if (left <= 0) throw new TimeoutError(`"${this.#settings.name}" was not set within ${timeout} ms`);
      await this.#at.pause(Math.min(left, ASK_AGAIN_MS), signal);
    }
  }

  /** Lets go of the connections. */
  close(): void {
    this.#at.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

portray(RemoteEvent, () => ({}), "make one with the same name there");
