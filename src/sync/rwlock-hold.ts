import { portray } from "../codec/portrait.js";
import { NotOwnerError } from "../errors/index.js";
import type { Held } from "./held.js";

/** A side of an RWLock, as a hold of it ends. */
export interface HeldSide {
  /** Leaves it; does nothing when the lock was freed. */
  end(): void;
  give(worker: number): void;
}

/** One hold of an RWLock. */
export class RWHeld implements Held {
  readonly #side: HeldSide;
  readonly ownerDied: boolean;
  #over = false;
  constructor(side: HeldSide, ownerDied: boolean) {
    this.#side = side;
    this.ownerDied = ownerDied;
  }
  handOff(worker: number): void {
    if (this.#over) throw new NotOwnerError("this hold of an RWLock is over");
    this.#side.give(worker);
    this.#over = true;
  }
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#side.end();
  }
}
portray(
  RWHeld,
  ({ ownerDied }) => ({ ownerDied }),
  "a hold stays with its worker: give it on by held.handOff(worker), or send the object and acquire it there",
);
