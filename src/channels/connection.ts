import { types } from "node:util";
import type { Facts } from "../codec/portrait.js";
import { type Boundary, crossing, decodeLoading, encode, type Message, type Marshalled, registerKind } from "../codec/index.js";
import { discard, keep, MOST_INLINE_BYTES, type Outgoing, store, StoredMessage, storeNow } from "../codec/payload.js";
import { type Handle, locate, SharedObject } from "../objects/index.js";
import { ArgumentTypeError, ConnectionClosedError, ReachError, StateError, TimeoutError } from "../errors/index.js";
import { AT_ONCE, atomics, type Heap, within } from "../memory/index.js";
import { type Attempt, awaitDeadlineOf, deadlineOf, signalOf, type SyncWait, type WaitOptions } from "../parking/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "../sync/selectable.js";
import { PipeEnd } from "./pipe-end.js";
import { PipeReader } from "./pipe-reader.js";
import { PipeWriter } from "./pipe-writer.js";
import { KIND } from "./kinds.js";

/** Looks at an empty ring before a blocking receiver arms its node: about the time that a wake-up takes. */
const SPINS = atomics.spins(400);
const EVERYBODY = 0x7fffffff;

/** There is no message now. */
const nothing: unique symbol = Symbol("nothing");

type Take<T> = (reader: PipeReader) => T;

/** A message that waits for room. */
interface Waiting {
  /** A long one that found no way into the allocator is stored later, in its turn. */
  message: Outgoing;
  sent: boolean;
}

/** This worker's own, still in use; closed by it; sent to another worker. */
type State = "open" | "closed" | "sent away";

/** The pipe through which a value is being encoded right now: neither of its ends can be in it. */
let through: PipeEnd | undefined;

/**
 * One end of a pipe, made by `createPipe`. `S` is what it sends, `R` what it receives. Each message arrives once, whole, and in the order in which it was sent.
 *
 * **Whose it is:** an end belongs to one worker at a time. Passed to another, as an argument or in any message, it *moves*: from then on it cannot be used here
 * (`StateError`, ERR_ALLCORES_STATE), and arrives there with all that it has not received yet. If sending it fails, it stays.
 * **End of file:** once the other end is closed, or the worker that it belonged to has ended in any way, `send` throws `ConnectionClosedError`
 * (ERR_ALLCORES_CONNECTION_CLOSED), and so does `recv` after everything that was sent has been received. Nobody needs to close a copy, as in Python; death is noticed within
 * half a second. An end in a message that nobody ever receives counts as open.
 * **Death:** a message is sent once `send` returned and stays when its sender dies; one that was still being written is never seen.
 * **Backpressure:** `send` waits while the pipe is full: see `capacity` of `createPipe`. **Fairness:** awaiting callers of one end are served in the order of their calls; a
 * blocking one, which holds up their loop, is served before them. **Cancel:** a wait that is aborted or runs out has sent, or received, nothing.
 *
 * @example
 * ```ts
 * import { createPipe } from "allcores";
 * const [here, there] = createPipe<string, number>();
 * here.sendSync("forty-two");
 * console.log(there.recvSync()); // forty-two
 * await there.send(42);
 * console.log(await here.poll(), here.pollSync({ timeout: 5 }), here.tryRecv()); // true true { value: 42 }
 * console.log(there.trySend(43), await here.recv()); // true 43
 * await there.send(44, { timeout: 1000 });
 * there.close();
 * for await (const answer of here) console.log(answer); // 44
 * here.free();
 * ```
 */
export class Connection<S = unknown, R = S> extends SharedObject implements AsyncIterable<R>, Iterable<R>, Selectable<R>, AsyncDisposable, Disposable {
  readonly #end: PipeEnd;
  readonly #generation: number;
  #state: State = "open";
  #writer: PipeWriter | undefined;
  #reader: PipeReader | undefined;
  /** Messages of this worker that wait for room, in order. */
  readonly #outbox = new Set<Waiting>();
  /** Awaiting receivers of this worker, in order: only the first takes. */
  readonly #receivers = new Set<object>();
  #pollers = 0;
  /** Its latest. */
  #departure = 0;

