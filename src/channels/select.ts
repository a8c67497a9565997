/**
 * Waiting for several things at once. Everything that takes part can be polled; what stands in shared memory is waited
 * for by the parker, a node for each, the clock by the deadline, and promises by their settlement. One thing is tried
 * at a time and the first that succeeds is the last, so never two are taken.
 * Rejected: claiming the winner by a word that all nodes share, as Go's select does with its `selectDone`. Wakers here
 * never hand anything over, they only say "look".
 */
import {
  ArgumentRangeError,
  ArgumentTypeError,
  DeadlockError,
  isAllcoresError,
  TimeoutError,
} from "../errors/index.js";
import { decodeLoading, FROM_HERE } from "../codec/index.js";
import { promised } from "../futures/settlement.js";
import { type Heap, heapHere, ONE_VERSION } from "../memory/index.js";
import {
  awaitDeadlineOf,
  type Contender,
  deadlineOf,
  Parker,
  signalOf,
  type SyncWait,
  toReal,
  type WaitOptions,
} from "../parking/index.js";
import {
  type AnySource,
  type Choice,
  type Selectable,
  selectable,
  sourceOf,
  isChoice,
  isOthersChoice,
} from "../sync/selectable.js";

/** What can be waited for, each under a name of its own. */
export type Selectables<S = Record<string, unknown>> = {
  readonly [Key in keyof S]: Selectable<unknown> | PromiseLike<unknown>;
} & {
  readonly [Symbol.iterator]?: never;
};

/** Which of them was chosen, and its value. */
export type Selected<S> = {
  [Key in keyof S]: { readonly key: Key extends number ? `${Key}` : Key; readonly value: ValueOf<S[Key]> };
}[keyof S];

type ValueOf<S> = S extends Selectable<infer T> ? T : S extends PromiseLike<unknown> ? Awaited<S> : never;

interface Entry {
  readonly key: string;
  readonly source: AnySource<unknown>;
}

/** What was taken, and whose it is. */
interface Winner {
  readonly entry: Entry;
  readonly taken: unknown;
}

/**
 * Waits for the first of several things, takes it, and leaves the others as they are: `queue` gives an item, `event`
 * undefined, a lock, a semaphore or one side of an `RWLock` (`rw.reading`, `rw.writing`) what is held, a `Thread` or
 * `Process` what it returns, a `Future` or promise its value, `after(ms)` undefined, and an object with a method
 * `[selectable]` what that chooses.
 *
 * What fails is there too: the select throws its error, as `Promise.race` does. So a queue that is shut down and
 * drained ends it with `QueueShutDownError`; `error.key` tells which of them it was, and the others can be waited for
 * without it.
 * **Fairness:** of several that are there, each is as likely to be chosen. **Cancel:** a select that is aborted or runs
 * out takes nothing, and no other waiter loses a wake-up.
 * **Death:** of a worker that holds or waits: as for each of the things by itself.
 *
 * @param from what is waited for, by the keys that the answer names
 * @param options `timeout`: milliseconds, without end unless given; 0 is one look. `signal`: ends the wait with its
 *   reason
 * @returns the key of the chosen one, and its value
 * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out; what the chosen one failed with; `ERR_ALLCORES_DEADLOCK` where
 *   the wait could never end; `ERR_ALLCORES_ARGUMENT_TYPE` for what cannot be waited for, `ERR_ALLCORES_ARGUMENT_TYPE`
 *   and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; the reason of `signal`
 * @remarks **Cost:** an attempt for each thing; a waiter node for each while it sleeps.
 *
 * @example
 * ```ts
 * import { Event, Queue, select } from "allcores";
 * const jobs = new Queue<string>();
 * const stop = new Event();
 * jobs.putSync("dig");
 * const chosen = await select({ job: jobs, stop }, { timeout: 1000 });
 * if (chosen.key === "job") console.log(chosen.value.toUpperCase()); // DIG
 * ```
 */
export async function select<const S extends Selectables<S>>(from: S, options?: WaitOptions): Promise<Selected<S>> {
  const deadline = awaitDeadlineOf(options);
  const signal = signalOf(options);
  const entries = entriesOf(from, "select");
  let winner = look(entries, true);
  if (winner === undefined && deadline !== 0) {
    const moment = soonest(entries);
    const until = Math.min(deadline, moment.dueAt);
    try {
      winner =
        (await Parker.waitUntilAny(contendersOf(entries, true), until, signal, (rouse) => watch(entries, rouse))) ??
        look(entries, true) ??
        (moment.dueAt <= deadline ? moment.winner : undefined);
    } finally {
      leaveAllBut(winner, entries);
    }
  }
  if (winner === undefined) timedOut(entries, options);
  const { entry, taken } = winner;
  return { key: entry.key, value: await opened(entry.source, taken) } as Selected<S>;
}

