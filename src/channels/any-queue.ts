/**
 * What the queues have in common: who waits for what, bounds, `join`, `shutdown`, loops. How items lie in shared
 * memory, and by which store a change is committed, is each queue's own: it appends an item and takes one, each under
 * its mutex, and everything else is built on these two.
 */
import type { Facts } from "../codec/portrait.js";
import { decodeLoading } from "../codec/index.js";
import { MOST_INLINE_BYTES } from "../codec/payload.js";
import { Handle, Monitor } from "../objects/index.js";
import {
  ArgumentTypeError,
  CorruptError,
  QueueShutDownError,
  ReleasedTooOftenError,
  TimeoutError,
  TooLargeError,
  type KnownOptions,
  ownOptions,
} from "../errors/index.js";
import { AT_ONCE, atomics, BLOCKS_AT, HEADER, isStall, limitTo, realNow, within } from "../memory/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import { hasSpareCore } from "../platform/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "../sync/selectable.js";
import {
  discardItem,
  type Item,
  isPlaceable,
  itemOf,
  keepItem,
  lengthOf,
  loseTaken,
  open,
  openCopy,
  placeable,
  type Taken,
  tellCommitted,
} from "./item.js";
import { GetterPatience } from "./getter-patience.js";
import {
  bound,
  checkMost,
  PUT,
  PUT_SYNC,
  QUEUE_OPTIONS,
  type QueueOptions,
  SHUTDOWN,
  TRY_PUT,
  WHEN_FULL,
  whenFullOf,
} from "./queue-options.js";
import { QUEUE } from "./queue-words.js";
import { KIND } from "./kinds.js";

const EVERYBODY = 0x7fffffff;
/** Looks between two looks at the clock. */
const LOOKS = atomics.spins(10);
/**
 * Turns between two looks. Each look takes the line of memory from the putters, who do better with a moment for several
 * items.
 */
const TURNS = atomics.spins(60);

/**
 * What `Queue`, `LifoQueue` and `PriorityQueue` share: the type for a function that takes any of them.
 * `P`: what `put` may be told besides how to wait.
 *
 * **Fairness, death, cancel:** see each of them.
 *
 * @example
 * ```ts
 * import { type AnyQueue, Queue } from "allcores";
 * async function drain(pages: AnyQueue<string>): Promise<number> {
 *   pages.putSync("home");
 *   await pages.put("news", { timeout: 1000 });
 *   console.log(pages.tryPut("sport"), pages.size); // true 3
 *   const done = pages.join({ timeout: 1000 });
 *   await pages.get();
 *   pages.getSync();
 *   pages.tryGet();
 *   for (let page = 0; page < 3; page++) pages.taskDone();
 *   await done;
 *   pages.joinSync();
 *   pages.shutdown();
 *   return pages.size;
 * }
 * await drain(new Queue<string>()); // or a LifoQueue
 * ```
 */
