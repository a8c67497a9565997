import { discard, keep, MOST_INLINE_BYTES, type Outgoing, store } from "../../codec/payload.js";
import type { Message } from "../../codec/index.js";
import type { Heap } from "../../memory/index.js";
import type { Attached } from "../../workers/lane-owner.js";

/** The arguments of a job where a part of them travels beside the bytes; else the payload stands for itself. */
export class LaneCargo {
  /** Undefined while it stands in a lane. */
  payload: Outgoing | undefined;
  readonly beside: Attached;

  constructor(payload: Outgoing, { attachments, transfer }: Attached) {
    this.payload = payload;
    this.beside = { attachments, transfer };
  }
}

const ARENA_BYTES = 65536;

/** Where the messages of jobs are that wait: long ones in shared memory, others here. */
export class MessageStore {
  readonly #kind: { readonly heap: Heap };
  #arena = new Uint8Array(0);
  #used = 0;

  constructor(kind: { readonly heap: Heap }) {
    this.#kind = kind;
  }

  /** A copy of the encoder's message that outlasts the next one. */
  keep(message: Message): Outgoing {
    const { length } = message;
    if (length > MOST_INLINE_BYTES) return store(message, this.#kind.heap);
    if (this.#used + length > this.#arena.length) {
      this.#arena = new Uint8Array(ARENA_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += length;
    return keep(message, this.#arena, at);
  }

  /** Lets go of what a job's arguments hold that nobody will decode: an end of a pipe is back. */
  discard(payload: Outgoing): void {
    try {
      discard(payload);
    } catch {
      // Its memory was written over: it could not have been run either.
    }
  }
}