  private constructor(handle: Handle) {
    super(KIND.connection, 0, handle);
    this.#end = new PipeEnd(this.heap, this.at);
    this.#generation = this.heap.allocator.generationOf(this.at);
    this.#open();
  }

  /** @internal This worker's wrapper of an end that is its own. */
  static attach(handle: Handle): Connection {
    const { heap, at } = handle;
    const known = takeDeparted(heap, at);
    let connection: Connection;
    if (known !== undefined && known.#generation === heap.allocator.generationOf(at)) {
      connection = known;
      connection.#open();
    } else connection = new Connection(handle);
    heap.references.hold(at, connection);
    return connection;
  }

  /** Whether it can receive: false for the second end of a one-way pipe. */
  get isReadable(): boolean {
    return this.#end.incoming !== 0;
  }

  /**
   * The former name of `isReadable`.
   * @deprecated Use `isReadable`.
   */
  get readable(): boolean {
    return this.isReadable;
  }

  /** Whether it can send: false for the first end of a one-way pipe. */
  get isWritable(): boolean {
    return this.#end.outgoing !== 0;
  }

  /**
   * The former name of `isWritable`.
   * @deprecated Use `isWritable`.
   */
  get writable(): boolean {
    return this.isWritable;
  }

  /** @internal */
  protected override facts(): Facts {
    return { isReadable: this.isReadable, isWritable: this.isWritable, isClosed: this.isClosed };
  }

  /** Whether it can no longer be used here: closed by this worker, or sent to another. */
  get isClosed(): boolean {
    return this.#state !== "open";
  }

  /**
   * The former name of `isClosed`.
   * @deprecated Use `isClosed`.
   */
  get closed(): boolean {
    return this.isClosed;
  }

  /** Most bytes that wait in each direction. */
  get capacity(): number {
    return this.#end.capacity;
  }

