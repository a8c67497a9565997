const UNKNOWN = 0;
const FAILED = 1;
const DONE = 2;

/** What a journal knows of each index: nine bytes an item, so that a journal of millions fits. */
export class KnownItems {
  #digests = new BigUint64Array(1024);
  #states = new Uint8Array(1024);
  /** One more than the highest index. */
  size = 0;

  set(index: number, digest: string, isDone: boolean): void {
    if (index >= this.#states.length) this.#grow(index + 1);
    this.#digests[index] = BigInt(`0x${digest}`);
    this.#states[index] = isDone ? DONE : FAILED;
    this.size = Math.max(this.size, index + 1);
  }

  /** "changed": it was known with another input. */
  stateOf(index: number, digest: string): "unknown" | "failed" | "done" | "changed" {
    const state = this.#states[index] ?? UNKNOWN;
    if (state === UNKNOWN) return "unknown";
    if (this.#digests[index] !== BigInt(`0x${digest}`)) return "changed";
    return state === DONE ? "done" : "failed";
  }

  #grow(size: number): void {
    const length = Math.max(size, 2 * this.#states.length);
    const [digests, states] = [new BigUint64Array(length), new Uint8Array(length)];
    digests.set(this.#digests);
    states.set(this.#states);
    [this.#digests, this.#states] = [digests, states];
  }
}
