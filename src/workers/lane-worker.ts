/** The worker's side of a lane: jobs come out, results go in. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { lower, NO_RECORD, raise, RingReader, RingWriter } from "../channels/ring.js";
import { decode, type Message } from "../codec/index.js";
import { losePayload, MOST_INLINE_BYTES, type Outgoing, store as storeLong, writePayload } from "../codec/payload.js";
import { takeMessage } from "../codec/stored-message.js";
import { CorruptError, StateError, UnknownClassError } from "../errors/index.js";
import { atomics, monotonicMs, realNow } from "../memory/index.js";
import type { Attempt } from "../parking/index.js";
import {
  ASLEEP,
  ATTACHED,
  ATTEMPT_SHIFT,
  CRASHED,
  HOLDS,
  IN_LOOP,
  JOB,
  JOBS,
  KIND_SHIFT,
  LANE,
  LAST,
  LEFT,
  type Lane,
  LENGTH_MASK,
  MOST_ATTEMPTS,
  OF_NO_JOB,
  OPENED,
  OWNER_BLOCKED,
  OWNER_IN_LOOP,
  READY,
  recordWords,
  REFUSED,
  RESERVED_RESULT_WORDS,
  RESULT,
  RESULTS,
  RING,
  STATE_BITS,
  STATE_MASK,
  STORED,
  STORED_LENGTH,
  TAKEN,
  VOID,
} from "./lane.js";
import { orderOf, Orders } from "./orders.js";

const { compareExchange, load, pause, store } = atomics;

const NAP_MS = 1;

/** What comes through the port for the job of a sequence number. */
type Beside = readonly [sequence: number, attachments: readonly unknown[]];
/** All that comes through it: also that a job may be there, and orders. */
type Posted = Beside | typeof RING | string;

export class LaneWorker {
  readonly lane: Lane;
  readonly #port: MessagePort | undefined;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #key: number;
  readonly #ownerKey: number;
  readonly #jobs: RingReader;
  readonly #results: RingWriter;
  #record = 0;
  #size = 0;
  #length = 0;
  sequence = 0;
  kind = 0;
  task = 0;
  attempt = 0;

  readonly #orders: Orders;

  constructor(lane: Lane, port: MessagePort | undefined, orders = new Orders()) {
    this.lane = lane;
    this.#port = port;
    this.#orders = orders;
    this.#words = lane.words;
    this.#at = lane.at;
    this.#jobs = new RingReader(lane.words, lane.at, JOBS);
    this.#results = new RingWriter(lane.words, lane.at, RESULTS);
    this.#key = lane.at + LANE.workerWaits;
    this.#ownerKey = lane.words[lane.at + LANE.ownerKey]!;
  }

  /** Whether something may be there to be taken. */
  get hasJob(): boolean {
    return !this.#jobs.isEmpty;
  }

  /** Takes the next job; false when there is none. `sequence`, `kind`, `task` and `attempt` tell of it until `done`. */
  take(): boolean {
    const words = this.#words;
    for (;;) {
      const record = this.#jobs.next();
      if (record === NO_RECORD) return false;
      const state = load(words, record + JOB.state);
      this.#size = state >>> STATE_BITS;
      this.#jobs.check(this.#size);
      // Only this side takes jobs.
      if ((state & STATE_MASK) === TAKEN)
        throw new CorruptError("a job in a pool's lane says that it was taken, and was not");
      if ((state & STATE_MASK) === READY) {
        this.begins(record);
        if (compareExchange(words, record + JOB.state, state, (state & ~STATE_MASK) | TAKEN) === state) {
          const what = words[record + JOB.what]!;
          this.#record = record;
          this.#length = what & LENGTH_MASK;
          this.kind = what >>> KIND_SHIFT;
          this.attempt = (what >>> ATTEMPT_SHIFT) & MOST_ATTEMPTS;
          this.sequence = words[record + JOB.sequence]!;
          this.task = words[record + JOB.task]!;
          return true;
        }
      }
      this.#pass();
    }
  }

