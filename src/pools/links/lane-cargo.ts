import { lose, type Message } from "../../codec/index.js";
import { loseMessage, storeMessage } from "../../codec/stored-message.js";
import type { Heap } from "../../memory/index.js";
import type { Attached, Payload } from "../../workers/lane-owner.js";
import { MOST_INLINE_BYTES } from "../../workers/lane.js";

/** The arguments of a job where a part of them travels beside the bytes; else the payload stands for itself. */
export class LaneCargo {
  /** Undefined while it stands in a lane. */
  payload: Payload | undefined;
  readonly beside: Attached;

  constructor(payload: Payload, { attachments, transfer }: Attached) {
    this.payload = payload;
    this.beside = { attachments, transfer };
  }
}

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

/** Where the messages of jobs are that wait: long ones in shared memory, others here. */
export class MessageStore {
  readonly #kind: { readonly heap: Heap };
  #arena = new Uint8Array(0);
  #used = 0;

  constructor(kind: { readonly heap: Heap }) {
    this.#kind = kind;
  }

  /** A copy of the encoder's message that outlasts the next one. */
  keep(message: Message): Payload {
    const { length } = message;
    if (length > MOST_INLINE_BYTES) {
      const { heap } = this.#kind;
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

  /** Lets go of what a job's arguments hold that nobody will decode: an end of a pipe is back. */
  discard(payload: Payload): void {
    if (typeof payload === "number") {
      const { heap } = this.#kind;
      try {
        loseMessage(heap, payload, "returned");
        heap.allocator.free(payload);
      } catch {
        // Its memory was written over: it could not have been run either.
      }
      return;
    }
    const bytes = new Uint8Array(payload.length);
    payload.writeTo(bytes, 0);
    lose(bytes, 0, bytes.length, "returned");
  }
}
