import { RemoteUnavailableError } from "../errors/index.js";
import { clearRealTimeout, setRealTimeout } from "../memory/index.js";
import type { Job } from "../pools/job.js";
import type { LinkedPool, LinkWatch, WorkerLink } from "../pools/link.js";
import type { Engine, EngineWatch, Entry, LookedUp, Outcome } from "./engine.js";
import { decoded, readOutcome } from "./outcome-reader.js";
import { Payloads } from "./payloads.js";
import { type Pending, PendingCalls } from "./pending-calls.js";
import { idConflict, type RemoteCargo } from "./remote-cargo.js";

/** Entries that go to the server together. */
const MOST_TOGETHER = 500;
/** Ids that are looked up together. */
const MOST_LOOKED_UP = 500;
/** How long a link that is to end waits for the server to hear of it. */
const FAREWELL_MS = 2000;
const DONE = { exitCode: 0, signal: undefined, cause: undefined, outOfMemory: false } as const;

/**
 * The way to a queue: one worker, which takes all jobs, wherever they run. Its places are how many tasks this pool has
 * at the server.
 *
 * What the server tells is a hint. Each id that is pending is looked up again and again, so that no outcome depends on
 * an event that was missed.
 */
export class RemoteLink implements WorkerLink, EngineWatch {
  readonly pid = undefined;
  readonly threadId = 0;
  readonly worker = 0;
  readonly depth = 0;
  readonly isDeferred = false;
  readonly isReady = true;
  readonly isAsleep = false;
  readonly isParent = false;
  width: number;
  readonly #watch: LinkWatch;
  readonly #engine: Engine;
  readonly #sweepEvery: number;
  readonly #payloads: Payloads;
  readonly #pending: PendingCalls;
  #batch: Pending[] = [];
  #willSend = false;
  #started: Promise<void> | undefined;
  /** What was asked of the server and is not answered. */
  readonly #asked = new Set<Promise<unknown>>();
  #sweeper: NodeJS.Timeout | undefined;
  #isSweeping = false;
  #lastSwept = 0;
  #epoch: string | undefined;
  #isEnding = false;
  #isOver = false;

  constructor(watch: LinkWatch, pool: LinkedPool, engine: Engine, width: number, sweepEvery: number) {
    this.#watch = watch;
    this.#pending = new PendingCalls(watch, pool, () => this.#keepSweeping());
    this.#engine = engine;
    this.width = width;
    this.#sweepEvery = sweepEvery;
    this.#payloads = new Payloads(() => engine.values);
  }

  get isOpen(): boolean {
    return !this.#isEnding;
  }

  prepare(): boolean {
    return true;
  }
  send(job: Job): boolean {
    const cargo = job.cargo as RemoteCargo;
    const same = this.#pending.get(cargo.id);
    if (same !== undefined) {
      if (same.cargo.digest === cargo.digest) same.jobs.push(job);
      else this.#later(() => this.#pending.fail(job, idConflict(cargo)));
      return true;
    }
    this.#batch.push(this.#pending.add(job));
    if (!this.#willSend) {
      this.#willSend = true;
      void Promise.resolve().then(() => this.#sendSoon());
    }
    this.#keepSweeping();
    return true;
  }

  takeBack(): boolean {
    return false;
  }

  /** What no worker has begun, as far as is known, is taken from the queue again. */
  recall(job: Job): boolean {
    const pending = this.#pending.of(job);
    if (pending === undefined || pending.hasBegun) return false;
    this.#pending.forget(pending, job);
    if (pending.isKnown) this.#ask(this.#engine.cancel([pending.cargo.id], "taken back", true));
    return true;
  }

  hasBegun(job: Job): boolean {
    return this.#pending.of(job)?.hasBegun === true;
  }

  /** Its worker keeps its time. */
  runningFor(): number {
    return 0;
  }

  cancel(job: Job, reason: unknown): boolean {
    const pending = this.#pending.of(job);
    if (pending === undefined) return true;
    this.#pending.forget(pending, job);
    if (pending.isKnown && pending.jobs.length === 0)
      this.#ask(this.#engine.cancel([pending.cargo.id], textOf(reason)));
    return true;
  }

  giveUp(job: Job): boolean {
    const pending = this.#pending.of(job);
    if (pending !== undefined) this.#pending.forget(pending, job);
    return true;
  }

  receive(): number {
    return this.#pending.takeTold();
  }

  look(): undefined {
    return undefined;
  }

  close(): boolean {
    void this.#end();
    return true;
  }

  hold(): void {}
  kill(_killGrace: number, _gaveUp: () => void, reason: unknown): void {
    const known = this.#pending.known;
    for (let at = 0; at < known.length; at += MOST_TOGETHER) {
      const ids = known.slice(at, at + MOST_TOGETHER).map(({ cargo }) => cargo.id);
      this.#ask(this.#engine.cancel(ids, textOf(reason)));
    }
    this.#pending.clear();
    void this.#end();
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setRealTimeout(resolve, FAREWELL_MS);
    });
    const farewell = async () => {
      // What an answer asks anew is waited for too.
      while (this.#asked.size > 0) await Promise.allSettled([...this.#asked]);
      await this.#engine.close();
    };
    await Promise.race([farewell().catch(() => {}), late]);
    clearRealTimeout(timer);
    void this.#engine.close().catch(() => {});
    // What was asked of a server that is not there is never answered.
    this.#isOver = true;
    this.#keepSweeping();
    this.#watch.ended(DONE);
  }

