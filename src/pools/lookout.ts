import { EagerLook, type Heap } from "../memory/index.js";
import type { Crew } from "./crew.js";
import type { Member } from "./member.js";

/** How a pool learns of results: it looks for them in turns of its event loop while they come quickly, and sleeps when not. */
export class Lookout {
  readonly #crew: Crew;
  readonly #model: { readonly heap: Heap };
  readonly #drain: () => number;
  readonly #look: EagerLook;
  #isWatching = false;
  #isAsleep = false;

  constructor(crew: Crew, model: { readonly heap: Heap }, drain: () => number) {
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

  /** Something is expected, as long as jobs are in lanes. */
  watch(): void {
    if (this.#isWatching || this.#crew.inFlight === 0) return;
    this.#isWatching = true;
    if (!this.#look.start()) this.#sleep();
  }

  /** A new member: it must wake a pool that sleeps, as the others do. */
  include(member: Member): void {
    if (this.#isAsleep) member.owner.raiseFlag();
  }

  /** Nothing is expected any more. Otherwise the wait, and the program with it, would go on to its next slice. */
  settle(): void {
    if (this.#isAsleep && this.#crew.inFlight === 0) this.#model.heap.waitQueue.wake(this.#crew.key, 1);
  }

  /** Waits until a worker says that there is a result. Meanwhile the program stays alive. */
  #sleep(): void {
    const { parker } = this.#model.heap;
    const attempt = () => {
      // Raised before the last look: a worker commits first and looks at the flag second, so one of the two sees the other.
      this.#isAsleep = true;
      for (const member of this.#crew) member.owner.raiseFlag();
      return this.#drain() > 0 || this.#crew.inFlight === 0 || undefined;
    };
    void parker.waitUntil(this.#crew.key, attempt, Number.POSITIVE_INFINITY, undefined, true).then(() => {
      this.#isAsleep = false;
      this.#isWatching = false;
      for (const member of this.#crew) member.owner.lowerFlag();
      this.#drain();
      this.watch();
    });
  }
}