/**
 * As `select`, blocking this thread. A future or promise can be settled only by this thread's loop: unless it is
 * settled already it is refused.
 *
 * @param from as of `select`
 * @param options `timeout`: milliseconds, without end unless given; 0 is one look
 * @returns the key of the chosen one, and its value
 * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out; `ERR_ALLCORES_DEADLOCK` for a promise that cannot be settled
 *   meanwhile, and where nothing of it can ever come; what the chosen one failed with; `ERR_ALLCORES_ARGUMENT_TYPE` and
 *   `ERR_ALLCORES_ARGUMENT_RANGE` as `select`
 * @remarks **Fairness, death, cancel:** as `select`. **Cost:** as `select`.
 *
 * @example
 * ```ts
 * import { Queue, selectSync, Semaphore } from "allcores";
 * const jobs = new Queue<string>();
 * const permits = new Semaphore(1);
 * const chosen = selectSync({ job: jobs, permit: permits });
 * console.log(chosen.key, permits.value); // permit 0
 * ```
 */
export function selectSync<const S extends Selectables<S>>(from: S, options?: SyncWait): Selected<S> {
  const deadline = deadlineOf(options);
  const entries = entriesOf(from, "selectSync");
  for (const { key, source } of entries) {
    if ("watch" in source && !source.isSettled())
      throw new DeadlockError(
        `selectSync({ ${key}: … }): "${key}" is settled by the event loop of this very thread, which stands still while this call blocks the thread: await select(…)`,
      );
  }
  let winner = look(entries, false);
  if (winner === undefined && deadline !== 0) {
    // This thread's program can do nothing for its time to pass while the call blocks it: what is left of it runs out
    // in real time.
    const moment = soonest(entries);
    const due = toReal(moment.dueAt);
    try {
      winner =
        Parker.blockUntilAny(contendersOf(entries, false), Math.min(deadline, due)) ??
        look(entries, false) ??
        (due <= deadline ? moment.winner : undefined);
    } finally {
      leaveAllBut(winner, entries);
    }
  }
  if (winner === undefined) timedOut(entries, options);
  return selectedOf(winner);
}

/**
 * As `select`, but never waits: undefined when nothing is there now. That a plain promise is settled is seen only after
 * this thread's loop has turned; a `Future` tells at once.
 *
 * @param from as of `select`
 * @returns the key of the chosen one, and its value; undefined when nothing is there
 * @throws what the chosen one failed with; `ERR_ALLCORES_ARGUMENT_TYPE` for what cannot be waited for
 * @remarks **Cost:** an attempt for each thing, until one is there.
 *
 * @example
 * ```ts
 * import { Event, Queue, trySelect } from "allcores";
 * console.log(trySelect({ job: new Queue(), stop: new Event() })); // undefined
 * ```
 */
export function trySelect<const S extends Selectables<S>>(from: S): Selected<S> | undefined {
  const winner = look(entriesOf(from, "trySelect"), false);
  return winner && selectedOf(winner);
}

/** In random order, anew for each select: of several that are there, none is always behind another. */
function entriesOf(from: Selectables, call: string): Entry[] {
  if (typeof from !== "object" || from === null || Array.isArray(from) || selectable in from)
    throw new ArgumentTypeError(
      `${call}(record): what is waited for must be named, as in ${call}({ job: queue, stop: event })`,
    );
  const entries: Entry[] = [];
  for (const [key, value] of Object.entries(from)) {
    const entry = { key, source: sourceHere(sourceOf(choiceIn(value, key, call))) };
    const place = Math.floor(Math.random() * (entries.length + 1));
    entries.push(entries[place] ?? entry);
    entries[place] = entry;
  }
  if (entries.length === 0) throw new ArgumentRangeError(`${call}({}): a select of nothing would never end`);
  return entries;
}

/** Of an object of another copy of the library: what is waited for here is in this copy's view of the heap. */
function sourceHere<T>(source: AnySource<T>): AnySource<T> {
  if (!("heap" in source)) return source;
  const heap = heapHere(source.heap);
  return heap === source.heap ? source : { ...source, heap };
}

