/** The pool's side of a lane: jobs go in, results come out. */
import type { MessagePort } from "node:worker_threads";
import { receiveMessageOnPort } from "node:worker_threads";
import { decode } from "../codec/index.js";
import { readMessage, type Storable, storeMessage } from "../codec/stored-message.js";
import { CorruptError } from "../errors/index.js";
import { atomics } from "../memory/index.js";
import {
  ASLEEP,
  ATTACHED,
  ATTEMPT_SHIFT,
  checkRecord,
  checkUse,
  CLOSE,
  HEADER_WORDS,
  HOLDS,
  IN_LOOP,
  JOB,
  KIND_SHIFT,
  LANE,
  type Lane,
  LENGTH_MASK,
  MOST_ATTEMPTS,
  MOST_INLINE_BYTES,
  OPENED,
  type OWNER_BLOCKED,
  OWNER_IN_LOOP,
  READY,
  TAKEN_BACK,
  RESULT,
  RESULTS_AT,
  RING,
  RING_MASK,
  RING_WORDS,
  SKIP,
  STATE_BITS,
  STATE_MASK,
  STORED,
  TAKEN,
  VOID,
} from "./lane.js";

const { compareExchange, exchange, load, store } = atomics;

/** What a job's arguments are while they travel: bytes, or the block of a stored message. */
export type Payload = (Storable & { readonly holds?: boolean }) | number;

/** What stands beside the bytes of a message. */
export interface Attached {
  readonly attachments: readonly unknown[];
  readonly transfer: readonly object[];
}

/** What came through the port for a record: attachments, or why they could not be had. */
type Heard = readonly unknown[] | typeof VOID | { readonly error: unknown };

export class LaneOwner {
  readonly lane: Lane;
  readonly #port: MessagePort | undefined;
  readonly #words: Int32Array;
  readonly #at: number;
  /** Copies of the words that this side writes. */
  #tail = 0;
  #resultsHead = 0;
  /** The worker's head as last seen: it only grows, so an old one is merely too careful. */
  #head = 0;
  /** The record that `receive` has found. */
  #record = 0;
  #recordLength = 0;
  #recordSize = 0;
  /** What came through the port, for records that were not yet received. */
  readonly #heard: Heard[] = [];
  sequence = 0;
  kind = 0;
  count = 0;
  time = 0;

  constructor(lane: Lane, port: MessagePort | undefined) {
    this.lane = lane;
    this.#port = port;
    this.#words = lane.words;
    this.#at = lane.at;
  }