  /**
   * Sends a value, waiting while the pipe is full, without blocking the event loop.
   *
   * @param value what is sent: anything that can be sent; null and undefined are values
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_CONNECTION_CLOSED` when nobody can receive
   *   it any more, `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_STATE` where this end cannot send, was closed here or sent away,
   *   `ERR_ALLCORES_DEADLOCK` where the wait could never end; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the encoding, and one atomic store; a wake-up
   *   where the other end sleeps.
   */
  async send(value: S, options?: WaitOptions): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    const item = this.#sendNow(value, deadline !== 0);
    if (item === true) return;
    if (item === false) this.#timedOut("no room", options);
    const { parker } = this.heap;
    try {
      if (!(await parker.waitUntil(this.#writer!.key, this.#sendAttempt(item), deadline, signal))) this.#timedOut("no room", options);
    } catch (error) {
      if (!item.sent) throw error;
    } finally {
      this.#withdraw(item);
    }
  }

  /**
   * Sends a value, blocking this thread and its event loop while the pipe is full.
   *
   * @param value what is sent: anything that can be sent; null and undefined are values
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_CONNECTION_CLOSED` when nobody can receive
   *   it any more, `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_STATE` where this end cannot send, was closed here or sent away,
   *   `ERR_ALLCORES_DEADLOCK` where the wait could never end; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the encoding, and one atomic store; a wake-up
   *   where the other end sleeps.
   */
  sendSync(value: S, options?: SyncWait): void {
    const deadline = deadlineOf(options);
    const item = this.#sendNow(value, deadline !== 0);
    if (item === true) return;
    if (item === false) this.#timedOut("no room", options);
    try {
      if (!this.heap.parker.blockUntil(this.#writer!.key, this.#sendAttempt(item), deadline)) this.#timedOut("no room", options);
    } finally {
      this.#withdraw(item);
    }
  }

  /**
   * Sends a value if there is room for it now; never waits.
   *
   * @param value what is sent: anything that can be sent; null and undefined are values
   * @returns whether it was sent
   * @throws `ERR_ALLCORES_CONNECTION_CLOSED` when nobody can receive it any more, `ERR_ALLCORES_UNSENDABLE` or
   *   `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_STATE` where
   *   this end cannot send, was closed here or sent away
   * @remarks **Cost:** the encoding, and one atomic store; a wake-up where the other end sleeps.
   */
  trySend(value: S): boolean {
    return this.#sendNow(value, false) === true;
  }

  /**
   * Receives the next value, waiting while there is none, without blocking the event loop. A class that is not known
   * here is loaded.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @returns the value
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_CONNECTION_CLOSED` once all is received and
   *   nobody can send any more, `ERR_ALLCORES_STATE` where this end cannot receive, was closed here or sent away,
   *   `ERR_ALLCORES_MODULE_NOT_ALLOWED`, `ERR_ALLCORES_DEADLOCK` where the wait could never end;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; the reason of
   *   `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the decoding, and one atomic store; a wake-up
   *   where the other end waits for room.
   */
  async recv(options?: WaitOptions): Promise<R> {
    // Once the class is loaded: the message is still there.
    return (await decodeLoading(() => this.#receive(takeValue, options), this.heap)) as R;
  }

  /**
   * Receives the next value, blocking this thread and its event loop while there is none.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @returns the value
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_CONNECTION_CLOSED` once all is received and
   *   nobody can send any more, `ERR_ALLCORES_STATE` where this end cannot receive, was closed here or sent away,
   *   `ERR_ALLCORES_DEADLOCK` where the wait could never end, `ERR_ALLCORES_UNKNOWN_CLASS` for an instance of a
   *   class whose module was not loaded here, which stays there until it is; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the decoding, and one atomic store; a wake-up
   *   where the other end waits for room.
   */
  recvSync(options?: SyncWait): R {
    return this.#receiveSync(takeValue, options) as R;
  }

  /**
   * Receives a value if there is one now; never waits.
   *
   * @returns the value in an object, since undefined is a value too; undefined when there is none
   * @throws `ERR_ALLCORES_CONNECTION_CLOSED` once all is received and nobody can send any more, `ERR_ALLCORES_STATE`
   *   where this end cannot receive, was closed here or sent away, `ERR_ALLCORES_UNKNOWN_CLASS`
   * @remarks **Cost:** the decoding, and one atomic store; a wake-up where the other end waits for room.
   */
  tryRecv(): { value: R } | undefined {
    const value = this.#takeNow(takeValue);
    return value === nothing ? undefined : { value: value as R };
  }

  /**
   * Receives the bytes of a Buffer, an ArrayBuffer or a typed array into memory that is there already, which spares a large message its allocation.
   *
   * @param target where the bytes are to go
   * @param options as of `recv`
   * @returns how many bytes it had; what lies behind them in `target` stays as it was
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when `target` is smaller, `ERR_ALLCORES_STATE` when the message is another value:
   *   it can be received all the same; as `recv`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one copy of the bytes.
   *
   * @example
   * ```ts
   * import { createPipe } from "allcores";
   * const [here, there] = createPipe<Uint8Array>();
   * const target = new Uint8Array(8);
   * here.sendSync(Uint8Array.of(1, 2));
   * console.log(await there.recvInto(target, { timeout: 1000 })); // 2
   * here.sendSync(Uint8Array.of(3, 4, 5));
   * console.log(there.recvIntoSync(target)); // 3
   * ```
   */
  async recvInto(target: ArrayBufferView | ArrayBufferLike, options?: WaitOptions): Promise<number> {
    const bytes = bytesOf(target);
    return await this.#receive((reader) => reader.readInto(bytes), options);
  }

  /**
   * As `recvInto`, blocking this thread and its event loop.
   *
   * @param target where the bytes are to go
   * @param options as of `recvSync`
   * @returns how many bytes it had; what lies behind them in `target` stays as it was
   * @throws as `recvInto`: `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_STATE`; as `recvSync`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one copy of the bytes.
   *
   * @example
   * ```ts
   * import { createPipe } from "allcores";
   * const [here, there] = createPipe<Uint8Array>();
   * here.sendSync(Uint8Array.of(1, 2));
   * console.log(there.recvIntoSync(new Uint8Array(8))); // 2
   * ```
   */
  recvIntoSync(target: ArrayBufferView | ArrayBufferLike, options?: SyncWait): number {
    const bytes = bytesOf(target);
    return this.#receiveSync((reader) => reader.readInto(bytes), options);
  }

  /**
   * Whether `recv` would return, or throw `ConnectionClosedError`, at once. Asks now; with a timeout it waits so long for it to be so.
   *
   * @param options `timeout`: milliseconds that it waits for it to be so; 0, one look, unless given. `signal`: ends
   *   the wait with its reason
   * @returns whether there is something
   * @throws `ERR_ALLCORES_STATE` where this end cannot receive, was closed here or sent away;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; the reason of
   *   `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** a few atomic reads.
   */
  async poll(options?: WaitOptions): Promise<boolean> {
    const deadline = pollDeadlineOf(options, awaitDeadlineOf);
    const signal = signalOf(options);
    if (this.#isReady()) return true;
    if (deadline === 0) return false;
    this.#pollers++;
    try {
      return (await this.heap.parker.waitUntil(this.#reader!.key, this.#pollAttempt, deadline, signal)) ?? false;
    } finally {
      this.#pollers--;
    }
  }

  /**
   * As `poll`, blocking this thread and its event loop while it waits.
   *
   * @param options `timeout`: milliseconds that it waits for it to be so; 0, one look, unless given
   * @returns whether there is something
   * @throws `ERR_ALLCORES_STATE` where this end cannot receive, was closed here or sent away;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** a few atomic reads.
   */
  pollSync(options?: SyncWait): boolean {
    const deadline = pollDeadlineOf(options, deadlineOf);
    if (this.#isReady()) return true;
    return deadline !== 0 && (this.heap.parker.blockUntil(this.#reader!.key, this.#pollAttempt, deadline) ?? false);
  }

  /**
   * What `select` waits for: the next value, which is received if it is chosen, before those who await `recv` here. At the end of the file it fails with `ConnectionClosedError`.
   * An instance of a class whose module was not loaded here fails with `UnknownClassError`, and stays there.
   */
  [selectable](): Choice<R> {
    const { key } = this.#reader ?? this.#refuse("select");
    return choiceOf<{ value: unknown }, R>({
      heap: this.heap,
      key,
      poll: () => this.tryRecv(),
      begin: () => this.#takeAttempt(takeValue, undefined),
      open: ({ value }) => value as R,
    });
  }

  /** Receives until the other end is gone and everything was received. */
  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    try {
      for (;;) yield await this.recv();
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
  }

  /** As the async iterator, blocking this thread while there is nothing. */
  *[Symbol.iterator](): Generator<R, void, undefined> {
    try {
      for (;;) yield this.recvSync();
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
  }

  /**
   * This worker is done with it. What it sent can still be received; what it has not received is dropped. Whoever waits at the other end hears of it at once, and so do
   * callers who wait here, with `ConnectionClosedError`. Does nothing when it is closed or was sent away.
   *
   * @throws `ERR_ALLCORES_STATE` while a message from it is being decoded
   * @remarks **Cost:** a few atomic operations, a wake-up for each that waits, and what is dropped.
   */
  close(): void {
    if (this.#state !== "open") return;
    if (this.#reader?.isOpening === true) throw new StateError(`${this.title} cannot be closed while a message from it is being decoded`);
    this.#state = "closed";
    this.#writer = undefined;
    this.#reader = undefined;
    this.#end.close();
    this.#end.dropUnread();
    super.free();
  }

  /**
   * The same as `close()`.
   *
   * @throws as `close()`: `ERR_ALLCORES_STATE`
   * @remarks **Cost:** as `close()`.
   */
  override free(): void {
    this.close();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** @internal */
  override [crossing](to: Boundary, path: string): Marshalled {
    const { heap, at } = this;
    if (this.#state === "closed") throw new StateError(`${path} is a Connection that this worker has closed`);
    if (this.#state === "sent away")
      throw new StateError(`${path} is a Connection that was sent away before: an end of a pipe belongs to one worker at a time`);
    if (to === "processes" && heap.across === "threads") {
      throw new ReachError(
        path,
        `${path} is a Connection that reaches across threads only: create its pipe with { across: "processes" } to send it to another process`,
      );
    }
    if (through?.pipe === this.#end.pipe && through.isOf(heap))
      throw new StateError(`${path} is an end of the very pipe that it is sent through: nobody could ever receive it`);
    if (this.#outbox.size > 0 || this.#receivers.size > 0 || this.#pollers > 0 || this.#reader?.isOpening === true)
      throw new StateError(`${path} is a Connection at which this worker is waiting: await that, or abort it, before sending it away`);
    const departure = this.#end.nextDeparture;
    const payload: unknown[] = [heap.across === "processes" ? 1 : 0, heap.id, at, heap.allocator.generationOf(at), this.label, departure];
    return { kind: "Connection", payload, retain: () => this.#depart(departure), committed: () => this.#leaveHands(departure) };
  }

  #depart(departure: number): void {
    // Encoded a second time by a getter, before this: one of the two messages will find it gone.
    if (this.#state !== "open") return;
    const { heap, at } = this;
    this.#state = "sent away";
    this.#writer = undefined;
    this.#reader = undefined;
    this.#departure = departure;
    // The message's hold; this worker's own goes once the message is committed. A death in between leaks the memory, and the carrier tells the other end.
    heap.allocator.retain(at);
    this.#end.depart(departure);
    noteDeparted(heap, at, this);
  }

  /** The message that it left in is committed. It may be back already, and have left again. */
  #leaveHands(departure: number): void {
    if (this.#state !== "sent away" || this.#departure !== departure) return;
    this.#end.leaveHands();
    this.heap.references.drop(this.at);
  }

  #open(): void {
    this.#state = "open";
    const { outgoing, incoming, capacity } = this.#end;
    if (outgoing !== 0) this.#writer = new PipeWriter(this.heap, outgoing, capacity);
    if (incoming !== 0) this.#reader = new PipeReader(this.heap, incoming);
  }

  /** Sends it now: true; what is to wait if there is no room and `waits`, else false. */
  #sendNow(value: S, waits: boolean): Waiting | boolean {
    const writer = this.#writer ?? this.#refuse("send");
    if (this.#end.isPeerGone) this.#throwClosed("send");
    const message = this.#encode(value);
    const { length } = message;
    let outgoing: Outgoing = message;
    let room = (this.#outbox.size === 0 || within(AT_ONCE, () => this.#flush(writer, undefined)) === true) && writer.hasRoom(length);
    if (length > MOST_INLINE_BYTES && (room || waits)) {
      outgoing = storeNow(message, this.heap);
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
    this.#outbox.add(waiting);
    return waiting;
  }

  #encode(value: S): Message {
    const before = through;
    through = this.#end;
    try {
      return encode(value, { to: this.heap.across, root: "value", tells: true });
    } finally {
      through = before;
    }
  }

  readonly #sendAttempt = (item: Waiting): Attempt<true> => {
    return () => {
      if (item.sent) return true;
      const writer = this.#writer ?? this.#throwClosedHere();
      if (this.#end.isPeerGone) this.#throwClosed("send");
      if (this.#flush(writer, item)) return true;
      // Before the last look: pairs with the reader, who gives room and then looks at the flag.
      writer.raiseFlag();
      return this.#flush(writer, item) || undefined;
    };
  };

  /** Sends what waits, in order, up to `last`; false when there is no room for one of them. */
  #flush(writer: PipeWriter, last: Waiting | undefined): boolean {
    let others = false;
    let done = true;
    try {
      for (const first of this.#outbox) {
        const { message } = first;
        if (!(message instanceof StoredMessage) && message.length > MOST_INLINE_BYTES) first.message = store(message, this.heap);
        if (!writer.write(first.message)) {
          done = false;
          break;
        }
        first.sent = true;
        first.message.committed?.();
        this.#outbox.delete(first);
        if (first === last) break;
        others = true;
      }
    } finally {
      // Their callers sleep.
      if (others) this.heap.waitQueue.wake(writer.key, EVERYBODY);
    }
    return done;
  }

  /** A caller that waited for room is done: what was not sent will not be, and those behind it look again. */
  #withdraw(item: Waiting): void {
    if (item.sent) return;
    this.#outbox.delete(item);
    discard(item.message);
    if (this.#outbox.size > 0 && this.#writer !== undefined) this.heap.waitQueue.wake(this.#writer.key, EVERYBODY);
  }

  async #receive<T>(take: Take<T>, options: WaitOptions | undefined): Promise<T> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    if (this.#receivers.size === 0) {
      const taken = this.#takeNow(take);
      if (taken !== nothing) return taken;
    }
    const reader = this.#reader ?? this.#refuse("recv");
    const { heap } = this;
    const place = {};
    this.#receivers.add(place);
    try {
      const taken = deadline === 0 ? undefined : await heap.parker.waitUntil(reader.key, this.#takeAttempt(take, place), deadline, signal);
      return taken === undefined ? this.#timedOut("no message", options) : taken.value;
    } finally {
      this.#leaveLine(place, reader.key);
    }
  }

  #receiveSync<T>(take: Take<T>, options: SyncWait | undefined): T {
    const deadline = deadlineOf(options);
    const taken = this.#takeNow(take);
    if (taken !== nothing) return taken;
    if (deadline === 0) this.#timedOut("no message", options);
    const reader = this.#reader!;
    for (let spin = 0; spin < SPINS && reader.isEmpty; spin++);
    const found = this.#takeNow(take);
    if (found !== nothing) return found;
    const came = this.heap.parker.blockUntil(reader.key, this.#takeAttempt(take, undefined), deadline);
    return came === undefined ? this.#timedOut("no message", options) : came.value;
  }

  #takeNow<T>(take: Take<T>): T | typeof nothing {
    const reader = this.#reader ?? this.#refuse("recv");
    if (reader.isEmpty) {
      if (!this.#end.isPeerGone) return nothing;
      // It may have sent something between the two looks; after the second it no longer can.
      if (reader.isEmpty) this.#throwClosed("recv");
    }
    return take(reader);
  }

  #takeAttempt<T>(take: Take<T>, place: object | undefined): Attempt<{ value: T }> {
    return () => {
      if (place !== undefined && first(this.#receivers) !== place) return undefined;
      const reader = this.#reader ?? this.#throwClosedHere();
      if (!this.#isThere(reader)) return undefined;
      if (reader.isEmpty) this.#throwClosed("recv");
      const value = take(reader);
      if (place !== undefined) this.#leaveLine(place, reader.key);
      return { value };
    };
  }

  /** The next in line is first from here on, and has not looked yet: whoever is not first does not, nor raises the flag. */
  #leaveLine(place: object, key: number): void {
    if (this.#receivers.delete(place) && this.#receivers.size > 0) this.heap.waitQueue.wake(key, EVERYBODY);
  }

  readonly #pollAttempt: Attempt<true> = () => this.#isThere(this.#reader ?? this.#throwClosedHere()) || undefined;

  /** Whether a message is there, or none will ever be; a caller that is about to sleep asks. */
  #isThere(reader: PipeReader): boolean {
    if (!reader.isEmpty) return true;
    // Before the last look: pairs with the writer, who commits and then looks at the flag.
    reader.raiseFlag();
    return this.#end.isPeerGone || !reader.isEmpty;
  }

  #isReady(): boolean {
    const reader = this.#reader ?? this.#refuse("poll");
    return !reader.isEmpty || this.#end.isPeerGone;
  }

  #refuse(verb: string): never {
    if (this.#state === "closed") throw new StateError(`${verb}: ${this.title} was closed by this worker`);
    if (this.#state === "sent away") {
      throw new StateError(
        `${verb}: ${this.title} was sent to another worker and is that one's now: an end of a pipe belongs to one worker at a time; keep the other end, or make a pipe for each`,
      );
    }
    const [can, other] = verb === "send" ? ["receive", "second"] : ["send", "first"];
    throw new StateError(`${verb}: ${this.title} can only ${can}, its pipe is one-way: use the ${other} end, or createPipe() without { duplex: false }`);
  }

  #throwClosed(verb: "send" | "recv"): never {
    const rest = verb === "send" ? "nobody could receive it" : "everything that was sent has been received";
    throw new ConnectionClosedError(`${verb}: the other end of ${this.title} was closed, or its worker has ended, and ${rest}`);
  }

  #throwClosedHere(): never {
    throw new ConnectionClosedError(`${this.title} was closed while a caller waited at it`);
  }

  #timedOut(what: string, options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} had ${what} within ${options?.timeout} ms`);
  }
}

const takeValue: Take<unknown> = (reader) => reader.read();

/** A question asks now unless it is told how long to wait for the answer. */
function pollDeadlineOf(options: SyncWait | undefined, of: (options: SyncWait | undefined) => number): number {
  const deadline = of(options);
  return options?.timeout === undefined ? 0 : deadline;
}

function first(set: ReadonlySet<object>): object | undefined {
  for (const item of set) return item;
  return undefined;
}

function bytesOf(target: unknown): Uint8Array {
  if (ArrayBuffer.isView(target)) return new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  if (types.isAnyArrayBuffer(target)) return new Uint8Array(target);
  throw new ArgumentTypeError("recvInto(target): target must be a Buffer, a typed array, a DataView or an ArrayBuffer");
}

/** Ends that were sent away, by their blocks: one that comes back is the same object again. */
const departed = new WeakMap<Heap, Map<number, WeakRef<Connection>>>();
const forgotten = new FinalizationRegistry<{ ends: Map<number, WeakRef<Connection>>; at: number }>(({ ends, at }) => {
  if (ends.get(at)?.deref() === undefined) ends.delete(at);
});

function noteDeparted(heap: Heap, at: number, connection: Connection): void {
  let ends = departed.get(heap);
  if (ends === undefined) departed.set(heap, (ends = new Map()));
  ends.set(at, new WeakRef(connection));
  forgotten.register(connection, { ends, at }, connection);
}

function takeDeparted(heap: Heap, at: number): Connection | undefined {
  const ends = departed.get(heap);
  const connection = ends?.get(at)?.deref();
  ends?.delete(at);
  if (connection !== undefined) forgotten.unregister(connection);
  return connection;
}

/** What a payload says beside its handle. */
const departureIn = (payload: unknown): number => (Array.isArray(payload) ? Number(payload[5]) : 0);

function arrived(payload: unknown): Connection {
  const handle = locate(KIND.connection, "Connection", payload);
  if (!new PipeEnd(handle.heap, handle.at).arrive(departureIn(payload)))
    throw new StateError("an end of a pipe arrived a second time: it belongs to one worker, and is in use where it arrived first");
  return Connection.attach(handle);
}

registerKind("Connection", arrived, (payload: unknown, end) => {
  if (end === "returned") {
    arrived(payload);
    return;
  }
  const { heap, at } = locate(KIND.connection, "Connection", payload);
  // Certain in any case: it arrives or is lost, by one CAS.
  if (new PipeEnd(heap, at).lose(departureIn(payload))) heap.references.letGo(at);
});