export abstract class AnyQueue<T = unknown, P = unknown>
  extends Monitor
  implements AsyncIterable<T>, Iterable<T>, Selectable<T>
{
  /** @internal */
  constructor(
    kind: number,
    size: number,
    options: QueueOptions | Handle | undefined,
    known: KnownOptions<object> = QUEUE_OPTIONS,
  ) {
    const given = ownOptions(options);
    const attached = given instanceof Handle;
    const maxSize = attached ? 0 : bound(given?.maxSize, "maxSize");
    const capacity = attached ? 0 : bound(given?.capacity, "capacity");
    const whenFull = attached
      ? WHEN_FULL.wait
      : whenFullOf(given?.whenFull, maxSize + capacity > 0, kind === KIND.queue);
    super(kind, size, options, known);
    if (attached) return;
    this.words[this.at + QUEUE.whenFull] = whenFull;
    this.words[this.at + QUEUE.maxSize] = maxSize;
    this.words[this.at + QUEUE.capacity] = capacity;
  }

  /**
   * @internal Appends an item, in one commit, unless there is no room now. `waits`: the caller is about to sleep then.
   *   @throws QueueShutDownError
   */
  protected abstract append(item: Item, priority: number, waits: boolean): boolean;
  /**
   * @internal Takes the next item, in one commit, if there is one now. `waits`: the caller is about to sleep then.
   *   @throws QueueShutDownError once it is shut down and drained
   */
  protected abstract take(waits: boolean): Taken | undefined;
  /** @internal A copy of the next item, which stays; undefined when there is none now. */
  protected abstract look(): Taken | undefined;
  /** @internal As `take`, of a queue that is shut down: the item counts as done. */
  protected abstract takeUndone(): Taken | undefined;
  /** @internal How many items were put and not done: 0 only if it was so at some moment of the call. */
  protected abstract get unfinished(): number;
  /** @internal One item less is unfinished: returns how many are left, or -1 when there was none. */
  protected abstract finish(): number;
  /** @internal Whether nothing seems to be in it: a look without the mutex. */
  protected abstract get looksEmpty(): boolean;
  /** @internal Bytes of the items in it. */
  protected abstract get usedBytes(): number;
  /** @internal Nothing more is appended from here on. */
  protected abstract close(): void;
  /** How many items are in it now. */
  abstract get size(): number;
  /** Whether `shutdown` was called. */
  abstract get isShutDown(): boolean;

  /** @internal Longer items are stored in a block of their own. */
  protected get mostInlineBytes(): number {
    return MOST_INLINE_BYTES;
  }

  /** @internal How urgent a value is. Before anything is changed: it may run a user's code. */
  protected priorityOf(_value: T, _options: P | undefined): number {
    return 0;
  }

  /**
   * Puts a value, blocking this thread and its event loop while there is no room.
   *
   * @param value what is put: anything that can be sent; null and undefined are values
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `priority`: of a
   *   PriorityQueue, lower comes out first
   * @returns whether it went in: false where the queue is full and made with `{ whenFull: "dropNewest" }`
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_QUEUE_SHUT_DOWN` once it is shut down,
   *   `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_TOO_LARGE` for
   *   one that never finds room, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_DEADLOCK` where the wait could never
   *   end, `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that
   *   make no sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the encoding, and two atomic exchanges of a
   *   mutex; a wake-up where somebody waits.
   */
  putSync(value: T, options?: SyncWait & P): boolean {
    const deadline = deadlineOf(options, PUT_SYNC);
    const priority = this.priorityOf(value, options);
    const item = this.#item(value);
    const isIn = this.#append(item, priority);
    if (isIn !== undefined) return isIn;
    const waiting = { item: keepItem(item) };
    let done: boolean | undefined;
    try {
      done =
        deadline === 0
          ? undefined
          : this.heap.parker.blockUntil(this.at + QUEUE.puttersWait, this.#putAttempt(waiting, priority), deadline);
    } finally {
      if (done !== true) discardItem(waiting.item);
    }
    return done ?? this.#timedOut("had no room", options);
  }

  /**
   * Puts a value, waiting while there is no room, without blocking the event loop.
   *
   * @param value what is put: anything that can be sent; null and undefined are values
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason. `priority`: of a PriorityQueue, lower comes out first
   * @returns whether it went in: false where the queue is full and made with `{ whenFull: "dropNewest" }`
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_QUEUE_SHUT_DOWN` once it is shut down,
   *   `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_TOO_LARGE` for
   *   one that never finds room, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_DEADLOCK` where the wait could never
   *   end, `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that
   *   make no sense; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the encoding, and two atomic exchanges of a
   *   mutex; a wake-up where somebody waits.
   */
  async put(value: T, options?: WaitOptions & P): Promise<boolean> {
    const deadline = awaitDeadlineOf(options, PUT);
    const signal = signalOf(options);
    const priority = this.priorityOf(value, options);
    const item = this.#item(value);
    const isIn = this.#append(item, priority);
    if (isIn !== undefined) return isIn;
    const waiting = { item: keepItem(item) };
    let done: boolean | undefined;
    try {
      done =
        deadline === 0
          ? undefined
          : await this.heap.parker.waitUntil(
              this.at + QUEUE.puttersWait,
              this.#putAttempt(waiting, priority),
              deadline,
              signal,
            );
    } finally {
      if (done !== true) discardItem(waiting.item);
    }
    return done ?? this.#timedOut("had no room", options);
  }

  /**
   * Puts a value if there is room now; never waits.
   *
   * @param value what is put: anything that can be sent; null and undefined are values
   * @param options `priority`: of a PriorityQueue, lower comes out first
   * @returns whether it is in the queue
   * @throws `ERR_ALLCORES_QUEUE_SHUT_DOWN` once it is shut down, `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH`
   *   for a value that cannot cross, `ERR_ALLCORES_TOO_LARGE` for one that never finds room,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** the encoding, and two atomic exchanges of a mutex; a wake-up where somebody waits.
   */
  tryPut(value: T, options?: P): boolean {
    if (options !== undefined) TRY_PUT.check(options as object);
    const priority = this.priorityOf(value, options);
    const item = this.#item(value);
    const isIn = this.#append(item, priority);
    if (isIn === undefined) discardItem(item);
    return isIn === true;
  }

  /**
   * Takes the next value, blocking this thread and its event loop while there is none.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @returns the value
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_QUEUE_SHUT_DOWN` once it is shut down and
   *   drained, `ERR_ALLCORES_MODULE_NOT_ALLOWED`, `ERR_ALLCORES_UNKNOWN_CLASS` or `ERR_ALLCORES_FREED` for a value
   *   that cannot arrive here, `ERR_ALLCORES_DEADLOCK` where the wait could never end; `ERR_ALLCORES_ARGUMENT_TYPE`
   *   and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of a mutex, and the
   *   decoding; a wake-up where somebody waits for room.
   */
  getSync(options?: SyncWait): T {
    const deadline = deadlineOf(options);
    const taken = this.#takeNow() ?? (deadline === 0 ? undefined : this.#takeSoon()) ?? this.#blockForItem(deadline);
    return taken === undefined ? this.#timedOut("had no item", options) : (open(taken, this.heap) as T);
  }

  /**
   * Takes the next value, waiting while there is none, without blocking the event loop. A class that is not known
   * here is loaded.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @returns the value
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_QUEUE_SHUT_DOWN` once it is shut down and
   *   drained, `ERR_ALLCORES_MODULE_NOT_ALLOWED`, `ERR_ALLCORES_UNKNOWN_CLASS` or `ERR_ALLCORES_FREED` for a value
   *   that cannot arrive here, `ERR_ALLCORES_DEADLOCK` where the wait could never end; `ERR_ALLCORES_ARGUMENT_TYPE`
   *   and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of a mutex, and the
   *   decoding; a wake-up where somebody waits for room.
   */
  async get(options?: WaitOptions): Promise<T> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    const taken =
      this.#takeNow() ??
      (deadline === 0
        ? undefined
        : await this.heap.parker.waitUntil(this.at + QUEUE.gettersWait, this.#getAttempt, deadline, signal)) ??
      this.#timedOut("had no item", options);
    if (typeof taken === "number") return taken as T;
    return await decodeLoading(() => open(taken, this.heap) as T, this.heap);
  }

  /**
   * Takes the next value if there is one now; never waits.
   *
   * @returns the value in an object, since undefined is a value too; undefined when there is none
   * @throws `ERR_ALLCORES_QUEUE_SHUT_DOWN` once it is shut down and drained, `ERR_ALLCORES_MODULE_NOT_ALLOWED`,
   *   `ERR_ALLCORES_UNKNOWN_CLASS` or `ERR_ALLCORES_FREED` for a value that cannot arrive here
   * @remarks **Cost:** two atomic exchanges of a mutex, and the decoding; a wake-up where somebody waits for room.
   */
  tryGet(): { value: T } | undefined {
    const taken = this.#takeNow();
    return taken === undefined ? undefined : { value: open(taken, this.heap) as T };
  }

  /**
   * What would come out next, which stays in the queue. Somebody else may have taken it by the time the caller looks at
   * it, and two who peek see the same one. What is seen is a copy: an object of a class is another one than what `get`
   * gives later, a shared object is the same.
   *
   * @returns the value in an object, since undefined is a value too; undefined when there is none, or while a stopped
   *   worker is inside
   * @throws `ERR_ALLCORES_UNSENDABLE` for a value with an end of a pipe in it, which can only be taken,
   *   `ERR_ALLCORES_MODULE_NOT_ALLOWED`, `ERR_ALLCORES_UNKNOWN_CLASS` or `ERR_ALLCORES_FREED` for a value that cannot
   *   arrive here; it stays
   * @remarks **Cost:** two atomic exchanges of a mutex, inside of which the item is copied, and the decoding.
   *
   * @example
   * ```ts
   * import { Queue } from "allcores";
   * const pages = new Queue<string>();
   * pages.putSync("home");
   * console.log(pages.peek(), pages.size); // { value: 'home' } 1
   * ```
   */
  peek(): { value: T } | undefined {
    const copy = within(AT_ONCE, () => this.look());
    return copy === undefined ? undefined : { value: openCopy(copy, this.heap) as T };
  }

  /**
   * Takes what there is, up to `n` values, and waits for the first of them without blocking the event loop. Each is
   * taken by itself: others may take some in between.
   *
   * @param n most values, a whole number from 1
   * @param options as of `get`
   * @returns from 1 to `n` values, in the order in which they came out
   * @throws as `get`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_QUEUE_SHUT_DOWN`, the reason of `signal`. An error about a
   *   later value than the first has those before it in its property `taken`
   * @remarks **Fairness, death, cancel:** as `get`; the death of who takes loses all that it has taken. **Cost:** that
   *   of a `get` for each value, and at most one wait.
   *
   * @example
   * ```ts
   * import { Queue } from "allcores";
   * const lines = new Queue<string>();
   * for (const line of ["one", "two", "three"]) lines.putSync(line);
   * console.log(await lines.getUpTo(2), lines.getUpToSync(2)); // [ 'one', 'two' ] [ 'three' ]
   * console.log(lines.tryGetUpTo(2)); // undefined
   * ```
   */
  async getUpTo(n: number, options?: WaitOptions): Promise<T[]> {
    checkMost("getUpTo(n)", n);
    const values = [await this.get(options)];
    try {
      for (let taken = this.#another(values, n); taken !== undefined; taken = this.#another(values, n)) {
        const item = taken;
        values.push(await decodeLoading(() => open(item, this.heap) as T, this.heap));
      }
    } catch (error) {
      throw Object.assign(error as object, { taken: values });
    }
    return values;
  }

  /**
   * As `getUpTo`, blocking this thread and its event loop while there is none.
   *
   * @param n most values, a whole number from 1
   * @param options as of `getSync`
   * @returns from 1 to `n` values, in the order in which they came out
   * @throws as `getSync`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_QUEUE_SHUT_DOWN`. An error about a later value than the
   *   first has those before it in its property `taken`
   * @remarks **Fairness, death, cancel:** as `getUpTo`. **Cost:** that of a `getSync` for each value, and at most one
   *   wait.
   *
   * @example
   * ```ts
   * import { Queue } from "allcores";
   * const lines = new Queue<string>();
   * for (const line of ["one", "two", "three"]) lines.putSync(line);
   * console.log(lines.getUpToSync(2).length); // 2
   * ```
   */
  getUpToSync(n: number, options?: SyncWait): T[] {
    checkMost("getUpToSync(n)", n);
    return this.#withMore([this.getSync(options)], n);
  }

  /**
   * As `getUpTo`, of what there is now; never waits.
   *
   * @param n most values, a whole number from 1
   * @returns from 1 to `n` values, in the order in which they came out; undefined when there is none
   * @throws as `tryGet`: `ERR_ALLCORES_QUEUE_SHUT_DOWN`. An error about a later value than the first has those before
   * it
   *   in its property `taken`
   * @remarks **Cost:** that of a `tryGet` for each value.
   *
   * @example
   * ```ts
   * import { Queue } from "allcores";
   * const lines = new Queue<string>();
   * console.log(lines.tryGetUpTo(2)); // undefined
   * ```
   */
  tryGetUpTo(n: number): T[] | undefined {
    checkMost("tryGetUpTo(n)", n);
    const first = this.tryGet();
    return first === undefined ? undefined : this.#withMore([first.value], n);
  }

  /** @internal */
  protected override facts(): Facts {
    return { size: this.size, isShutDown: this.isShutDown };
  }

  /** Whether no item is in it now. */
  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Whether no further item finds room now. */
  get isFull(): boolean {
    this.checkUsable();
    const maxSize = this.words[this.at + QUEUE.maxSize]!;
    const capacity = this.words[this.at + QUEUE.capacity]!;
    return (maxSize > 0 && this.size >= maxSize) || (capacity > 0 && this.usedBytes >= capacity);
  }

  /**
   * An item that was taken out has been dealt with: what `join` counts.
   *
   * @throws `ERR_ALLCORES_RELEASED_TOO_OFTEN` when called more often than items were put, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic operation, or two exchanges of a mutex; the last one wakes who joins.
   */
  taskDone(): void {
    this.checkUsable();
    const left = this.finish();
    if (left < 0)
      throw new ReleasedTooOftenError(`taskDone() was called more often than items were put into ${this.title}`);
    if (left === 0) this.wake(this.at + QUEUE.joinersWait, EVERYBODY, QUEUE.joinersWait);
  }

  /**
   * Waits until every item that was put has been taken and `taskDone` called for it, without blocking the event
   * loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_DEADLOCK` where the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense; the reason of `signal`
   * @remarks **Fairness:** all who join go on. **Death:** what a dead worker had taken is never done: give a
   *   timeout. **Cancel:** leaves no trace. **Cost:** a few reads where all is done; else it sleeps.
   */
  async join(options?: WaitOptions): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    if (this.#isDone) return;
    if (
      deadline === 0 ||
      !(await this.heap.parker.waitUntil(this.at + QUEUE.joinersWait, this.#joinAttempt, deadline, signal))
    )
      this.#timedOut("was not done with all items", options);
  }

  /**
   * As `join`, blocking this thread and its event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_DEADLOCK` where the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense
   * @remarks **Fairness, death, cancel:** as `join`. **Cost:** a few reads where all is done; else it sleeps.
   */
  joinSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    if (this.#isDone) return;
    if (deadline === 0 || !this.heap.parker.blockUntil(this.at + QUEUE.joinersWait, this.#joinAttempt, deadline))
      this.#timedOut("was not done with all items", options);
  }

  /**
   * Lets nothing more in, for everybody. What is in it can still be taken, unless `immediate`, which drops it. Then,
   * and for everybody who waits in vain, `QueueShutDownError`. A second call does nothing more.
   *
   * @param options `immediate`: whether what is in it is dropped; false unless given
   * @throws `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense
   * @remarks **Cost:** two atomic exchanges of a mutex, a wake-up for each that waits, and what is dropped.
   */
  shutdown(options: { immediate?: boolean | undefined } = {}): void {
    if (typeof options !== "object" || options === null)
      throw new ArgumentTypeError(`options must be an object such as { immediate: true }, got ${typeof options}`);
    SHUTDOWN.check(options);
    options = ownOptions(options);
    const { immediate = false } = options;
    if (typeof immediate !== "boolean")
      throw new ArgumentTypeError(`options.immediate must be true or false, got ${typeof immediate}`);
    this.checkUsable();
    this.close();
    if (immediate) {
      // No more than find room: a chain of chunks that leads back into itself has items for ever.
      let room = atomics.load(this.heap.words, HEADER.brk) - BLOCKS_AT;
      for (let taken = this.takeUndone(); taken !== undefined; taken = this.takeUndone()) {
        loseTaken(taken, this.heap);
        if (--room < 0) throw new CorruptError(`${this.title} has more items than shared memory has room for`);
      }
    }
    const { waitQueue } = this.heap;
    waitQueue.wake(this.at + QUEUE.gettersWait, EVERYBODY);
    waitQueue.wake(this.at + QUEUE.puttersWait, EVERYBODY);
    waitQueue.wake(this.at + QUEUE.joinersWait, EVERYBODY);
  }

  /** Takes values until the queue is shut down and drained. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) yield await this.get();
    } catch (error) {
      if (!(error instanceof QueueShutDownError)) throw error;
    }
  }

  /** Takes values until the queue is shut down and drained, blocking this thread while it is empty. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    try {
      for (;;) yield this.getSync();
    } catch (error) {
      if (!(error instanceof QueueShutDownError)) throw error;
    }
  }

  /**
   * What `select` waits for: the next value, which is taken if it is chosen. One that is shut down and drained fails
   * with `QueueShutDownError`.
   */
  [selectable](): Choice<T> {
    return choiceOf<Taken, T>({
      heap: this.heap,
      key: this.at + QUEUE.gettersWait,
      poll: () => this.#takeNow(),
      begin: () => this.#getAttempt,
      open: (taken) => open(taken, this.heap) as T,
    });
  }

  /** @internal */
  protected throwClosed(): never {
    throw new QueueShutDownError(`${this.title} was shut down: nothing more can be put into it`);
  }

  /** @internal */
  protected throwDrained(): never {
    throw new QueueShutDownError(`${this.title} was shut down and is empty: nothing more will come out of it`);
  }

  #item(value: T): Item {
    this.checkUsable();
    const capacity = this.words[this.at + QUEUE.capacity]!;
    const most = capacity === 0 ? Number.POSITIVE_INFINITY : capacity;
    const item = itemOf(value, this.heap, this.mostInlineBytes, most);
    const length = lengthOf(item);
    if (length <= most) return item;
    discardItem(item);
    throw new TooLargeError(
      `a value of ${length} bytes never fits into ${this.title}, whose capacity is ${capacity} bytes`,
    );
  }

  /** Whether the item went in: false when it was dropped, undefined when it cannot go in now. */
  #append(item: Item, priority: number): boolean | undefined {
    const outer = limitTo(AT_ONCE);
    let isIn = false;
    try {
      if (!isPlaceable(item, this.mostInlineBytes)) return undefined;
      isIn = this.append(item, priority, false);
    } catch (error) {
      if (isStall(error)) return undefined;
      limitTo(outer);
      discardItem(item);
      throw error;
    } finally {
      limitTo(outer);
    }
    if (!isIn) {
      if (!this.#dropsNewest) return undefined;
      discardItem(item);
      return false;
    }
    tellCommitted(item);
    this.#wakeGetter();
    return true;
  }

  get #dropsNewest(): boolean {
    return this.words[this.at + QUEUE.whenFull] === WHEN_FULL.dropNewest;
  }

  /** As `#append`; what was dropped is not discarded. */
  #putAttempt(waiting: { item: Item }, priority: number): Attempt<boolean> {
    return (granted) => {
      if (granted) this.arrive(QUEUE.puttersWait);
      const item = placeable(waiting.item, this.heap, this.mostInlineBytes);
      waiting.item = item;
      const drops = this.#dropsNewest;
      if (!this.append(item, priority, !drops)) return drops ? false : undefined;
      tellCommitted(item);
      // One large item may have made room for several: each that gets in wakes the next.
      if (!this.isFull) this.#wakePutter();
      this.#wakeGetter();
      return true;
    };
  }

  #wakeGetter(): void {
    if (atomics.load(this.words, this.at + QUEUE.gettersWait) === 0) return;
    this.wakeFor(this.at + QUEUE.gettersWait, this.size, QUEUE.gettersWait);
  }

  #wakePutter(): void {
    if (atomics.load(this.words, this.at + QUEUE.puttersWait) === 0) return;
    const maxSize = this.words[this.at + QUEUE.maxSize]!;
    // For how many items there are bytes, nobody knows.
    this.wakeFor(this.at + QUEUE.puttersWait, maxSize === 0 ? EVERYBODY : maxSize - this.size, QUEUE.puttersWait);
  }

  /** The next item if there is one now; then there is room. */
  #takeNow(): Taken | undefined {
    const outer = limitTo(AT_ONCE);
    let taken: Taken | undefined;
    try {
      taken = this.take(false);
    } catch (error) {
      if (!isStall(error)) throw error;
    } finally {
      limitTo(outer);
    }
    if (taken !== undefined) this.#wakePutter();
    return taken;
  }

  #withMore(values: T[], n: number): T[] {
    try {
      for (let taken = this.#another(values, n); taken !== undefined; taken = this.#another(values, n))
        values.push(open(taken, this.heap) as T);
    } catch (error) {
      throw Object.assign(error as object, { taken: values });
    }
    return values;
  }

  /** One more of at most `n`, if there is one now. A queue that is drained meanwhile has no more. */
  #another(values: readonly T[], n: number): Taken | undefined {
    if (values.length >= n) return undefined;
    try {
      return this.#takeNow();
    } catch (error) {
      if (error instanceof QueueShutDownError) return undefined;
      throw error;
    }
  }

  readonly #patience = new GetterPatience();

  /** The next item if it comes at once: looking is cheaper than a wake-up, for both sides. */
  #takeSoon(): Taken | undefined {
    if (!hasSpareCore()) return undefined;
    for (const end = this.#patience.begin(); ; ) {
      for (let look = 0; look < LOOKS; look++) {
        if (!this.looksEmpty) {
          this.#patience.pays();
          return this.#takeNow();
        }
        for (let turn = 0; turn < TURNS; turn++);
      }
      if (realNow() <= end) continue;
      this.#patience.failed();
      return undefined;
    }
  }

  #blockForItem(deadline: number): Taken | undefined {
    return deadline === 0
      ? undefined
      : this.heap.parker.blockUntil(this.at + QUEUE.gettersWait, this.#getAttempt, deadline);
  }

  readonly #getAttempt: Attempt<Taken> = (granted) => {
    if (granted) this.arrive(QUEUE.gettersWait);
    const taken = this.take(true);
    if (taken === undefined) return undefined;
    this.#wakePutter();
    if (granted) this.#wakeGetter();
    return taken;
  };

  get #isDone(): boolean {
    this.checkUsable();
    return this.unfinished <= 0;
  }

  readonly #joinAttempt: Attempt<true> = () =>
    this.inside(() => {
      if (this.unfinished <= 0) return true;
      this.expectWake(QUEUE.joinersWait);
      // A worker that finishes an item need not enter the mutex: one that was done before the flag was up has woken
      // nobody.
      return this.unfinished <= 0 ? true : undefined;
    });

  #timedOut(what: string, options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} ${what} within ${options?.timeout} ms`);
  }
}