  /** Puts a record into the lane and wakes the worker if it sleeps; gives its position, undefined when there is no room for it now. */
  send(sequence: number, task: number, kind: number, attempt: number, payload: Payload, beside?: Attached): number | undefined {
    let length = 4;
    let block = 0;
    if (typeof payload === "number") block = payload;
    else if (payload.length <= MOST_INLINE_BYTES) length = payload.length;
    const size = HEADER_WORDS + ((length + 3) >> 2);
    if (!this.#makeRoom(size)) return undefined;
    // Before the record is committed: the worker that takes it finds them in the port without an event loop. First, because it may throw.
    if (beside !== undefined && beside.attachments.length > 0) {
      kind |= ATTACHED;
      this.#port!.postMessage([sequence, beside.attachments], beside.transfer as MessagePort[]);
    }
    if (typeof payload !== "number" && payload.holds === true) kind |= HOLDS;
    const words = this.#words;
    const position = this.#tail;
    const record = this.#at + LANE.jobs + (position & RING_MASK);
    if (typeof payload !== "number" && payload.length > MOST_INLINE_BYTES) {
      block = storeMessage(this.lane.heap, payload);
      // The record's from here on: whoever takes it, or takes it back, frees it.
      this.lane.heap.allocator.publish(block);
    }
    if (block !== 0) {
      kind |= STORED;
      words[record + JOB.payload] = block;
    } else if (typeof payload !== "number") {
      payload.writeTo(this.lane.bytes, (record + JOB.payload) << 2);
    }
    words[record + JOB.sequence] = sequence;
    words[record + JOB.task] = task;
    words[record + JOB.what] = (kind << KIND_SHIFT) | (Math.min(attempt, MOST_ATTEMPTS) << ATTEMPT_SHIFT) | length;
    words[record + JOB.state] = (size << STATE_BITS) | READY;
    this.#tail = (position + size) | 0;
    store(words, this.#at + LANE.jobsTail, this.#tail);
    this.wake();
    return position;
  }

  /** Tells the worker to end once it has done what is in the lane; false when there is no room to say so now. */
  close(): boolean {
    return this.send(0, 0, CLOSE, 0, 0) !== undefined;
  }

  /** Pairs with the flag that the worker raises before its last look at the tail: it sees the tail, or this sees the flag. */
  wake(): void {
    const flag = this.#at + LANE.workerWaits;
    if (load(this.#words, flag) === 0) return;
    const how = exchange(this.#words, flag, 0);
    if (how === ASLEEP) this.lane.heap.waitQueue.wake(flag, 1);
    else if (how === IN_LOOP) this.#port?.postMessage(RING);
  }

  /** Whether the worker would have to be woken. */
  get isAsleep(): boolean {
    return load(this.#words, this.#at + LANE.workerWaits) !== 0;
  }

  /**
   * Called now and then while the pool sleeps, with how many jobs are open: writes again what this side alone writes, and rings for a job that nobody takes, in case the words were written over.
   * False when jobs were lost: the worker has done all that it was given, all its results came, and yet jobs are open. The worker's head is read first, for it moves after the results.
   */
  mend(open: number): boolean {
    const words = this.#words;
    const at = this.#at;
    if (load(words, at + LANE.jobsTail) !== this.#tail) store(words, at + LANE.jobsTail, this.#tail);
    if (load(words, at + LANE.resultsHead) !== this.#resultsHead) store(words, at + LANE.resultsHead, this.#resultsHead);
    if (open === 0) return true;
    const head = load(words, at + LANE.jobsHead);
    if (head === this.#tail) return load(words, at + LANE.resultsTail) !== this.#resultsHead;
    if (load(words, at + LANE.workerWaits) !== 0) this.wake();
    else if ((load(words, at + LANE.jobs + (head & RING_MASK)) & STATE_MASK) === READY) {
      if (this.#port === undefined) this.lane.heap.waitQueue.wake(at + LANE.workerWaits, 1);
      else this.#port.postMessage(RING);
    }
    return true;
  }

  /** Takes a job back that was not begun; undefined when the worker was faster. */
  takeBack(position: number): Payload | undefined {
    return this.#regain(position, READY);
  }

  /** The worker has ended: takes back what it had begun and not opened, to be let go of; undefined when what that holds became the worker's. */
  recover(position: number): Payload | undefined {
    return this.#regain(position, TAKEN);
  }

  #regain(position: number, from: typeof READY | typeof TAKEN): Payload | undefined {
    const words = this.#words;
    const record = this.#at + LANE.jobs + (position & RING_MASK);
    const state = load(words, record);
    if ((state & STATE_MASK) !== from || compareExchange(words, record, state, (state & ~STATE_MASK) | TAKEN_BACK) !== state) return undefined;
    const what = words[record + JOB.what]!;
    if ((what >>> KIND_SHIFT) & STORED) return words[record + JOB.payload]!;
    const start = (record + JOB.payload) << 2;
    // Nobody but this side writes over it, but this side soon may.
    const bytes = this.lane.bytes.slice(start, start + (what & LENGTH_MASK));
    return { length: bytes.length, writeTo: (target, at) => target.set(bytes, at), holds: ((what >>> KIND_SHIFT) & HOLDS) !== 0 };
  }

  /** Whether the job at this position was begun. */
  isTaken(position: number): boolean {
    const state = load(this.#words, this.#at + LANE.jobs + (position & RING_MASK)) & STATE_MASK;
    return state === TAKEN || state === OPENED;
  }

  /** Whether a part of the job at this position travels through the port. */
  isAttached(position: number): boolean {
    const what = this.#words[this.#at + LANE.jobs + (position & RING_MASK) + JOB.what]!;
    return ((what >>> KIND_SHIFT) & ATTACHED) !== 0;
  }

  /** Asks the job to stop. It names the job, so the next one never hears of it. */
  cancel(sequence: number): void {
    store(this.#words, this.#at + LANE.cancelled, sequence);
    this.lane.heap.waitQueue.wake(this.#at + LANE.cancelled, 1);
  }

  /** When the running job was begun. */
  get begunAt(): number {
    return load(this.#words, this.#at + LANE.begunAt);
  }

  /** Which item of the current chunk is worked on. */
  get item(): number {
    return load(this.#words, this.#at + LANE.item);
  }

  /** Whether the running task awaits something in its event loop. */
  get awaits(): boolean {
    return load(this.#words, this.#at + LANE.awaits) === 1;
  }

  /** Whether its tasks have started workers that are no daemons. */
  get isParent(): boolean {
    return load(this.#words, this.#at + LANE.isParent) === 1;
  }

  /** Raised before the last look at the results; the worker commits a result and then looks at the flag: one of the two sees the other. */
  raiseFlag(how: typeof OWNER_IN_LOOP | typeof OWNER_BLOCKED = OWNER_IN_LOOP): void {
    store(this.#words, this.#at + LANE.ownerWaits, how);
  }

  lowerFlag(): void {
    store(this.#words, this.#at + LANE.ownerWaits, 0);
  }

  get hasResult(): boolean {
    return load(this.#words, this.#at + LANE.resultsTail) !== this.#resultsHead;
  }

  /** Calls `ring` whenever something comes through the port: what belongs to a result, or word that there is one. */
  listen(ring: () => void): void {
    const port = this.#port;
    if (port === undefined) return;
    port.on("message", (message: readonly unknown[] | typeof RING | typeof VOID) => {
      if (message !== RING) this.#heard.push(message);
      ring();
    });
    port.on("messageerror", (error) => {
      this.#heard.push({ error });
      ring();
    });
    port.unref();
  }

  /** What belongs to the next record that has attachments, though the event loop may not have brought it yet; undefined when it was not posted yet. */
  #attached(): Heard | undefined {
    const port = this.#port;
    if (port === undefined) throw new CorruptError("a result in shared memory says that something came beside it, for which its pool has no port");
    while (this.#heard.length === 0) {
      let received: { message: readonly unknown[] | typeof RING | typeof VOID } | undefined;
      try {
        received = receiveMessageOnPort(port);
      } catch (error) {
        this.#heard.push({ error });
        break;
      }
      if (received === undefined) return undefined;
      if (received.message !== RING) this.#heard.push(received.message);
    }
    return this.#heard[0];
  }

  /** Goes to the next result; false when there is none. `sequence`, `kind`, `count` and `time` tell of it until `release`. @throws CorruptError when what stands there is no record */
  receive(): boolean {
    const words = this.#words;
    const tail = load(words, this.#at + LANE.resultsTail);
    for (;;) {
      const ahead = (tail - this.#resultsHead) | 0;
      if (ahead === 0) return false;
      const record = this.#at + RESULTS_AT + (this.#resultsHead & RING_MASK);
      const sequence = words[record + RESULT.sequence]!;
      if (sequence === SKIP) {
        const rest = RING_WORDS - (this.#resultsHead & RING_MASK);
        checkRecord(rest, ahead);
        this.#resultsHead = (this.#resultsHead + rest) | 0;
        continue;
      }
      const what = words[record + RESULT.what]!;
      this.#record = record;
      this.#recordLength = what & LENGTH_MASK;
      this.#recordSize = HEADER_WORDS + ((this.#recordLength + 3) >> 2);
      checkRecord(this.#recordSize, ahead);
      this.sequence = sequence;
      this.kind = what >>> KIND_SHIFT;
      if (this.kind & STORED) this.lane.heap.allocator.check(words[record + RESULT.payload]!);
      if (this.kind & ATTACHED) {
        const attached = this.#attached();
        // Its message will ring. Unless its sender died: then it never came to be.
        if (attached === undefined) return false;
        if (attached === VOID) {
          this.release();
          continue;
        }
      }
      this.count = words[record + RESULT.count]!;
      this.time = words[record + RESULT.time]!;
      return true;
    }
  }

  /** The value of the record, to be decoded once. @throws what decoding throws; after an UnknownClassError it may be read again */
  read(): unknown {
    const payload = this.#record + RESULT.payload;
    const attachments = this.#attachments;
    if (this.kind & STORED) return readMessage(this.lane.heap, this.#words[payload]!, attachments);
    return decode(this.lane.bytes, payload << 2, this.#recordLength, attachments);
  }

  /** The record's value for later, when its room is in use again; `free` gives back what it stands in. */
  detach(): { read(): unknown; free(): void } {
    const { heap } = this.lane;
    const payload = this.#record + RESULT.payload;
    const attachments = this.#attachments;
    if (this.kind & STORED) {
      const block = this.#words[payload]!;
      this.kind &= ~STORED;
      return { read: () => readMessage(heap, block, attachments), free: () => heap.allocator.free(block) };
    }
    const bytes = this.lane.bytes.slice(payload << 2, (payload << 2) + this.#recordLength);
    return { read: () => decode(bytes, 0, bytes.length, attachments), free: () => {} };
  }

  /** Gives the record's room back, and the block of a stored payload. */
  release(): void {
    const block = this.kind & STORED ? this.#words[this.#record + RESULT.payload]! : 0;
    // In the order of the records, since no result is ever passed by.
    if (this.kind & ATTACHED) this.#heard.shift();
    this.#resultsHead = (this.#resultsHead + this.#recordSize) | 0;
    store(this.#words, this.#at + LANE.resultsHead, this.#resultsHead);
    // Only now: as long as the ring names it, whoever destroys the lane would free it. A death in between leaks it.
    if (block !== 0) this.lane.heap.allocator.free(block);
  }

  /** Of the record that was received. */
  get #attachments(): readonly unknown[] | undefined {
    if ((this.kind & ATTACHED) === 0) return undefined;
    const heard = this.#heard[0] as Exclude<Heard, typeof VOID>;
    if ("error" in heard) throw heard.error;
    return heard;
  }

  #makeRoom(size: number): boolean {
    const rest = RING_WORDS - (this.#tail & RING_MASK);
    const needed = rest < size ? rest + size : size;
    if (RING_WORDS - ((this.#tail - this.#head) | 0) < needed) {
      this.#head = load(this.#words, this.#at + LANE.jobsHead);
      checkUse((this.#tail - this.#head) | 0);
      if (RING_WORDS - ((this.#tail - this.#head) | 0) < needed) return false;
    }
    if (rest < size) {
      // Seen only together with the record that follows: the tail moves over both at once.
      this.#words[this.#at + LANE.jobs + (this.#tail & RING_MASK)] = SKIP;
      this.#tail = (this.#tail + rest) | 0;
    }
    return true;
  }
}
