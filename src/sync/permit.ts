import { portray } from "../codec/portrait.js";
import { NotOwnerError } from "../errors/index.js";
import type { Held } from "./held.js";

export const giveBack: unique symbol = Symbol("giveBack");
export const handOff: unique symbol = Symbol("handOff");

/** Where permits come from. */
interface Source {
  [giveBack](era: number, count: number): void;
  [handOff](worker: number, era: number, count: number): void;
}

/** What one request has of a semaphore: a permit, or as many as it asked for. */
export class Permit implements Held {
  readonly #semaphore: Source;
  /** Of its semaphore in this worker, when it was taken. */
  readonly #era: number;
  readonly #count: number;
  readonly ownerDied: boolean;
  #over = false;
  constructor(semaphore: Source, era: number, count: number, ownerDied: boolean) {
    this.#semaphore = semaphore;
    this.#era = era;
    this.#count = count;
    this.ownerDied = ownerDied;
  }
  handOff(worker: number): void {
    if (this.#over) throw new NotOwnerError("this permit was given back already");
    this.#semaphore[handOff](worker, this.#era, this.#count);
    this.#over = true;
  }
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#semaphore[giveBack](this.#era, this.#count);
  }
}
portray(
  Permit,
  ({ ownerDied }) => ({ ownerDied }),
  "a permit stays with its worker: send the semaphore, and acquire or release it there",
);