function choiceIn(value: unknown, key: string, call: string): Choice<unknown> {
  const candidate = value as Partial<Selectable<unknown> & PromiseLike<unknown>> | null | undefined;
  if (typeof candidate?.[selectable] === "function") {
    const choice: unknown = candidate[selectable]();
    if (isChoice(choice)) return choice;
    if (isOthersChoice(choice))
      throw new ArgumentTypeError(
        `${call}({ ${key}: … }): it is of another version of allcores, which this one cannot wait for: ${ONE_VERSION}`,
      );
    throw new ArgumentTypeError(
      `${call}({ ${key}: … }): its method [selectable]() must return the choice of something else, as in queue[selectable]()`,
    );
  }
  if (typeof candidate?.then === "function") return promised(candidate as PromiseLike<unknown>);
  throw new ArgumentTypeError(
    `${call}({ ${key}: … }): "${key}" cannot be waited for: a Queue, Connection, Event, CountDownLatch, Lock, RLock, Semaphore, a side of an RWLock, ` +
      `Thread, Process, Future, promise, after(ms), or an object with a method [selectable] can, got ${value === null ? "null" : typeof value}`,
  );
}

/** Takes the first that is there. */
function look(entries: readonly Entry[], awaiting: boolean): Winner | undefined {
  for (const entry of entries) {
    const { source } = entry;
    const taken = "heap" in source ? named(entry, () => source.poll(awaiting)) : source.poll(awaiting);
    if (taken !== undefined) return { entry, taken };
  }
  return undefined;
}

function contendersOf(entries: readonly Entry[], awaiting: boolean): Contender<Winner>[] {
  const contenders: Contender<Winner>[] = [];
  for (const entry of entries) {
    const { source } = entry;
    if (!("heap" in source)) continue;
    const attempt = named(entry, () => source.begin(awaiting));
    contenders.push({
      heap: source.heap,
      key: source.key,
      priority: source.priority,
      attempt: (granted, node) => {
        const taken = named(entry, () => attempt(granted, node));
        return taken === undefined ? undefined : { entry, taken };
      },
    });
  }
  return contenders;
}

/** The wait is over: it stands in no line any more. */
function leaveAllBut(winner: Winner | undefined, entries: readonly Entry[]): void {
  for (const entry of entries) if (entry !== winner?.entry && "heap" in entry.source) entry.source.left?.();
}

/** Has an error of one entry tell which it was. It was made for this call, unlike those of promises. */
function named<R>({ key }: Entry, fn: () => R): R {
  try {
    return fn();
  } catch (error) {
    if (isAllcoresError(error)) (error as { key?: string }).key = key;
    throw error;
  }
}

/**
 * The moment that comes first, Infinity for none, and what is chosen when a wait has lasted until then: whatever the
 * clock says, its time is over.
 */
function soonest(entries: readonly Entry[]): { dueAt: number; winner?: Winner } {
  let first: { dueAt: number; winner?: Winner } = { dueAt: Number.POSITIVE_INFINITY };
  for (const entry of entries) {
    const { source } = entry;
    if ("dueAt" in source && source.dueAt < first.dueAt)
      first = { dueAt: source.dueAt, winner: { entry, taken: true } };
  }
  return first;
}

function watch(entries: readonly Entry[], rouse: () => void): () => void {
  const unwatch = entries.flatMap(({ source }) => ("watch" in source ? [source.watch(rouse)] : []));
  return () => {
    for (const stop of unwatch) stop();
  };
}

function selectedOf<S>({ entry, taken }: Winner): Selected<S> {
  return { key: entry.key, value: entry.source.open(taken) } as Selected<S>;
}

/** The value of what was taken; a class that this thread does not know yet is loaded. */
async function opened(
  { open, openAwaiting, heap }: AnySource<unknown> & { heap?: Heap },
  taken: unknown,
): Promise<unknown> {
  if (openAwaiting !== undefined) return await openAwaiting(taken);
  return await decodeLoading(() => open(taken), heap ?? FROM_HERE);
}

function timedOut(entries: readonly Entry[], options: SyncWait | undefined): never {
  const keys = entries.map(({ key }) => `"${key}"`).sort();
  throw new TimeoutError(`none of ${keys.join(", ")} was there within ${options?.timeout} ms`);
}
