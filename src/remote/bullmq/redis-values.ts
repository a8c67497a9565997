import type { ValueStore } from "../engine.js";
import type { Client } from "./redis-clients.js";
import { refusalOf } from "./refusal.js";

/** Long values beside the queue, each under a key of its own. */
export class RedisValues implements ValueStore {
  readonly #client: Client;
  readonly #prefix: string;

  constructor(client: Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  async put(key: string, bytes: Uint8Array, milliseconds: number): Promise<void> {
    try {
      await this.#client.set(
        this.#prefix + key,
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
        "PX",
        Math.ceil(milliseconds),
      );
    } catch (error) {
      throw refusalOf(error);
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.#client.getBuffer(this.#prefix + key)) ?? undefined;
  }

  async delete(key: string): Promise<void> {
    await this.#client.del(this.#prefix + key);
  }
}
