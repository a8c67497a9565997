/** The pool's side of a lane: jobs go in, results come out. */
import type { MessagePort } from "node:worker_threads";
import { receiveMessageOnPort } from "node:worker_threads";
import { lower, NO_RECORD, raise, RingReader, RingWriter } from "../channels/ring.js";
import { decode } from "../codec/index.js";
import {
  KeptMessage,
  MOST_INLINE_BYTES,
  type Outgoing,
  store as storeLong,
  StoredMessage,
  writePayload,
} from "../codec/payload.js";
import { readMessage, storedLength } from "../codec/stored-message.js";
import { CorruptError } from "../errors/index.js";
import { atomics } from "../memory/index.js";
import {
  ASLEEP,
  ATTACHED,
  ATTEMPT_SHIFT,
  CLOSE,
  HOLDS,
  IN_LOOP,
  JOB,
  JOBS,
  KIND_SHIFT,
  LANE,
  type Lane,
  LENGTH_MASK,
  MOST_ATTEMPTS,
  OPENED,
  type OWNER_BLOCKED,
  OWNER_IN_LOOP,
  READY,
  recordWords,
  RESULT,
  RESULTS,
  RING,
  STATE_BITS,
  STATE_MASK,
  STORED,
  STORED_LENGTH,
  TAKEN,
  TAKEN_BACK,
  VOID,
} from "./lane.js";

const { compareExchange, load, store } = atomics;

/** What stands beside the bytes of a message. */
export interface Attached {
  readonly attachments: readonly unknown[];
  readonly transfer: readonly object[];
}

/** What came through the port for a record: attachments, or why they could not be had. */
type Heard = readonly unknown[] | typeof VOID | { readonly error: unknown };

/** Of a record that brings nothing: one byte. */
const NOTHING = new KeptMessage({ length: 1, holds: false, committed: undefined }, new Uint8Array(1), 0);

