import { types } from "node:util";
import type { Facts } from "../codec/portrait.js";
import { type Boundary, crossing, decodeLoading, type Marshalled, registerKind } from "../codec/index.js";
import { type Handle, locate, SharedObject } from "../objects/index.js";
import { ArgumentTypeError, ConnectionClosedError, ReachError, StateError } from "../errors/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "../sync/selectable.js";
import { DepartedEnds } from "./departed-ends.js";
import { EndState } from "./end-state.js";
import { Inbox, nothing } from "./inbox.js";
import { KIND } from "./kinds.js";
import { isSentThroughItself, Outbox } from "./outbox.js";
import { PipeEnd } from "./pipe-end.js";
import type { PipeReader } from "./pipe-reader.js";

/**
 * One end of a pipe, made by `createPipe`. `S` is what it sends, `R` what it receives. Each message arrives once,
 * whole, and in the order in which it was sent.
 *
 * **Whose it is:** an end belongs to one worker at a time. Passed to another, as an argument or in any message, it
 * *moves*: from then on it cannot be used here (`StateError`, ERR_ALLCORES_STATE), and arrives there with all that it
 * has not received yet. If sending it fails, it stays.
 * **End of file:** once the other end is closed, or the worker that it belonged to has ended in any way, `send` throws
 * `ConnectionClosedError` (ERR_ALLCORES_CONNECTION_CLOSED), and so does `recv` after everything that was sent has been
 * received. Nobody needs to close a copy, as in Python; death is noticed within half a second. An end in a message that
 * nobody ever receives counts as open.
 * **Death:** a message is sent once `send` returned and stays when its sender dies; one that was still being written is
 * never seen.
 * **Backpressure:** `send` waits while the pipe is full: see `capacity` of `createPipe`. **Fairness:** awaiting callers
 * of one end are served in the order of their calls; a blocking one, which holds up their loop, is served before them.
 * **Cancel:** a wait that is aborted or runs out has sent, or received, nothing.
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
export class Connection<S = unknown, R = S>
  extends SharedObject
  implements AsyncIterable<R>, Iterable<R>, Selectable<R>, AsyncDisposable, Disposable
{
  readonly #end: PipeEnd;
  readonly #generation: number;
  readonly #state = new EndState(() => this.title);
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;

  private constructor(handle: Handle) {
    super(KIND.connection, 0, handle);
    this.#end = new PipeEnd(this.heap, this.at);
    this.#generation = this.heap.allocator.generationOf(this.at);
    this.#outbox = new Outbox(this.heap, this.#end, this.#state);
    this.#inbox = new Inbox(this.heap, this.#end, this.#state);
    this.#open();
  }

  /** @internal This worker's wrapper of an end that is its own. */
  static attach(handle: Handle): Connection {
    const { heap, at } = handle;
    const known = departed.take(heap, at);
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
    return this.#state.is !== "open";
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
  send(value: S, options?: WaitOptions): Promise<void> {
    return this.#outbox.send(value, options);
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
    this.#outbox.sendSync(value, options);
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
    return this.#outbox.trySend(value);
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
    return (await decodeLoading(() => this.#inbox.receive(takeValue, options), this.heap)) as R;
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
    return this.#inbox.receiveSync(takeValue, options) as R;
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
    const value = this.#inbox.takeNow(takeValue);
    return value === nothing ? undefined : { value: value as R };
  }

  /**
   * Receives the bytes of a Buffer, an ArrayBuffer or a typed array into memory that is there already, which spares a
   * large message its allocation.
   *
   * @param target where the bytes are to go
   * @param options as of `recv`
   * @returns how many bytes it had; what lies behind them in `target` stays as it was
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when `target` is smaller, `ERR_ALLCORES_STATE` when the message is another
   *   value: it can be received all the same; as `recv`
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
    return await this.#inbox.receive((reader) => reader.readInto(bytes), options);
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
    return this.#inbox.receiveSync((reader) => reader.readInto(bytes), options);
  }

  /**
   * Whether `recv` would return, or throw `ConnectionClosedError`, at once. Asks now; with a timeout it waits so long
   * for it to be so.
   *
   * @param options `timeout`: milliseconds that it waits for it to be so; 0, one look, unless given. `signal`: ends
   *   the wait with its reason
   * @returns whether there is something
   * @throws `ERR_ALLCORES_STATE` where this end cannot receive, was closed here or sent away;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; the reason of
   *   `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** a few atomic reads.
   */
  poll(options?: WaitOptions): Promise<boolean> {
    return this.#inbox.poll(options);
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
    return this.#inbox.pollSync(options);
  }

  /**
   * What `select` waits for: the next value, which is received if it is chosen, before those who await `recv` here. At
   * the end of the file it fails with `ConnectionClosedError`. An instance of a class whose module was not loaded here
   * fails with `UnknownClassError`, and stays there.
   */
  [selectable](): Choice<R> {
    return choiceOf<{ value: unknown }, R>({
      heap: this.heap,
      key: this.#inbox.keyFor("select"),
      poll: () => this.tryRecv(),
      begin: () => this.#inbox.attempt(takeValue, undefined),
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
   * This worker is done with it. What it sent can still be received; what it has not received is dropped. Callers that
   * wait at the other end hear of it at once. So do callers that wait here, with `ConnectionClosedError`. Does nothing
   * when it is closed or was sent away.
   *
   * @throws `ERR_ALLCORES_STATE` while a message from it is being decoded
   * @remarks **Cost:** a few atomic operations, a wake-up for each that waits, and what is dropped.
   */
  close(): void {
    if (this.#state.is !== "open") return;
    if (this.#inbox.isOpening)
      throw new StateError(`${this.title} cannot be closed while a message from it is being decoded`);
    this.#leave("closed");
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
    if (this.#state.is === "closed") throw new StateError(`${path} is a Connection that this worker has closed`);
    if (this.#state.is === "sent away")
      throw new StateError(
        `${path} is a Connection that was sent away before: an end of a pipe belongs to one worker at a time`,
      );
    if (to === "processes" && heap.across === "threads") {
      throw new ReachError(
        path,
        `${path} is a Connection that reaches across threads only: create its pipe with { across: "processes" } to send it to another process`,
      );
    }
    if (isSentThroughItself(this.#end, heap))
      throw new StateError(`${path} is an end of the very pipe that it is sent through: nobody could ever receive it`);
    if (this.#outbox.isAwaited || this.#inbox.isAwaited || this.#inbox.isOpening)
      throw new StateError(
        `${path} is a Connection at which this worker is waiting: await that, or abort it, before sending it away`,
      );
    const departure = this.#end.nextDeparture;
    const payload: unknown[] = [
      heap.across === "processes" ? 1 : 0,
      heap.id,
      at,
      heap.allocator.generationOf(at),
      this.label,
      departure,
    ];
    return {
      kind: "Connection",
      payload,
      retain: () => this.#depart(departure),
      committed: () => this.#leaveHands(departure),
    };
  }

  #depart(departure: number): void {
    // Encoded a second time by a getter, before this: one of the two messages will find it gone.
    if (this.#state.is !== "open") return;
    const { heap, at } = this;
    this.#leave("sent away");
    this.#state.departure = departure;
    // The message's hold; this worker's own goes once the message is committed. A death in between leaks the memory,
    // and the carrier tells the other end.
    heap.allocator.retain(at);
    this.#end.depart(departure);
    departed.note(heap, at, this);
  }

  /** The message that it left in is committed. It may be back already, and have left again. */
  #leaveHands(departure: number): void {
    if (this.#state.is !== "sent away" || this.#state.departure !== departure) return;
    this.#end.leaveHands();
    this.heap.references.drop(this.at);
  }

  #open(): void {
    this.#state.is = "open";
    this.#outbox.open();
    this.#inbox.open();
  }

  #leave(state: "closed" | "sent away"): void {
    this.#state.is = state;
    this.#outbox.close();
    this.#inbox.close();
  }
}

const takeValue = (reader: PipeReader): unknown => reader.read();

function bytesOf(target: unknown): Uint8Array {
  if (ArrayBuffer.isView(target)) return new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  if (types.isAnyArrayBuffer(target)) return new Uint8Array(target);
  throw new ArgumentTypeError("recvInto(target): target must be a Buffer, a typed array, a DataView or an ArrayBuffer");
}

const departed = new DepartedEnds<Connection>();

/** What a payload says beside its handle. */
const departureIn = (payload: unknown): number => (Array.isArray(payload) ? Number(payload[5]) : 0);

function arrived(payload: unknown): Connection {
  const handle = locate(KIND.connection, "Connection", payload);
  if (!new PipeEnd(handle.heap, handle.at).arrive(departureIn(payload)))
    throw new StateError(
      "an end of a pipe arrived a second time: it belongs to one worker, and is in use where it arrived first",
    );
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
