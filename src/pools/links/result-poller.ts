import { atomics, clearRealInterval, realNow, setRealInterval, setRealTimeout, untimed } from "../../memory/index.js";
import { EagerLook, SLICE_MS } from "../../parking/index.js";
import { OWNER_BLOCKED } from "../../workers/lane.js";
import type { LinkedPool } from "../link.js";
import type { LaneLink } from "./lane-link.js";
import type { WorkerStarter } from "./started-worker.js";

/**
 * How a pool learns of results: it looks for them in turns of its event loop while they come quickly, and sleeps when
 * not. Threads wake it by their ports, which takes the least code on the way to a caller whose code is cold; processes
 * by the heap, as any awaiting waiter is woken.
 */
export class ResultPoller {
  readonly #links: Iterable<LaneLink>;
  readonly #starter: WorkerStarter;
  readonly #pool: LinkedPool;
  /** What a pool of processes waits for. */
  readonly #key: () => number;
  readonly #look: EagerLook;
  #isWatching = false;
  #isAsleep = false;
  /** While it sleeps: a port that nobody may write to any more does not keep the program alive. */
  #backstop: NodeJS.Timeout | undefined;

  constructor(links: Iterable<LaneLink>, starter: WorkerStarter, pool: LinkedPool, key: () => number) {
    this.#links = links;
    this.#starter = starter;
    this.#pool = pool;
    this.#key = key;
    this.#look = new EagerLook(
      () => {
        if (pool.drain() === 0) return false;
        this.#isWatching = false;
        this.watch();
        return true;
      },
      () => this.#sleep(),
    );
  }

  /** Something is expected, as long as jobs are in lanes. `sleeps`: looking for it will not pay. */
  watch(sleeps = false): void {
    if (this.#isWatching || !this.#pool.isExpecting) return;
    this.#isWatching = true;
    if (sleeps || !this.#look.start()) this.#sleep();
  }

  /** A new worker: it must wake a pool that sleeps, as the others do. */
  include(link: LaneLink): void {
    if (this.#isAsleep) link.owner.raiseFlag();
    link.owner.listen(() => this.#rung());
  }

  /** Nothing is expected any more. Otherwise the wait, and the program with it, would go on to its next slice. */
  settle(): void {
    if (this.#isAsleep && !this.#pool.isExpecting) this.#stir();
  }

  /** Ends the sleep of the event loop. */
  #stir(): void {
    if (this.#starter.boundary === "threads") this.#wakeUp();
    else this.#starter.heap.waitQueue.wake(this.#key(), 1);
  }

  /** Blocks this thread until a worker tells of a result, or is known to have died; at most until `until`. */
  block(until: number): void {
    const key = this.#key();
    if (key === 0) atomics.pause(Math.max(0, Math.min(SLICE_MS, until - realNow())));
    // By another key than the loop's: a wait of that may stand in the line before this one.
    else this.#starter.heap.parker.blockUntil(key + 1, () => this.#hasCome() || undefined, until);
    for (const { owner } of this.#links) owner.lowerFlag();
    this.#mend();
  }

  /**
   * Takes nothing in: a result may call the user's code, which may wait by the same node. The flags go up first, as in
   * `#lastLook`.
   */
  #hasCome(): boolean {
    let hasCome = false;
    for (const link of this.#links) {
      link.owner.raiseFlag(OWNER_BLOCKED);
      if (link.owner.hasResult || link.isDead) hasCome = true;
    }
    return hasCome;
  }

  /** The thread was blocked: what the event loop waited for may have come, and its flags are down. */
  unblock(): void {
    if (this.#isAsleep && this.#lastLook()) this.#stir();
    this.watch();
  }

  /** Waits until a worker says that there is a result. Meanwhile the program stays alive. */
  #sleep(): void {
    if (this.#starter.boundary === "threads") {
      this.#backstop ??= setRealInterval(() => this.#beat(), SLICE_MS);
      this.#backstop.ref();
      this.#lookAndSleep();
      return;
    }
    const { parker } = this.#starter.heap;
    void parker
      // Results are taken there, and what was taken must be dealt with: without a time limit.
      .waitUntil(
        this.#key(),
        () => untimed(() => this.#lastLook()) || undefined,
        Number.POSITIVE_INFINITY,
        undefined,
        true,
      )
      .then(
        () => {
          this.#pool.drain();
          this.#wakeUp();
        },
        // Its own place in the line was written over: what comes is found by looking.
        () =>
          setRealTimeout(() => {
            this.#pool.drain();
            this.#wakeUp();
          }, SLICE_MS),
      );
  }

  /**
   * Raises the flags and looks once more: a worker commits first and looks at its flag second, so one of the two sees
   * the other. Whether there is no need to sleep.
   */
  #lastLook(): boolean {
    this.#isAsleep = true;
    for (const link of this.#links) link.owner.raiseFlag();
    if (this.#pool.drain() > 0 || !this.#pool.isExpecting) return true;
    this.#mend();
    return false;
  }

  /** Now and then, in case the words of the lanes were written over. */
  #mend(): void {
    const now = realNow();
    if (now - this.#mended < SLICE_MS) return;
    this.#mended = now;
    for (const link of this.#links) if (!link.mend()) link.watch.corrupt();
  }
  #mended = realNow();

  #lookAndSleep(): void {
    if (this.#lastLook()) this.#wakeUp();
  }

  #wakeUp(): void {
    if (!this.#isAsleep) return;
    this.#isAsleep = false;
    this.#isWatching = false;
    this.#backstop?.unref();
    for (const link of this.#links) link.owner.lowerFlag();
    this.watch();
  }

  /**
   * Something came through a port. Who posted it has lowered the flag: it is raised again if this was not what is
   * waited for.
   */
  #rung(): void {
    if (this.#pool.drain() > 0) this.#wakeUp();
    else if (this.#isAsleep) this.#lookAndSleep();
  }

  #beat(): void {
    if (this.#isAsleep) this.#lookAndSleep();
    else {
      clearRealInterval(this.#backstop);
      this.#backstop = undefined;
    }
  }
}
