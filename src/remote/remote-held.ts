import { clearRealTimeout, realNow, setRealTimeout } from "../memory/index.js";
import { RemoteUnavailableError } from "../errors/index.js";

/** The permits that a hold is of. */
interface HeldPermits {
  readonly lease: number;
  /** Whether the lease was not over and lasts anew. */
  renew(id: string): Promise<boolean>;
  giveBack(id: string): Promise<void>;
  /** The hold is over. */
  gone(): void;
}

/**
 * A hold of a remote lock or semaphore. It is renewed until it is released; a program that is not heard of in time has
 * lost it, and hears so by `signal`.
 */
export class RemoteHeld implements AsyncDisposable {
  /**
   * Greater than that of every hold before, also after a server lost its data as long as its clock goes forward. Give
   * it to what the lock guards, which so refuses who comes late. It fits into 63 bits.
   */
  readonly token: bigint;
  readonly #permits: HeldPermits;
  readonly #id: string;
  readonly #lost = new AbortController();
  #isReleased = false;
  #renewedAt: number;
  #timer: NodeJS.Timeout;

  /** @internal Made by `acquire`. */
  constructor(permits: HeldPermits, id: string, token: bigint, at: number) {
    this.#permits = permits;
    this.#id = id;
    this.token = token;
    this.#renewedAt = at;
    this.#timer = this.#later();
  }

  /** Aborts when the lease was lost: somebody else may hold it from then on. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Neither released nor lost, as far as is known here. */
  get isHeld(): boolean {
    return !this.#isReleased && !this.#lost.signal.aborted;
  }

  /**
   * Gives it back. A second call, or one of a hold that was lost, does nothing.
   *
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE` when the server refuses it; it is free once the lease is over
   * @remarks **Cost:** one question to the server.
   */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    clearRealTimeout(this.#timer);
    try {
      await this.#permits.giveBack(this.#id);
    } finally {
      this.#permits.gone();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #later(): NodeJS.Timeout {
    return setRealTimeout(() => void this.#renew(), this.#permits.lease / 3);
  }

  async #renew(): Promise<void> {
    const asked = realNow();
    // Without an answer the lease is over when it is over.
    const late = setRealTimeout(() => this.#lose(), Math.max(0, this.#renewedAt + this.#permits.lease - asked));
    try {
      if (await this.#permits.renew(this.#id)) this.#renewedAt = asked;
      else this.#lose();
    } catch {
      // The next attempt may come through.
    } finally {
      clearRealTimeout(late);
    }
    if (realNow() - this.#renewedAt > this.#permits.lease) this.#lose();
    if (this.isHeld) this.#timer = this.#later();
  }

  #lose(): void {
    if (!this.isHeld) return;
    this.#lost.abort(
      new RemoteUnavailableError("the lease was not renewed in time: somebody else may hold it by now", {
        reason: "lost",
      }),
    );
    this.#isReleased = true;
    this.#permits.gone();
  }
}
