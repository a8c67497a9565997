/** How a run hears that nobody wants its outcome any more. An AbortSignal would cost more than a short task. */
export class RunStop {
  #isAsked = false;
  #reason: unknown;
  #told: ((reason: unknown) => void) | undefined;

  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** The first reason counts. */
  ask(reason: unknown): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#reason = reason;
    this.#told?.(reason);
  }

  /** @throws the reason, once it was asked */
  throwIfAsked(): void {
    if (this.#isAsked) throw this.#reason;
  }

  /** From now on `told` is who hears of it, and nobody else. */
  tell(told: (reason: unknown) => void): void {
    this.#told = told;
    if (this.#isAsked) told(this.#reason);
  }
}
