import type { Message } from "../codec/index.js";
import { storeMessage } from "../codec/stored-message.js";
import type { Heap } from "../memory/index.js";
import type { Payload } from "../workers/lane-owner.js";
import { MOST_INLINE_BYTES } from "../workers/lane.js";
import type { Job } from "./job.js";
import { PriorityLines } from "./priority-lines.js";

const ARENA_BYTES = 65536;

/** Bytes that were copied out of the encoder. */
class Kept {
  readonly length: number;
  readonly holds: boolean;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  constructor(bytes: Uint8Array, at: number, { length, holds }: Message) {
    this.holds = holds;
    this.#bytes = bytes;
    this.#at = at;
    this.length = length;
  }
  writeTo(target: Uint8Array, at: number): void {
    for (let index = 0; index < this.length; index++) target[at + index] = this.#bytes[this.#at + index]!;
  }
}

/** The jobs that wait for room in a lane, by priority. */
export class Backlog extends PriorityLines<Job> {
  readonly #model: { readonly heap: Heap };
  #arena = new Uint8Array(0);
  #used = 0;

  constructor(model: { readonly heap: Heap }) {
    super();
    this.#model = model;
  }

  /** A copy of the encoder's message that outlasts the next one: long ones stand in shared memory already. */
  keep(message: Message): Payload {
    const { length } = message;
    if (length > MOST_INLINE_BYTES) {
      const { heap } = this.#model;
      const block = storeMessage(heap, message);
      heap.allocator.publish(block);
      return block;
    }
    if (this.#used + length > this.#arena.length) {
      this.#arena = new Uint8Array(ARENA_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += length;
    message.writeTo(this.#arena, at);
    return new Kept(this.#arena, at, message);
  }
}
