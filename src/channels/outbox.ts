/** The sending side of an end of a pipe: messages go out in order, and those that find no room wait for it. */
import { encode, type Message } from "../codec/index.js";
import { discard, keep, MOST_INLINE_BYTES, type Outgoing, store, StoredMessage, storeNow } from "../codec/payload.js";
import { AT_ONCE, type Heap, within } from "../memory/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import type { EndState } from "./end-state.js";
import type { PipeEnd } from "./pipe-end.js";
import { PipeWriter } from "./pipe-writer.js";

const EVERYBODY = 0x7fffffff;

/** A message that waits for room. */
interface Waiting {
  /** A long one that found no way into the allocator is stored later, in its turn. */
  message: Outgoing;
  sent: boolean;
}

/** The end through which a value is being encoded right now. */
let through: PipeEnd | undefined;

/** Whether a value is being encoded for the pipe of this end: neither of its ends can be in it. */
export function isSentThroughItself(end: PipeEnd, heap: Heap): boolean {
  return through?.pipe === end.pipe && through.isOf(heap);
}

export class Outbox {
  readonly #heap: Heap;
  readonly #end: PipeEnd;
  readonly #state: EndState;
  /** Undefined where this worker cannot send. */
  #writer: PipeWriter | undefined;
  /** Messages of this worker that wait for room, in order. */
  readonly #waiting = new Set<Waiting>();

  constructor(heap: Heap, end: PipeEnd, state: EndState) {
    this.#heap = heap;
    this.#end = end;
    this.#state = state;
  }

  /** Whether a caller waits for room. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  open(): void {
    const { outgoing, capacity } = this.#end;
    if (outgoing !== 0) this.#writer = new PipeWriter(this.#heap, outgoing, capacity);
  }

  /** The end is not this worker's from here on. */
  close(): void {
    this.#writer = undefined;
  }

  async send(value: unknown, options: WaitOptions | undefined): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    const item = this.#sendNow(value, deadline !== 0);
    if (item === true) return;
    if (item === false) this.#state.timedOut("no room", options);
    const { parker } = this.#heap;
    try {
      if (!(await parker.waitUntil(this.#writer!.key, this.#attempt(item), deadline, signal)))
        this.#state.timedOut("no room", options);
    } catch (error) {
      if (!item.sent) throw error;
    } finally {
      this.#withdraw(item);
    }
  }

  sendSync(value: unknown, options: SyncWait | undefined): void {
    const deadline = deadlineOf(options);
    const item = this.#sendNow(value, deadline !== 0);
    if (item === true) return;
    if (item === false) this.#state.timedOut("no room", options);
    try {
      if (!this.#heap.parker.blockUntil(this.#writer!.key, this.#attempt(item), deadline))
        this.#state.timedOut("no room", options);
    } finally {
      this.#withdraw(item);
    }
  }

  trySend(value: unknown): boolean {
    return this.#sendNow(value, false) === true;
  }

  /** Sends it now: true; what is to wait if there is no room and `waits`, else false. */
  #sendNow(value: unknown, waits: boolean): Waiting | boolean {
    const writer = this.#writer ?? this.#state.refuse("send");
    if (this.#end.isPeerGone) this.#state.throwPeerGone("send");
    const message = this.#encode(value);
    const { length } = message;
    let outgoing: Outgoing = message;
    const isFirst = this.#waiting.size === 0 || within(AT_ONCE, () => this.#flush(writer, undefined)) === true;
    let room = isFirst && writer.hasRoom(length);
    if (length > MOST_INLINE_BYTES && (room || waits)) {
      outgoing = storeNow(message, this.#heap);
      message.release();
      // A stopped worker is inside the allocator: it is stored when its turn comes.
      if (!(outgoing instanceof StoredMessage)) room = false;
    }
    if (room && writer.write(outgoing)) {
      outgoing.committed?.();
      return true;
    }
    if (!waits) {
      discard(outgoing);
      message.release();
      return false;
    }
    const waiting: Waiting = { message: outgoing === message ? keep(message) : outgoing, sent: false };
    this.#waiting.add(waiting);
    return waiting;
  }

  #encode(value: unknown): Message {
    const before = through;
    through = this.#end;
    try {
      return encode(value, { to: this.#heap.across, root: "value", tells: true });
    } finally {
      through = before;
    }
  }

  #attempt(item: Waiting): Attempt<true> {
    return () => {
      if (item.sent) return true;
      const writer = this.#writer ?? this.#state.throwClosedHere();
      if (this.#end.isPeerGone) this.#state.throwPeerGone("send");
      if (this.#flush(writer, item)) return true;
      // Before the last look: pairs with the reader, who gives room and then looks at the flag.
      writer.raiseFlag();
      return this.#flush(writer, item) || undefined;
    };
  }

  /** Sends what waits, in order, up to `last`; false when there is no room for one of them. */
  #flush(writer: PipeWriter, last: Waiting | undefined): boolean {
    let others = false;
    let done = true;
    try {
      for (const first of this.#waiting) {
        const { message } = first;
        if (!(message instanceof StoredMessage) && message.length > MOST_INLINE_BYTES)
          first.message = store(message, this.#heap);
        if (!writer.write(first.message)) {
          done = false;
          break;
        }
        first.sent = true;
        first.message.committed?.();
        this.#waiting.delete(first);
        if (first === last) break;
        others = true;
      }
    } finally {
      // Their callers sleep.
      if (others) this.#heap.waitQueue.wake(writer.key, EVERYBODY);
    }
    return done;
  }

  /** A caller that waited for room is done: what was not sent will not be, and those behind it look again. */
  #withdraw(item: Waiting): void {
    if (item.sent) return;
    this.#waiting.delete(item);
    discard(item.message);
    if (this.#waiting.size > 0 && this.#writer !== undefined) this.#heap.waitQueue.wake(this.#writer.key, EVERYBODY);
  }
}
