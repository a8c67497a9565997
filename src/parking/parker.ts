/**
 * One parker per worker: every wait of this library ends here, whatever it waits for.
 *
 * A wait is a key and an attempt. The protocol, the same for both kinds of caller:
 *   1. arm a waiter node for the key,
 *   2. attempt(false): try again now that wakers can see the node; a change made before the arming is caught here, one
 *      made after it brings a grant,
 *   3. sleep until a grant comes; use it and attempt(true), still armed; if somebody else was faster, sleep again, in
 *      the same place of the line.
 * A waiter that leaves withdraws its node, and passes on a grant that it did not need. A wait for several things at
 * once is the same with a node for each: attempts are made one at a time, the first that succeeds is the last, and its
 * caller leaves all lines. Blocking callers park on their record's `blocking` word, awaiting ones on its `doorbell`:
 * two words, so a grant for one kind never wakes the other instead. Where a stopped worker is inside a mutex that an
 * attempt needs, it cannot be had yet: a waiter with a deadline tries until then, one that awaits does not wait for the
 * mutex at all, and both look again with the next slice. So the backstop of slices stands in for a wake-up that such an
 * attempt has used in vain. As parking_lot's core (https://github.com/Amanieu/parking_lot), with the queue kept in the
 * waiters' own records instead of in a hash table under locks.
 */
import { exchange, load, pause, slice, spins, store } from "#atomics";
import { offAbort, onAbort } from "./abort.js";
import { Alarm } from "./alarm.js";
import { clearRealTimeout, queueRealMicrotask, realNow, setRealTimeout } from "../memory/clock.js";
import { SLICE_MS } from "./crowd.js";
import { EagerLook } from "./eager-look.js";
import { type Heap, onHeap } from "../memory/heap.js";
import type { OwnLoop } from "../memory/liveness.js";
import { AWAITING, BLOCKING, HEADER, RECORD } from "../memory/layout.js";
import { keepsOrigins, type LongAwait, type LoopWatch, type WaitPlace, type Watch, watcher } from "./long-wait.js";
import { contain } from "../memory/mishap.js";
import { hasSpareCore } from "../platform/index.js";
import { Spin } from "../memory/spin.js";
import { AT_ONCE, within } from "../memory/time-limit.js";
import "./registry.js";
import { MOST_WANTED } from "./node-state.js";
import type { WaitQueue } from "./wait-queue.js";

/**
 * The longest while this thread waits in several heaps at once, and the wakers of one cannot find out where it sleeps.
 */
const NAP_MS = slice(1);
/** After so many slices a wait lasts: until then what is found by looking, a deadlock for one, is found soon. */
const LASTING = 4;
/**
 * Between two looks of a loop whether it can arm a node: it could not, since a stopped worker is inside the allocator.
 */
const ARMABLE_LOOK_MS = 25;
const DRAINING = "handing out wake-ups";
/**
 * Most looks at its node before a blocking caller sleeps: some 15 µs, less than waking a thread takes, let alone a core
 * that has halted.
 */
const MOST_LOOKS = 1000;

/**
 * Tries to get what is waited for; undefined when it cannot be had yet. `granted`: a wake-up was meant for this caller.
 * `node`: where it stands, 0 where it
 * found no node.
 */
export type Attempt<T> = (granted: boolean, node: number) => T | undefined;

/** One of the things that a caller waits for at the same time. */
export interface Contender<T> extends WaitPlace {
  readonly attempt: Attempt<T>;
  /** Of a place in a line that is kept in order; undefined elsewhere. */
  readonly priority?: number | undefined;
}

interface Waiter {
  readonly attempt: Attempt<unknown>;
  /** It has neither a deadline nor a signal. */
  readonly isEndless: boolean;
  /** Where it waits, if that is kept. */
  readonly origin: Error | undefined;
  readonly settle: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
}

interface AwaitedKey {
  readonly key: number;
  readonly node: number;
  /** Of one waiter that has its node for itself, since its line is kept in order; undefined elsewhere. */
  readonly priority: number | undefined;
  /** In order of arrival; as many as the node wants. */
  readonly waiters: Set<Waiter>;
  /** The first beat since the last of them came; 0 before it. */
  since: number;
}