export class LaneOwner {
  readonly lane: Lane;
  readonly #port: MessagePort | undefined;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #jobs: RingWriter;
  readonly #results: RingReader;
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
    this.#jobs = new RingWriter(lane.words, lane.at, JOBS);
    this.#results = new RingReader(lane.words, lane.at, RESULTS);
  }

  /**
   * Puts a record into the lane and wakes the worker if it sleeps; gives its place, undefined when there is no room
   * now.
   */
  send(
    sequence: number,
    task: number,
    kind: number,
    attempt: number,
    payload: Outgoing,
    beside?: Attached,
  ): number | undefined {
    const isLong = payload instanceof StoredMessage || payload.length > MOST_INLINE_BYTES;
    const length = isLong ? STORED_LENGTH : payload.length;
    const size = recordWords(length);
    if (!this.#jobs.hasRoom(size)) return undefined;
    // Before the record is committed: the worker that takes it finds them in the port without an event loop. First,
    // because it may throw.
    if (beside !== undefined && beside.attachments.length > 0) {
      kind |= ATTACHED;
      this.#port!.postMessage([sequence, beside.attachments], beside.transfer as MessagePort[]);
    }
    if (payload.holds) kind |= HOLDS;
    const { heap } = this.lane;
    if (isLong) {
      kind |= STORED;
      if (!(payload instanceof StoredMessage)) payload = storeLong(payload, heap);
    }
    const words = this.#words;
    const record = this.#jobs.place(size);
    writePayload(payload, heap, record + JOB.payload);
    words[record + JOB.sequence] = sequence;
    words[record + JOB.task] = task;
    words[record + JOB.what] = (kind << KIND_SHIFT) | (Math.min(attempt, MOST_ATTEMPTS) << ATTEMPT_SHIFT) | length;
    words[record + JOB.state] = (size << STATE_BITS) | READY;
    this.#jobs.commit(size);
    this.wake();
    return record;
  }

  /** Tells the worker to end once it has done what is in the lane; false when there is no room to say so now. */
  close(): boolean {
    return this.send(0, 0, CLOSE, 0, NOTHING) !== undefined;
  }

  /** After a commit: wakes the worker if it waits, in the way in which it does. */
  wake(): void {
    const how = lower(this.#words, this.#at + LANE.workerWaits);
    if (how === ASLEEP) this.lane.heap.waitQueue.wake(this.#at + LANE.workerWaits, 1);
    else if (how === IN_LOOP) this.#port?.postMessage(RING);
  }

  /** Whether the worker would have to be woken. */
  get isAsleep(): boolean {
    return load(this.#words, this.#at + LANE.workerWaits) !== 0;
  }

  /**
   * Called now and then while the pool sleeps, with how many jobs are open: writes again what this side alone writes,
   * and rings for a job that nobody takes, in case the words were written over. False when jobs were lost: the worker
   * has done all that it was given, all its results came, and yet jobs are open. The worker's head is read first, for
   * it moves after the results. `underWay`: how many of the open ones go on though their records are done.
   */
  mend(open: number, underWay: () => number = () => 0): boolean {
    this.#jobs.mend();
    this.#results.mend();
    if (open === 0) return true;
    if (this.#jobs.isDrained) return underWay() === open || !this.#results.isEmpty;
    const words = this.#words;
    const flag = this.#at + LANE.workerWaits;
    if (load(words, flag) !== 0) this.wake();
    else if ((load(words, this.#jobs.first) & STATE_MASK) === READY) {
      if (this.#port === undefined) this.lane.heap.waitQueue.wake(flag, 1);
      else this.#port.postMessage(RING);
    }
    return true;
  }

  /** Takes a job back that was not begun; undefined when the worker was faster. */
  takeBack(record: number): Outgoing | undefined {
    return this.#regain(record, READY);
  }

  /**
   * The worker has ended: takes back what it had begun and not opened, to be let go of; undefined when what that holds
   * became the worker's.
   */
  recover(record: number): Outgoing | undefined {
    return this.#regain(record, TAKEN);
  }

  #regain(record: number, from: typeof READY | typeof TAKEN): Outgoing | undefined {
    const words = this.#words;
    const state = load(words, record + JOB.state);
    if (
      (state & STATE_MASK) !== from ||
      compareExchange(words, record + JOB.state, state, (state & ~STATE_MASK) | TAKEN_BACK) !== state
    )
      return undefined;
    const what = words[record + JOB.what]!;
    const kind = what >>> KIND_SHIFT;
    const holds = (kind & HOLDS) !== 0;
    const { heap, bytes } = this.lane;
    const payload = record + JOB.payload;
    if (kind & STORED) {
      const block = words[payload]!;
      return new StoredMessage({ length: storedLength(heap, block), holds, committed: undefined }, heap, block, false);
    }
    const length = what & LENGTH_MASK;
    // Nobody but this side writes over it, but this side soon may.
    return new KeptMessage(
      { length, holds, committed: undefined },
      bytes.slice(payload << 2, (payload << 2) + length),
      0,
    );
  }

  /** Whether the worker has not given back the room of this job, which it has begun. */
  isRead(record: number, sequence: number): boolean {
    return !this.#jobs.isDrained && this.#jobs.first === record && this.#words[record + JOB.sequence] === sequence;
  }

  /** Whether the job in this place was begun. */
  isTaken(record: number): boolean {
    const state = load(this.#words, record + JOB.state) & STATE_MASK;
    return state === TAKEN || state === OPENED;
  }

  /** Whether a part of the job in this place travels through the port. */
  isAttached(record: number): boolean {
    return ((this.#words[record + JOB.what]! >>> KIND_SHIFT) & ATTACHED) !== 0;
  }

  /** Asks the job to stop. It names the job, so the next one never hears of it. */
  cancel(sequence: number): void {
    store(this.#words, this.#at + LANE.cancelled, sequence);
    this.wakeCancelled();
  }

  /** After a store: wakes who waits for being asked to stop. */
  wakeCancelled(): void {
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

  /** Raised before the last look at the results. */
  raiseFlag(how: typeof OWNER_IN_LOOP | typeof OWNER_BLOCKED = OWNER_IN_LOOP): void {
    raise(this.#words, this.#at + LANE.ownerWaits, how);
  }

  lowerFlag(): void {
    store(this.#words, this.#at + LANE.ownerWaits, 0);
  }

  get hasResult(): boolean {
    return !this.#results.isEmpty;
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

  /**
   * What belongs to the next record that has attachments, though the event loop may not have brought it yet; undefined
   * when it was not posted yet.
   */
  #attached(): Heard | undefined {
    const port = this.#port;
    if (port === undefined)
      throw new CorruptError(
        "a result in shared memory says that something came beside it, for which its pool has no port",
      );
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

  /**
   * Goes to the next result; false when there is none. `sequence`, `kind`, `count` and `time` tell of it until
   * `release`. @throws CorruptError when what stands there is no record
   */
  receive(): boolean {
    const words = this.#words;
    for (;;) {
      const record = this.#results.next();
      if (record === NO_RECORD) return false;
      const what = words[record + RESULT.what]!;
      this.#record = record;
      this.#recordLength = what & LENGTH_MASK;
      this.#recordSize = recordWords(this.#recordLength);
      this.#results.check(this.#recordSize);
      this.sequence = words[record + RESULT.sequence]!;
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

  /**
   * The value of the record, to be decoded once. @throws what decoding throws; after an UnknownClassError it may be
   * read again
   */
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
    this.#results.pass(this.#recordSize);
    this.#results.release();
    // Only now: as long as the ring names it, the worker that destroys the lane would free it. A death in between leaks
    // it.
    if (block !== 0) this.lane.heap.allocator.free(block);
  }

  /** Of the record that was received. */
  get #attachments(): readonly unknown[] | undefined {
    if ((this.kind & ATTACHED) === 0) return undefined;
    const heard = this.#heard[0] as Exclude<Heard, typeof VOID>;
    if ("error" in heard) throw heard.error;
    return heard;
  }
}