  /** Before a job is taken: who sees it taken must not find the times of the job before. */
  protected begins(_record: number): void {
    this.#words[this.#at + LANE.item] = 0;
    store(this.#words, this.#at + LANE.begunAt, monotonicMs());
  }

  /** What the job brings, decoded once. @throws what decoding throws; after UnknownClassError it may be read again */
  read(): unknown {
    const payload = this.#record + JOB.payload;
    const attachments = this.kind & ATTACHED ? this.#attachments() : undefined;
    if ((this.kind & (STORED | HOLDS)) === 0) return decode(this.lane.bytes, payload << 2, this.#length, attachments);
    // First: the pool of a worker that dies from here on lets go of nothing that may be the worker's, before that of
    // everything.
    if (!this.#move(TAKEN, OPENED))
      throw new StateError("the pool has given this worker up: what the job brought is no longer there");
    const { heap } = this.lane;
    const isStored = (this.kind & STORED) !== 0;
    const block = this.#words[payload]!;
    try {
      return isStored
        ? takeMessage(heap, block, attachments)
        : decode(this.lane.bytes, payload << 2, this.#length, attachments);
    } catch (error) {
      if (error instanceof UnknownClassError) {
        // Nothing was made of it yet, and loading the class may take long.
        if (isStored) heap.allocator.publish(block);
        this.#move(OPENED, TAKEN);
      }
      throw error;
    }
  }

  /** Moves the state of the running job. */
  #move(from: typeof TAKEN | typeof OPENED, to: typeof TAKEN | typeof OPENED): boolean {
    const state = (this.#size << STATE_BITS) | from;
    return compareExchange(this.#words, this.#record + JOB.state, state, (this.#size << STATE_BITS) | to) === state;
  }

  /**
   * Whether the pool has ordered a task of this worker. Orders come first: what is ordered is there by the time its
   * record is.
   */
  isOrdered(url: string, name: string): boolean {
    return this.#orders.has(orderOf(url, name), () => {
      for (let posted = this.#receive(); posted !== undefined; posted = this.#receive())
        if (posted !== RING) this.#heard.push(posted);
    });
  }

  /** What comes next through the port, orders taken out; undefined when nothing has. */
  #receive(): Exclude<Posted, string> | undefined {
    if (this.#port === undefined) return undefined;
    for (;;) {
      const posted = receiveMessageOnPort(this.#port)?.message as Posted | undefined;
      if (typeof posted !== "string") return posted;
      this.#orders.add(posted);
    }
  }

  #received: readonly unknown[] | undefined;

  /** The job's room may be used again. What it brought and nobody read, as its task could not be had, is let go of. */
  done(): void {
    if ((this.kind & (STORED | HOLDS)) !== 0 && this.#move(TAKEN, OPENED))
      losePayload(this.lane.heap, this.#record + JOB.payload, this.#length, (this.kind & STORED) !== 0);
    this.#pass();
  }

  #pass(): void {
    this.#received = undefined;
    this.#jobs.pass(this.#size);
    this.#jobs.release();
  }

  /** While the module of a task is loaded its time stands still: the task itself begins afterwards. */
  stopClock(): void {
    store(this.#words, this.#at + LANE.begunAt, 0);
  }

  startClock(): void {
    store(this.#words, this.#at + LANE.begunAt, monotonicMs());
  }

  /** Which item of a chunk is worked on: what its death is held against. */
  set item(index: number) {
    this.#words[this.#at + LANE.item] = index;
  }

  get item(): number {
    return this.#words[this.#at + LANE.item]!;
  }

  /** Whether the running task has let the event loop go on: asleep then, it is not blocked. */
  set awaits(yes: boolean) {
    this.#words[this.#at + LANE.awaits] = yes ? 1 : 0;
  }

  /** A task has started a worker that is no daemon. */
  markParent(): void {
    store(this.#words, this.#at + LANE.isParent, 1);
  }

  /** This worker has ended its work, and only waits for workers that its tasks started. */
  leave(nothing: Message): void {
    this.sequence = OF_NO_JOB;
    this.reply(LEFT | LAST, 0, 0, nothing);
  }

  /** Whether the job was asked to stop. */
  isCancelled(sequence: number): boolean {
    return load(this.#words, this.#at + LANE.cancelled) === sequence;
  }

  /** Resolves when the job is asked to stop, rejects when `until` aborts. */
  async cancellation(sequence: number, until: AbortSignal): Promise<void> {
    const { parker } = this.lane.heap;
    await parker.waitUntil(
      this.#at + LANE.cancelled,
      () => this.isCancelled(sequence) || undefined,
      Number.POSITIVE_INFINITY,
      until,
    );
  }

  /** Whether the last result has woken the pool. */
  hasWoken = false;
  /** Whether it went through the port. */
  hasMoved = false;

  /**
   * Commits a result, or a part of one, and wakes the pool if it sleeps. What is not the last of its job waits for
   * room.
   * @throws what `postMessage` throws of its attachments: the record is void then
   */
  reply(kind: number, count: number, microseconds: number, message: Message): void {
    const { heap } = this.lane;
    const words = this.#words;
    const results = this.#results;
    let { length } = message;
    let payload: Outgoing = message;
    const isAttached = message.attachments.length > 0;
    if (isAttached) kind |= ATTACHED;
    if (length > MOST_INLINE_BYTES || !results.hasRoom(recordWords(length), RESERVED_RESULT_WORDS)) {
      length = STORED_LENGTH;
      const reserved = kind & LAST ? 0 : RESERVED_RESULT_WORDS;
      while (!results.hasRoom(recordWords(length), reserved)) pause(NAP_MS);
      payload = storeLong(message, heap);
      kind |= STORED;
    }
    const size = recordWords(length);
    const record = results.place(size);
    writePayload(payload, heap, record + RESULT.payload);
    words[record + RESULT.sequence] = this.sequence;
    words[record + RESULT.what] = (kind << KIND_SHIFT) | length;
    words[record + RESULT.count] = count;
    words[record + RESULT.time] = microseconds;
    results.commit(size);
    this.hasMoved = isAttached;
    if (isAttached) this.#attach(message);
    const flag = this.#at + LANE.ownerWaits;
    // A message wakes a loop by itself, and what is attached comes by one. Should this worker die before it rings, its
    // end itself makes the pool look.
    const how = isAttached && load(words, flag) === OWNER_IN_LOOP ? 0 : lower(words, flag);
    if (how !== 0) this.#ring(how);
    this.hasWoken = isAttached || how !== 0;
  }

  /** Commits what is of no job: the error that the pool fails of. */
  refuse(message: Message): void {
    this.sequence = OF_NO_JOB;
    this.reply(REFUSED, 0, 0, message);
  }

  /** Commits what is of no job: the uncaught error that this worker ends with. It waits for no room. */
  crash(message: Message): void {
    this.sequence = OF_NO_JOB;
    this.reply(CRASHED | LAST, 0, 0, message);
  }

  #ring(how: number): void {
    if (how === OWNER_BLOCKED) this.lane.heap.waitQueue.wake(this.#ownerKey + 1, 1);
    else if (this.#port === undefined) this.lane.heap.waitQueue.wake(this.#ownerKey, 1);
    else this.#port.postMessage(RING);
  }

  /**
   * After the commit, since the message itself wakes the pool's loop: it would look too early, sleep again, and have to
   * be woken twice. Until it comes, the record is as good as not committed: so it is too when this worker dies here.
   */
  #attach({ attachments, transfer }: Message): void {
    try {
      this.#port!.postMessage(attachments, transfer as MessagePort[]);
    } catch (error) {
      this.#port!.postMessage(VOID);
      throw error;
    }
  }

  /** Blocks this thread until there is a job, at most `ms`. False when there is none yet. */
  waitSync(ms: number): boolean {
    return this.lane.heap.parker.blockUntil(this.#key, this.#attempt, realNow() + ms, true) !== undefined;
  }

  /** Lets a pool that was woken have the core that this thread may have kept from it; the same, once. */
  makeWay(ms: number): boolean {
    this.hasWoken = false;
    return this.waitSync(ms);
  }

  /** Resolves when there is a job, while the event loop turns. */
  async wait(): Promise<void> {
    const port = this.#port;
    if (port === undefined) {
      await this.lane.heap.parker.waitUntil(this.#key, this.#attempt, Number.POSITIVE_INFINITY, undefined);
      return;
    }
    if (this.#raise(IN_LOOP)) return;
    await new Promise<void>((resolve) => {
      this.#rung = () => {
        if (!this.#raise(IN_LOOP)) return;
        this.#rung = undefined;
        port.unref();
        resolve();
      };
      if (this.#hears) {
        port.ref();
        return;
      }
      this.#hears = true;
      const hear = (heard: Posted | { readonly error: unknown }): void => {
        if (typeof heard === "string") this.#orders.add(heard);
        else if (heard !== RING) this.#heard.push(heard);
        this.#rung?.();
      };
      port.on("message", hear);
      port.on("messageerror", (error) => hear({ error }));
    });
  }
  /**
   * While this worker waits in its loop: looks whether there is a job by now. Word of a job may come before the job
   * itself, whose commit brings more.
   */
  #rung: (() => void) | undefined;
  #hears = false;
  /** What the loop has taken out of the port, for jobs that were not yet read. */
  readonly #heard: (Beside | { readonly error: unknown })[] = [];

  readonly #attempt: Attempt<true> = () => this.#raise(ASLEEP) || undefined;

  /** The flag goes up before the last look. Whether there is a job, and the flag down. */
  #raise(how: typeof ASLEEP | typeof IN_LOOP): boolean {
    raise(this.#words, this.#key, how);
    if (!this.hasJob) {
      // The pool would wait for what was written over for ever.
      this.#jobs.mend();
      this.#results.mend();
      return false;
    }
    store(this.#words, this.#key, 0);
    return true;
  }

  /** What travelled beside the job's bytes. Earlier messages in the port belong to jobs that were taken back. */
  #attachments(): readonly unknown[] {
    const port = this.#port;
    if (port === undefined)
      throw new CorruptError(
        "a job in shared memory says that something came beside it, for which its worker has no port",
      );
    while (this.#received === undefined) {
      const beside = this.#heard.shift() ?? this.#receive();
      if (beside === undefined) return [];
      if (beside === RING) continue;
      if ("error" in beside) throw beside.error;
      if (beside[0] === this.sequence) this.#received = beside[1];
    }
    return this.#received;
  }
}