/** In how many heaps this thread's loop awaits something. */
let loops = 0;
/** Over what it awaits, of each heap. */
const loopWatches: LoopWatch[] = [];

declare module "../memory/heap.js" {
  interface Heap {
    /** The calling worker's. */
    readonly parker: Parker;
  }
}

onHeap((heap) => {
  const parker = new Parker(heap);
  Object.assign(heap, { parker });
  heap.ownLoop = parker;
});

export class Parker implements OwnLoop {
  readonly #heap: Heap;
  readonly #awaited = new Map<number, AwaitedKey[]>();
  #pending = 0;
  #listening = false;
  #drainScheduled = false;
  #heartbeat: NodeJS.Timeout | undefined;
  readonly #eagerLook: EagerLook;
  /** How long a blocking caller of this thread looks before it sleeps. */
  readonly spin = new Spin(MOST_LOOKS);
  #watch: LoopWatch | undefined;
  /** How often a caller has come or gone, as of the last beat too, and how many beats ago that was. */
  #changes = 0;
  #changesSeen = 0;
  #beats = 0;
  /** What this loop awaits, as its watch is told, and how often callers had come and gone by then. */
  #longAwaits: readonly LongAwait[] = [];
  #listed = -1;

  constructor(heap: Heap) {
    this.#heap = heap;
    this.#eagerLook = new EagerLook(() => {
      if (load(heap.words, heap.record + RECORD.doorbell) === 0) return false;
      contain(DRAINING, () => this.#rung());
      return true;
    });
  }

  /** How many timers keep this thread alive for what its loop awaits of this library. */
  static get heartbeats(): number {
    return loops;
  }

  /**
   * Blocks the calling thread until an attempt succeeds; undefined once `deadline` has passed.
   * `idle`: the caller has looked for it in vain already, and waits for nothing that a dead worker could hold: it
   * sleeps at once, in one piece, and looks after nobody. Where a
   * signal interrupts that it gets undefined early, so that its event loop can turn.
   * `refusable`: where the wait is found to be part of a deadlock, it may end with an error. `priority`: its place in
   * the line.
   */
  blockUntil<T>(
    key: number,
    attempt: Attempt<T>,
    deadline: number,
    idle = false,
    refusable = true,
    priority = 0,
  ): T | undefined {
    const heap = this.#heap;
    const { waitQueue } = heap;
    const node = waitQueue.blockingNode();
    waitQueue.arm(node, key, BLOCKING, priority);
    let watch: Watch | undefined;
    /** How long it may sleep in one piece, 0 before the first slice has ended. */
    let piece = 0;
    let slices = 0;
    const timed: (granted: boolean) => T | undefined =
      deadline === Number.POSITIVE_INFINITY
        ? (granted) => attempt(granted, node)
        : (granted) => within(deadline, () => attempt(granted, node));
    try {
      // Before each attempt: a death of which all are told after it keeps this caller from sleeping.
      let deaths = load(heap.words, HEADER.deaths);
      let result = timed(false);
      let looks = !idle;
      while (result === undefined) {
        // Not after a slice in vain: what has not come in that time will not come in this.
        if (!(looks ? this.#looksFor(node) : waitQueue.hasGrant(node))) {
          const left = deadline - realNow();
          if (left <= 0) return undefined;
          const isOver = this.#sleepUnlessGranted(
            waitQueue,
            node,
            idle ? left : Math.min(left, piece || SLICE_MS),
            deaths,
          );
          // Without a grant it was its slice that ended, or somebody died.
          if (!waitQueue.hasGrant(node)) {
            looks = false;
            // Before it looks: of what it is told from here on it hears before it sleeps.
            deaths = load(heap.words, HEADER.deaths);
            if (isOver && !idle) piece = heap.registry.watch(++slices > LASTING);
            else heap.registry.heed();
            waitQueue.keepPlace(node);
            result = timed(false);
            if (idle) return result;
            if (result === undefined) {
              if (isOver) watch ??= watchOver([{ heap, key }], deadline, refusable);
              lookOver(watch);
            }
            continue;
          }
        }
        looks = !idle;
        if (waitQueue.useGrants(node) === 0) continue;
        result = timed(true);
        waitQueue.putDown(node);
      }
      return result;
    } finally {
      watch?.end();
      if (piece !== 0) heap.registry.endWatch();
      // A grant that came too late, or whose attempt threw, is meant for somebody.
      waitQueue.withdraw(node);
      waitQueue.passOnPending(node);
    }
  }

  /**
   * As `blockUntil`, for whichever of several things comes first, in one heap or in several. What had been granted for
   * the others is passed on. With nothing to wait for it blocks until the deadline.
   */
  static blockUntilAny<T>(contenders: readonly Contender<T>[], deadline: number): T | undefined {
    const heaps = [...new Set(contenders.map(({ heap }) => heap))];
    const places: { readonly contender: Contender<T>; readonly node: number }[] = [];
    let watch: Watch | undefined;
    let piece = 0;
    let slices = 0;
    const hasGrant = () => places.some(({ contender, node }) => contender.heap.waitQueue.hasGrant(node));
    const deathsNow = () => heaps.map(({ words }) => load(words, HEADER.deaths));
    let deaths = deathsNow();
    const isStirred = () =>
      hasGrant() || heaps.some(({ words }, index) => load(words, HEADER.deaths) !== deaths[index]);
    const attemptAll = () => {
      for (const contender of contenders) {
        const node = places.find((place) => place.contender === contender)?.node ?? 0;
        // One that a stopped worker keeps up must not keep the others from coming first.
        const result = within(AT_ONCE, () => contender.attempt(false, node));
        if (result !== undefined) return result;
      }
      return undefined;
    };
    try {
      for (const contender of contenders) {
        const { waitQueue } = contender.heap;
        // Without a node it is looked at with each slice.
        if (!waitQueue.canTakeNodes(1)) continue;
        const node = waitQueue.takeNode();
        waitQueue.arm(node, contender.key, BLOCKING, contender.priority);
        places.push({ contender, node });
      }
      let result: T | undefined = attemptAll();
      let looks = spins(MOST_LOOKS);
      while (result === undefined) {
        if (hasSpareCore()) for (; looks > 0 && !hasGrant(); looks -= 1 + places.length);
        if (!hasGrant()) {
          const left = deadline - realNow();
          if (left <= 0) return undefined;
          const isOver = Parker.#sleepInOneOf(heaps, isStirred, Math.min(left, piece || SLICE_MS));
          if (!hasGrant()) {
            deaths = deathsNow();
            if (isOver && ++slices > 0)
              piece = Math.min(...heaps.map(({ registry }) => registry.watch(slices > LASTING)));
            else for (const { registry } of heaps) registry.heed();
            for (const { contender, node } of places) contender.heap.waitQueue.keepPlace(node);
            result = attemptAll();
            if (result === undefined && contenders.length > 0) {
              if (isOver) watch ??= watchOver(contenders, deadline, true);
              lookOver(watch);
            }
            continue;
          }
        }
        looks = spins(MOST_LOOKS);
        for (const { contender, node } of places) {
          if (contender.heap.waitQueue.useGrants(node) === 0) continue;
          result = within(AT_ONCE, () => contender.attempt(true, node));
          contender.heap.waitQueue.putDown(node);
          if (result !== undefined) break;
        }
      }
      return result;
    } finally {
      watch?.end();
      if (piece !== 0) for (const { registry } of heaps) registry.endWatch();
      for (const { contender, node } of places) {
        const { waitQueue } = contender.heap;
        // What was granted to a loser while another won, or came too late, or whose attempt threw, is meant for
        // somebody.
        waitQueue.withdraw(node);
        waitQueue.passOnPending(node);
        waitQueue.putNode(node);
      }
    }
  }

  /** Whether a grant comes while this thread looks for it. */
  #looksFor(node: number): boolean {
    const { waitQueue } = this.#heap;
    for (let looks = this.spin.looks; looks > 0; looks--) {
      if (waitQueue.hasGrant(node)) {
        this.spin.paid();
        return true;
      }
    }
    this.spin.failed();
    return waitQueue.hasGrant(node);
  }

  /**
   * Raises the flag and sleeps until somebody lowers it, at most `ms`, unless the node has a grant. True when nobody
   * did, and it has none: the time is over. The flag goes up before the last look at the node: a waker grants first and
   * lowers the flag second, so one of the two sees the other. So it is with `deaths`, how many there were before the
   * last attempt.
   */
  #sleepUnlessGranted(look: Pick<WaitQueue, "hasGrant">, node: number, ms: number, deaths: number): boolean {
    const heap = this.#heap;
    const { words } = heap;
    const flag = heap.record + RECORD.blocking;
    store(words, flag, 1);
    if (!look.hasGrant(node) && load(words, HEADER.deaths) === deaths) heap.sleep(flag, 1, ms);
    return exchange(words, flag, 0) === 1 && !look.hasGrant(node) && load(words, HEADER.deaths) === deaths;
  }

  /**
   * The same for the nodes of several heaps: sleeps in one of them, with word left in the others where. Without any it
   * is a pause.
   */
  static #sleepInOneOf(heaps: readonly Heap[], isStirred: () => boolean, ms: number): boolean {
    const bed = heaps.find((each) => heaps.every((heap) => heap === each || heap.sleepingIn(each) !== 0)) ?? heaps[0];
    if (bed === undefined) {
      pause(ms);
      return true;
    }
    const others = heaps.filter((heap) => heap !== bed);
    let longest = ms;
    for (const heap of others) {
      const word = heap.sleepingIn(bed);
      // Raised before the last look too, so a waker that grants later reads it.
      if (word === 0) longest = Math.min(longest, NAP_MS);
      else store(heap.words, heap.record + RECORD.blocking, word);
    }
    const quiet = bed.parker.#sleepUnlessGranted({ hasGrant: isStirred }, 0, longest, load(bed.words, HEADER.deaths));
    for (const heap of others) store(heap.words, heap.record + RECORD.blocking, 0);
    return quiet;
  }

  /**
   * Resolves once an attempt succeeds, with undefined once `deadline` has passed; rejects with the signal's reason, or
   * with what an attempt throws.
   * `looked`: the caller has looked for it in vain already, so the loop may sleep at once. `priority`: its place in a
   * line that is kept in order.
   */
  waitUntil<T>(
    key: number,
    attempt: Attempt<T>,
    deadline: number,
    signal: AbortSignal | undefined,
    looked = false,
    priority?: number,
  ): Promise<T | undefined> {
    if (!this.#heap.waitQueue.canTakeNodes(1))
      return whenArmable([this.#heap], deadline, signal).then((isIt) =>
        isIt ? this.waitUntil(key, attempt, deadline, signal, looked, priority) : undefined,
      );
    return new Promise((resolve, reject) => {
      let alarm: Alarm | undefined;
      const done = () => {
        alarm?.clear();
        offAbort(signal, abort);
        this.#rest();
      };
      const waiter: Waiter = {
        attempt,
        isEndless: deadline === Number.POSITIVE_INFINITY && signal === undefined,
        origin: keepsOrigins ? new Error() : undefined,
        settle: (value) => {
          done();
          resolve(value as T | undefined);
        },
        fail: (error) => {
          done();
          reject(error);
        },
      };
      const abort = () => {
        if (this.#leave(awaited, waiter)) this.#passOn(awaited);
        waiter.fail(signal?.reason);
      };
      const expire = () => {
        if (!this.#leave(awaited, waiter)) {
          waiter.settle(undefined);
          return;
        }
        // A wake-up came as time ran out: it is used, or passed on.
        let result: unknown;
        try {
          result = within(AT_ONCE, () => attempt(true, awaited.node));
        } catch (error) {
          this.#passOn(awaited);
          waiter.fail(error);
          return;
        }
        if (result === undefined) this.#passOn(awaited);
        else this.#putDown(awaited);
        waiter.settle(result);
      };
      const awaited = this.#enter(key, waiter, priority);
      this.#stir();
      if (this.#attempt(awaited, waiter, false)) return;
      onAbort(signal, abort);
      // A user's getter may have run while the value was encoded, and aborted.
      if (signal?.aborted === true) {
        abort();
        return;
      }
      if (deadline !== Number.POSITIVE_INFINITY) alarm = new Alarm(deadline, expire);
      this.#listen(looked);
    });
  }

  /**
   * As `waitUntil`, for whichever of several things comes first, in one heap or in several. What had been granted for
   * the others is passed on. `watch` is given a way to end the wait, with undefined, as if its time had run out; it
   * returns how to stop watching.
   */
  static waitUntilAny<T>(
    contenders: readonly Contender<T>[],
    deadline: number,
    signal: AbortSignal | undefined,
    watch: (rouse: () => void) => () => void,
  ): Promise<T | undefined> {
    const heaps = contenders.map(({ heap }) => heap);
    if (!areArmable(heaps))
      return whenArmable(heaps, deadline, signal).then((areThey) =>
        areThey ? Parker.waitUntilAny(contenders, deadline, signal, watch) : undefined,
      );
    return new Promise((resolve, reject) => {
      const places: { readonly contender: Contender<T>; readonly awaited: AwaitedKey; readonly waiter: Waiter }[] = [];
      let alarm: Alarm | undefined;
      let unwatch = () => {};
      let over = false;
      // A promise among the things is settled by this very loop: nothing else than what the loop awaits.
      const isEndless = deadline === Number.POSITIVE_INFINITY && signal === undefined;
      const origin = keepsOrigins ? new Error() : undefined;
      /** Leaves every line but that of `winner`, who has left it already. */
      const end = (winner?: Contender<T>) => {
        over = true;
        alarm?.clear();
        offAbort(signal, abort);
        unwatch();
        for (const { contender, awaited, waiter } of places) {
          const { parker } = contender.heap;
          if (contender !== winner && parker.#leave(awaited, waiter)) parker.#passOn(awaited);
          parker.#rest();
        }
      };
      const abort = () => {
        end();
        reject(signal?.reason);
      };
      const rouse = () => {
        end();
        resolve(undefined);
      };
      try {
        for (const contender of contenders) {
          const { heap, key, attempt, priority } = contender;
          const waiter: Waiter = {
            // Two of its places may be in one node, or be attempted in one go: never after the first success.
            attempt: (granted, node) => (over ? undefined : attempt(granted, node)),
            isEndless,
            origin,
            settle: (value) => {
              end(contender);
              resolve(value as T);
            },
            fail: (error) => {
              end(contender);
              reject(error);
            },
          };
          places.push({ contender, awaited: heap.parker.#enter(key, waiter, priority), waiter });
          heap.parker.#stir();
        }
      } catch (error) {
        end();
        throw error;
      }
      for (const { contender, awaited, waiter } of places)
        if (contender.heap.parker.#attempt(awaited, waiter, false)) return;
      onAbort(signal, abort);
      if (signal?.aborted === true) {
        abort();
        return;
      }
      if (deadline !== Number.POSITIVE_INFINITY) alarm = new Alarm(deadline, rouse);
      unwatch = watch(rouse);
      for (const { contender } of places) contender.heap.parker.#listen();
    });
  }

  /** A waker on this very thread granted something to one of its awaiting callers: no doorbell is needed. */
  drainSoon(): void {
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    queueRealMicrotask(() => {
      this.#drainScheduled = false;
      contain(DRAINING, () => this.#rung());
    });
  }

  /** Whether a caller that this thread's loop awaits comes before a newcomer of that priority. */
  isAwaitedBefore(key: number, priority: number): boolean {
    return (
      this.#awaited.get(key)?.some((awaited) => awaited.priority !== undefined && awaited.priority >= priority) === true
    );
  }

  #enter(key: number, waiter: Waiter, priority: number | undefined): AwaitedKey {
    const { waitQueue } = this.#heap;
    let queues = this.#awaited.get(key);
    if (queues === undefined) this.#awaited.set(key, (queues = []));
    let awaited = queues.at(-1);
    // A node has the age of its oldest waiter: where the line is kept in order, each has one of its own.
    if (priority !== undefined || awaited === undefined || awaited.waiters.size >= MOST_WANTED)
      queues.push((awaited = { key, node: waitQueue.takeNode(), priority, waiters: new Set(), since: 0 }));
    waitQueue.arm(awaited.node, key, AWAITING, priority);
    awaited.waiters.add(waiter);
    awaited.since = 0;
    this.#changes++;
    this.#watch?.end();
    return awaited;
  }

  /**
   * Withdraws a waiter; true when a grant had been won for it, which is pending, and has to be put down or passed on:
   * until then the node is not given back.
   */
  #leave(awaited: AwaitedKey, waiter: Waiter): boolean {
    awaited.waiters.delete(waiter);
    this.#changes++;
    this.#watch?.end();
    const won = this.#heap.waitQueue.withdraw(awaited.node);
    if (!won) this.#forgetIfEmpty(awaited);
    return won;
  }

  #putDown(awaited: AwaitedKey): void {
    this.#heap.waitQueue.putDown(awaited.node);
    this.#forgetIfEmpty(awaited);
  }

  #passOn(awaited: AwaitedKey): void {
    // The waiter that leaves is settled next, even if this fails.
    contain("passing on a wake-up", () => void this.#heap.waitQueue.wake(awaited.key, 1));
    this.#putDown(awaited);
  }

  #forgetIfEmpty(awaited: AwaitedKey): void {
    if (awaited.waiters.size > 0) return;
    this.#heap.waitQueue.putNode(awaited.node);
    const queues = this.#awaited.get(awaited.key)!;
    queues.splice(queues.indexOf(awaited), 1);
    if (queues.length === 0) this.#awaited.delete(awaited.key);
  }

  /**
   * Attempts for an armed waiter; true when it is settled. A grant that comes while it leaves, or whose attempt throws,
   * is passed on. `granted`: one is pending.
   */
  #attempt(awaited: AwaitedKey, waiter: Waiter, granted: boolean): boolean {
    let result: unknown;
    try {
      result = within(AT_ONCE, () => waiter.attempt(granted, awaited.node));
    } catch (error) {
      if (granted) this.#passOn(awaited);
      if (this.#leave(awaited, waiter)) this.#passOn(awaited);
      waiter.fail(error);
      return true;
    }
    if (granted) this.#heap.waitQueue.putDown(awaited.node);
    if (result === undefined) return false;
    if (this.#leave(awaited, waiter)) this.#passOn(awaited);
    waiter.settle(result);
    return true;
  }

  /** Without a grant somebody has died: each caller may find now what it waits for. */
  #rung(): void {
    if (!this.#drain()) this.#attemptAll();
  }

  /** Hands out what was granted. False if nothing was. */
  #drain(): boolean {
    const { words, record, waitQueue } = this.#heap;
    let any = false;
    // Lowered before the nodes are read: a grant made after this rings again.
    store(words, record + RECORD.doorbell, 0);
    for (const queues of [...this.#awaited.values()]) {
      for (const awaited of [...queues]) {
        let grants = waitQueue.useGrants(awaited.node);
        any ||= grants > 0;
        for (const waiter of awaited.waiters) {
          if (grants <= 0) break;
          grants--;
          this.#attempt(awaited, waiter, true);
        }
        // A waiter that stood here twice has left both places.
        if (grants > 0) waitQueue.wake(awaited.key, grants);
        waitQueue.putDown(awaited.node, grants);
      }
    }
    return any;
  }

  #attemptAll(): void {
    for (const queues of [...this.#awaited.values()]) {
      for (const awaited of [...queues]) {
        for (const waiter of [...awaited.waiters]) if (!this.#attempt(awaited, waiter, false)) break;
      }
    }
  }

  #listen(looked = false): void {
    if (this.#pending === 0) return;
    if (!looked) this.#eagerLook.start();
    if (this.#listening) return;
    this.#listening = true;
    this.#heap.listen(() => {
      this.#listening = false;
      this.#eagerLook.stop();
      contain(DRAINING, () => this.#rung());
      contain("listening for wake-ups", () => this.#listen());
    });
  }

  /**
   * From the first pending await to the last: a handle that keeps the program alive, which neither `waitAsync` nor the
   * pipe does, and the backstop of slices.
   */
  #stir(): void {
    if (this.#pending++ > 0) return;
    loops++;
    this.#heartbeat ??= setRealTimeout(() => this.#beat(), SLICE_MS);
    this.#heartbeat.ref();
  }

  #rest(): void {
    if (--this.#pending > 0) return;
    loops--;
    this.#heartbeat?.unref();
    this.#heap.registry.endWatch();
  }

  #beat(): void {
    if (this.#pending === 0) {
      this.#heartbeat = undefined;
      return;
    }
    const changes = this.#changes;
    if (changes !== this.#changesSeen) this.#beats = 0;
    this.#changesSeen = changes;
    let piece = SLICE_MS;
    contain("looking for workers that ended", () => {
      piece = this.#heap.registry.watch(++this.#beats > LASTING);
    });
    contain(DRAINING, () => {
      this.#drain();
      for (const queues of this.#awaited.values())
        for (const awaited of queues) this.#heap.waitQueue.keepPlace(awaited.node);
      this.#attemptAll();
    });
    // What has just come to somebody in this very beat, its code goes on with only after it: nobody can say yet that
    // this loop has nothing to do.
    if (watcher !== undefined && changes === this.#changes)
      contain("looking for deadlocks", () => void within(AT_ONCE, () => this.#lookAfterLoop()));
    this.#heartbeat = setRealTimeout(() => this.#beat(), piece);
    if (this.#pending === 0) this.#heartbeat.unref();
  }

  #lookAfterLoop(): void {
    if (this.#listed !== this.#changes) {
      this.#listed = this.#changes;
      this.#longAwaits = this.#listAwaits(realNow());
    }
    if (this.#watch === undefined) {
      this.#watch = watcher?.awaits(this.#heap);
      if (this.#watch !== undefined) loopWatches.push(this.#watch);
    }
    this.#watch?.look(this.#longAwaits, loops);
  }

  #listAwaits(now: number): LongAwait[] {
    return [...this.#awaited.values()].flat().map((awaited) => {
      const waiters = [...awaited.waiters];
      awaited.since ||= now;
      return {
        key: awaited.key,
        since: awaited.since,
        isEndless: waiters.every(({ isEndless }) => isEndless),
        origin: waiters[0]?.origin,
      };
    });
  }
}

/** Whether this thread's loop can take a waiter node for each of these places, however many there are in one heap. */
function areArmable(heaps: readonly Heap[]): boolean {
  return heaps.every(({ waitQueue }) => waitQueue.canTakeNodes(heaps.length));
}

/**
 * Resolves with true once that is so, with false once `deadline` has passed; rejects with the signal's reason. It keeps
 * the program alive.
 */
function whenArmable(heaps: readonly Heap[], deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const look = () => {
      if (signal?.aborted === true) reject(signal.reason);
      else if (areArmable(heaps)) resolve(true);
      else if (isOver) resolve(false);
      else {
        timer = setRealTimeout(look, ARMABLE_LOOK_MS);
        return;
      }
      alarm.clear();
    };
    const alarm = new Alarm(deadline, () => {
      isOver = true;
      clearRealTimeout(timer);
      look();
    });
    look();
  });
}

/**
 * Telling of a long wait needs memory: where a stopped worker is inside the allocator, that is told at a later look.
 */
function lookOver(watch: Watch | undefined): void {
  if (watch !== undefined) within(AT_ONCE, () => watch.look());
}

function watchOver(places: readonly WaitPlace[], deadline: number, refusable: boolean): Watch | undefined {
  // What this thread's loop said of itself holds no longer, in any heap: it is running, and blocked.
  for (const watch of loopWatches) watch.end();
  return watcher?.blocks({ places, since: realNow() - SLICE_MS, deadline, refusable });
}
