import { clearRealInterval, EagerLook, realNow, setRealInterval, setRealTimeout, SLICE_MS, untimed } from "../memory/index.js";
import type { Crew } from "./crew.js";
import type { Member } from "./member.js";
import type { WorkerModel } from "./worker-model.js";

/**
 * How a pool learns of results: it looks for them in turns of its event loop while they come quickly, and sleeps when not. Threads wake it by their ports, which takes the least
 * code on the way to a caller whose code is cold; processes by the heap, as whoever awaits something.
 */
export class Lookout {
  readonly #crew: Crew;
  readonly #model: WorkerModel;
  readonly #drain: () => number;
  readonly #look: EagerLook;
  #isWatching = false;
  #isAsleep = false;
  /** While it sleeps: a port that nobody may write to any more does not keep the program alive. */
  #backstop: NodeJS.Timeout | undefined;

  constructor(crew: Crew, model: WorkerModel, drain: () => number) {
    this.#crew = crew;
    this.#model = model;
    this.#drain = drain;
    this.#look = new EagerLook(
      () => {
        if (drain() === 0) return false;
        this.#isWatching = false;
        this.watch();
        return true;
      },
      () => this.#sleep(),
    );
  }

  /** Something is expected, as long as jobs are in lanes. `sleeps`: looking for it will not pay. */
  watch(sleeps = false): void {
    if (this.#isWatching || this.#crew.inFlight === 0) return;
    this.#isWatching = true;
    if (sleeps || !this.#look.start()) this.#sleep();
  }

  /** A new member: it must wake a pool that sleeps, as the others do. */
  include(member: Member): void {
    if (this.#isAsleep) member.owner.raiseFlag();
    member.owner.listen(() => this.#rung());
  }

  /** Nothing is expected any more. Otherwise the wait, and the program with it, would go on to its next slice. */
  settle(): void {
    if (!this.#isAsleep || this.#crew.inFlight > 0) return;
    if (this.#model.boundary === "threads") this.#wakeUp();
    else this.#model.heap.waitQueue.wake(this.#crew.key, 1);
  }

  /** Waits until a worker says that there is a result. Meanwhile the program stays alive. */
  #sleep(): void {
    if (this.#model.boundary === "threads") {
      this.#backstop ??= setRealInterval(() => this.#beat(), SLICE_MS);
      this.#backstop.ref();
      this.#lookAndSleep();
      return;
    }
    const { parker } = this.#model.heap;
    void parker
      // Results are taken there, and what was taken must be dealt with: without a time limit.
      .waitUntil(this.#crew.key, () => untimed(() => this.#lastLook()) || undefined, Number.POSITIVE_INFINITY, undefined, true)
      .then(
        () => {
          this.#drain();
          this.#wakeUp();
        },
        // Its own place in the line was written over: what comes is found by looking.
        () =>
          setRealTimeout(() => {
            this.#drain();
            this.#wakeUp();
          }, SLICE_MS),
      );
  }

  /** Raises the flags and looks once more: a worker commits first and looks at its flag second, so one of the two sees the other. Whether there is no need to sleep. */
  #lastLook(): boolean {
    this.#isAsleep = true;
    for (const member of this.#crew) member.owner.raiseFlag();
    if (this.#drain() > 0 || this.#crew.inFlight === 0) return true;
    const now = realNow();
    if (now - this.#mended >= SLICE_MS) {
      this.#mended = now;
      for (const member of this.#crew) if (!member.owner.mend(member.inFlight.length)) this.#crew.kill(member);
    }
    return false;
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
    for (const member of this.#crew) member.owner.lowerFlag();
    this.watch();
  }

  /** Something came through a port. Who posted it has lowered the flag: it is raised again if this was not what is waited for. */
  #rung(): void {
    if (this.#drain() > 0) this.#wakeUp();
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