  bury(): void {}
  detach(): void {}
  free(): void {}
  salvage(): boolean {
    return false;
  }
  drop(): undefined {
    return undefined;
  }

  /** Of a call that is late: whether the server has taken it on. */
  isKnown(job: Job): boolean {
    return this.#engine.isConnected && (this.#pending.of(job)?.isKnown ?? true);
  }

  /** Something that a caller shall hear of outside of its own call. */
  #later(then: () => void): void {
    void Promise.resolve().then(then);
  }

  #ask(asked: Promise<unknown>): void {
    const settled = asked
      .catch(() => {})
      .finally(() => {
        this.#asked.delete(settled);
        this.#keepSweeping();
      });
    this.#asked.add(settled);
    this.#keepSweeping();
  }

  #start(): Promise<void> {
    this.#started ??= (async () => {
      await this.#engine.start();
      await this.#engine.subscribe(this);
      this.#epoch = await this.#engine.epoch();
    })();
    this.#started.catch(() => {
      // The next batch tries again.
      this.#started = undefined;
    });
    return this.#started;
  }

  #sendSoon(): void {
    this.#willSend = false;
    const batch = this.#batch;
    this.#batch = [];
    for (let at = 0; at < batch.length; at += MOST_TOGETHER)
      this.#ask(this.#sendBatch(batch.slice(at, at + MOST_TOGETHER)));
  }

  async #sendBatch(all: readonly Pending[]): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      for (const pending of all) this.#pending.failAll(pending, error);
      return;
    }
    // Some were called off meanwhile.
    const batch = all.filter((pending) => this.#pending.has(pending));
    const entries: Entry[] = [];
    const sent: Pending[] = [];
    for (const pending of batch) {
      const { cargo } = pending;
      try {
        const args =
          Payloads.inline(cargo.bytes) ?? (await this.#payloads.wrap(cargo.valueKey, cargo.bytes, cargo.wire.keep));
        entries.push({ id: cargo.id, wire: { ...cargo.wire, args }, priority: cargo.priority, delay: cargo.delay });
        sent.push(pending);
      } catch (error) {
        this.#pending.failAll(pending, error);
      }
    }
    let refusals: readonly (Error | undefined)[];
    try {
      refusals = await this.#engine.enqueue(entries);
    } catch (error) {
      for (const pending of sent) this.#pending.failAll(pending, error);
      return;
    }
    const gone: string[] = [];
    const attached: Pending[] = [];
    for (const [index, pending] of sent.entries()) {
      const refusal = refusals[index];
      if (refusal !== undefined) this.#pending.failAll(pending, refusal);
      else if (this.#pending.has(pending)) {
        pending.isKnown = true;
        // Under a given id there may be another task, or an outcome of before.
        if (pending.cargo.digest !== undefined) attached.push(pending);
      } else gone.push(pending.cargo.id);
    }
    if (gone.length > 0) this.#ask(this.#engine.cancel(gone, "called off"));
    if (attached.length > 0) await this.#lookUp(attached);
  }

  /** Takes in what became of some ids. */
  async #lookUp(pendings: readonly Pending[]): Promise<number> {
    const ids = pendings.map(({ cargo }) => cargo.id);
    let found: readonly LookedUp[];
    try {
      found = await this.#engine.lookUp(
        ids,
        pendings.some(({ isOurs }) => !isOurs),
      );
    } catch {
      // The sweep asks again.
      return 0;
    }
    let ended = 0;
    const missing: Pending[] = [];
    for (const [index, { state, digest, outcome }] of found.entries()) {
      const pending = pendings[index]!;
      if (!this.#pending.has(pending) || !pending.isKnown) continue;
      if (state === "missing") {
        missing.push(pending);
        continue;
      }
      if (!pending.isOurs && digest !== pending.cargo.digest) {
        this.#pending.failAll(pending, idConflict(pending.cargo));
        continue;
      }
      pending.isOurs = true;
      pending.hasBegun = state === "running";
      if (state === "ended" && outcome !== undefined) {
        ended++;
        this.ended(pending.cargo.id, outcome);
      }
    }
    if (missing.length > 0) await this.#mend(missing);
    return ended;
  }

  /** The server has nothing under these ids. If it has lost all that it held, they are sent anew. */
  async #mend(missing: readonly Pending[]): Promise<void> {
    const epoch = await this.#engine.epoch().catch(() => undefined);
    if (epoch === undefined) return;
    const isNew = epoch !== this.#epoch;
    if (!isNew) {
      const error = () =>
        new RemoteUnavailableError(
          "what the task gave is not kept any more, or the task was removed: keep outcomes longer by the pool's retention",
          {
            reason: "lost",
          },
        );
      for (const pending of missing) if (this.#pending.has(pending)) this.#pending.failAll(pending, error());
      return;
    }
    const again = this.#pending.known;
    for (const pending of again) pending.isKnown = false;
    this.#epoch = epoch;
    for (let at = 0; at < again.length; at += MOST_TOGETHER) await this.#sendBatch(again.slice(at, at + MOST_TOGETHER));
  }

  /** As long as something is pending it is looked up now and then, and the program kept alive. */
  #keepSweeping(): void {
    const isNeeded = !this.#isOver && ((this.#pending.size > 0 && !this.#isEnding) || this.#asked.size > 0);
    this.#engine.hold(isNeeded);
    if (!isNeeded) {
      clearRealTimeout(this.#sweeper);
      this.#sweeper = undefined;
      return;
    }
    this.#sweeper ??= setRealTimeout(() => {
      this.#sweeper = undefined;
      void this.#sweep().finally(() => this.#keepSweeping());
    }, this.#sweepEvery);
  }

  async #sweep(): Promise<void> {
    if (this.#isSweeping || !this.#engine.isConnected) return;
    this.#isSweeping = true;
    try {
      const known = this.#pending.known;
      for (let looked = 0; looked < known.length; ) {
        if (this.#lastSwept >= known.length) this.#lastSwept = 0;
        const some = known.slice(this.#lastSwept, this.#lastSwept + MOST_LOOKED_UP);
        this.#lastSwept += some.length;
        looked += some.length;
        // Where events come through, a part of the ids is enough.
        if ((await this.#lookUp(some)) === 0) break;
      }
    } finally {
      this.#isSweeping = false;
    }
  }

  connected(): void {
    void this.#sweep();
  }

  begun(id: string): void {
    const pending = this.#pending.get(id);
    if (pending !== undefined) pending.hasBegun = true;
  }

  progress(id: string, value: unknown): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || typeof value !== "string") return;
    const bytes = Buffer.from(value, "base64");
    void (async () => {
      const { item, progress } = (await decoded(bytes)) as { item: number; progress: unknown };
      for (const job of pending.jobs) this.#watch.progress(job, progress, item);
    })().catch(() => {});
  }

  ended(id: string, outcome: Outcome | undefined): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.isOpening) return;
    if (outcome === undefined || !pending.isOurs) {
      this.#ask(this.#lookUp([pending]));
      return;
    }
    try {
      const read = readOutcome(outcome, pending.cargo.wire.task, this.#payloads);
      if (read instanceof Promise) {
        pending.isOpening = true;
        void read.then(
          ({ value, microseconds }) => this.#pending.settle(pending, value, microseconds),
          (error) => this.#pending.failAll(pending, error),
        );
      } else this.#pending.settle(pending, read.value, read.microseconds);
    } catch (error) {
      this.#pending.failAll(pending, error);
    }
  }
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
