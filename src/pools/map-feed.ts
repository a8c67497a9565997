/**
 * The engine of `pool.map`: takes items from the input as fast as results are consumed, sends them in chunks, and puts
 * what comes of them in order.
 */
import type { Boundary } from "../codec/index.js";
import { CancelledError, type WorkerDeath } from "../errors/index.js";
import { setRealImmediate } from "../memory/index.js";
import { SPREAD } from "../workers/job-service.js";
import { reportUncaught } from "../futures/uncaught-hook.js";
import { CallLimits } from "./call-limits.js";
import type { OpenMap } from "./blocking-join.js";
import { Chunk, type ChunkMap, isUnsendable } from "./chunk.js";
import { ChunkSize } from "./chunk-size.js";
import type { MapListeners } from "./map-listeners.js";
import { MapOutcomes } from "./map-outcomes.js";
import type { MapPlan, MapPool } from "./map-plan.js";
import { checkStep, checkTuples, loopNeedOf, mapTimeout } from "./map-refusals.js";
import { MapRetries } from "./map-retries.js";
import { type Batch, Failure, Segment } from "./segment.js";

export class MapFeed implements ChunkMap, OpenMap {
  readonly #pool: MapPool;
  readonly #plan: MapPlan;
  readonly #scope = new (process.getBuiltinModule("node:async_hooks").AsyncResource)("MapRun");
  #source: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  readonly #isAsync: boolean;
  readonly #isIterated: boolean;
  /** The input as an array, whose length is known. */
  readonly #array: readonly unknown[] | undefined;
  /** How many items were taken. */
  #taken = 0;
  /** How many of them were not consumed. */
  #open = 0;
  #exhausted = false;
  /** What an async input was asked for and has not given yet. */
  #pull: Promise<void> | undefined;
  /** Items of an async input that wait for others to go with. */
  #gathered: unknown[] = [];
  readonly #size: ChunkSize;
  readonly #chunks = new Set<Chunk>();
  readonly #retries: MapRetries;
  readonly #outcomes: MapOutcomes;
  readonly #listeners: MapListeners;
  /** How many items have ended. */
  #ended = 0;
  #end: { readonly error: unknown } | undefined;
  #isStopped = false;
  /** An item has failed, of which the map will end: nothing more is taken. */
  #isFailing = false;
  #isFilling = false;
  /** The input is at its next item at this moment. */
  #isAsking = false;
  #wake: (() => void) | undefined;
  limits: CallLimits | undefined;

  /** `isIterated`: its outcomes are taken one by one. */
  constructor(pool: MapPool, plan: MapPlan, listeners: MapListeners, isIterated: boolean) {
    this.#pool = pool;
    this.#plan = plan;
    this.#isIterated = isIterated;
    this.#retries = new MapRetries(pool.agenda);
    this.#outcomes = new MapOutcomes(plan.ordered);
    this.#listeners = listeners;
    this.#size = new ChunkSize(
      plan.call.taskTimeout === Number.POSITIVE_INFINITY ? plan.chunkSize : 1,
      pool.links.chunking,
      pool,
    );
    this.#isAsync = Symbol.asyncIterator in Object(plan.items);
    this.#array = Array.isArray(plan.items) ? plan.items : undefined;
  }

  get boundary(): Boundary {
    return this.#pool.boundary;
  }
  now(): number {
    return this.#pool.now();
  }
  get states(): MapPool["states"] {
    return this.#pool.states;
  }
  get how(): number {
    return this.#plan.how;
  }
  get stops(): boolean {
    return this.#plan.stops;
  }

  /** Begins to take items. */
  start(): void {
    const { call, items, task } = this.#plan;
    if (call.signal?.aborted === true) {
      this.#aborted();
      return;
    }
    // First, since it may throw: nothing is watched then.
    if (this.#array === undefined) {
      this.#source = this.#isAsync
        ? (items as AsyncIterable<unknown>)[Symbol.asyncIterator]()
        : (items as Iterable<unknown>)[Symbol.iterator]();
    }
    const expire = () => this.fail(mapTimeout(task.name, call.timeout));
    this.limits = new CallLimits(call, expire, this.#aborted);
    this.#pool.maps.add(this);
    this.#fill();
  }

  get needsLoop(): string | undefined {
    return loopNeedOf(this.#plan.task.name, this.#isAsync && !this.#exhausted, this.#isIterated);
  }

  /** The next outcomes; undefined when there are no more. @throws what ended the map */
  async next(): Promise<Batch | undefined> {
    for (;;) {
      this.#listeners.tell();
      if (this.#end !== undefined) throw this.#end.error;
      const batch = this.#outcomes.take();
      if (batch !== undefined) return batch;
      if (this.#isDone) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** So many outcomes were consumed: as many items may be taken. */
  consume(count: number): void {
    this.#open -= count;
    this.#fill();
  }

  /** Ends the map with an error. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#rouse();
    void this.abandon(error);
  }

  /**
   * Stops because of an error, which has its owner: what the clean-up of the input throws does not take its place, and
   * is told by itself.
   */
  async abandon(error?: unknown): Promise<void> {
    await this.stop(error).catch(uncleaned);
  }

  goOn(): void {
    this.#fill();
  }

  failDelayed(reason: unknown): void {
    for (const { segment, index } of this.#retries.takeAll()) this.#itemFailed(segment, index, reason);
  }

  /** Calls off what has not come, and ends the input. */
  async stop(
    reason: unknown = new CancelledError("the map was left before all of its results were there"),
  ): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#pool.maps.delete(this);
    // Outcomes that come from here on are nobody's.
    this.#pool.tally.cancelled += this.#outcomes.missing;
    this.limits?.clear();
    this.#retries.takeAll();
    for (const chunk of [...this.#chunks]) this.#pool.cancel(chunk, reason);
    this.#pool.loads.look();
    const source = this.#source;
    // A generator that is at its next item cannot be ended now: it is once it has given that.
    if (this.#isAsking || this.#exhausted || source === undefined) return;
    this.#exhausted = true;
    const end = async () => this.#scope.runInAsyncScope(() => source.return?.());
    // It waits for its next item, and an async generator returns only after that: nobody waits for it here.
    if (this.#pull !== undefined) void end().catch(uncleaned);
    else await end();
  }

  readonly #aborted = (): void => this.fail(this.#plan.call.signal!.reason);

  begun(chunk: Chunk, lost?: Chunk): void {
    this.#chunks.add(chunk);
    if (lost !== undefined) this.#pool.follows?.(chunk, lost);
  }

  ended(chunk: Chunk): void {
    this.#chunks.delete(chunk);
    this.#fill();
    if (this.#isDone) this.#rouse();
  }

  arrived(segment: Segment, outcomes: number, failure?: Failure): void {
    if (!this.#isStopped) {
      if (failure === undefined) this.#pool.tally.completed += outcomes;
      else this.#pool.tally.itemFailed(failure.reason);
      this.#ended += outcomes;
      this.#listeners.moved(this.#progress);
    }
    if (failure !== undefined && this.#plan.stops) this.#isFailing = true;
    this.#outcomes.arrived(segment);
    this.#rouse();
  }

  readonly #progress = () => ({
    done: this.#ended,
    total: this.#array?.length ?? (this.#exhausted ? this.#taken + this.#gathered.length : undefined),
  });

  news(index: number, value: unknown): void {
    if (!this.#isStopped) this.#listeners.news(index, value);
  }

  #itemFailed(segment: Segment, index: number, error: unknown): void {
    const failure = new Failure(error);
    segment.set(index, failure);
    this.arrived(segment, 1, failure);
  }

  measured(microseconds: number, items: number): void {
    this.#size.measured(microseconds, items);
  }

  retry(segment: Segment, index: number, attempts: number, deaths: readonly WorkerDeath[], error: unknown): boolean {
    if (this.#isStopped) return false;
    const { call, task } = this.#plan;
    const delay = call.retries.delayAfter(attempts, error, this.#scope);
    // `retries.when` may have ended the map.
    if (delay === undefined || this.#isStopped) return false;
    this.#pool.tally.retried++;
    const again = () => {
      const chunk = new Chunk(this, task, call, segment, index, index + 1, attempts + 1, deaths);
      // The context of who began the run, which the task of an AsyncPool inherits; the timer has that of whichever item
      // failed.
      this.#scope.runInAsyncScope(() => this.#send(chunk));
    };
    this.#retries.add({ segment, index }, delay, again);
    return true;
  }

  get #isDone(): boolean {
    return this.#exhausted && this.#chunks.size === 0 && this.#retries.size === 0 && this.#outcomes.isEmpty;
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** How many items the next chunk may have; 0 when nothing may be taken now. */
  #room(): number {
    const most = this.#size.most(this.#pool.places);
    if (this.#exhausted || this.#isStopped || this.#isFailing || this.#chunks.size >= most || this.#pool.isPaused)
      return 0;
    const buffer = this.#plan.buffer ?? this.#size.ahead(most, !this.#isIterated);
    let size =
      this.#plan.buffer === undefined ? this.#size.items : Math.min(this.#size.items, Math.ceil(buffer / most));
    // Towards a known end the chunks get shorter, so that the workers end together.
    if (this.#array !== undefined && this.#plan.chunkSize === undefined)
      size = Math.min(size, Math.max(1, Math.ceil((this.#array.length - this.#taken) / most)));
    return Math.min(size, buffer - this.#open);
  }

  /** Takes items as far as there is room. */
  #fill(): void {
    if (this.#isFilling || this.#isStopped) return;
    this.#isFilling = true;
    try {
      this.#scope.runInAsyncScope(() => {
        if (this.#isAsync) this.#pullMore();
        else
          for (let room = this.#room(); room > 0; room = this.#room())
            this.#sendItems(this.#array === undefined ? this.#next(room) : this.#slice(room));
      });
    } catch (error) {
      this.#exhausted = true;
      this.fail(error);
    } finally {
      this.#isFilling = false;
    }
  }

  #slice(count: number): readonly unknown[] {
    const array = this.#array!;
    const items = array.slice(this.#taken, this.#taken + count);
    if (this.#taken + items.length >= array.length) this.#exhausted = true;
    return items;
  }

  #next(count: number): readonly unknown[] {
    const items: unknown[] = [];
    while (items.length < count) {
      const step = this.#ask(this.#source as Iterator<unknown>);
      if (step.done === true) break;
      items.push(step.value);
      if (this.#isStopped) return [];
    }
    return items;
  }

  /** The next of an input, which may call back into this map: where that stopped it, the input is ended here. */
  #ask(source: Iterator<unknown>): IteratorResult<unknown> {
    // Whatever next() throws, the input is at its end.
    this.#exhausted = true;
    this.#isAsking = true;
    let step: IteratorResult<unknown>;
    try {
      step = source.next();
    } finally {
      this.#isAsking = false;
    }
    if (step.done === true) return step;
    checkStep(step);
    if (!this.#isStopped) this.#exhausted = false;
    else void (async () => source.return?.())().catch(uncleaned);
    return step;
  }

  /** Asks an async input for its next item, one at a time. */
  #pullMore(): void {
    if (this.#pull !== undefined || this.#room() - this.#gathered.length <= 0) return;
    this.#pull = (async () => {
      try {
        const step = await (this.#source as AsyncIterator<unknown>).next();
        this.#pull = undefined;
        if (this.#isStopped) return;
        if (step.done === true) this.#exhausted = true;
        else this.#gathered.push(step.value);
      } catch (error) {
        this.#pull = undefined;
        this.#exhausted = true;
        this.fail(error);
        return;
      }
      // Full, or nobody has anything to do: it goes. Else others of the same moment may come along.
      if (this.#exhausted || this.#gathered.length >= this.#size.items || this.#chunks.size < this.#pool.places)
        this.#sendGathered();
      else setRealImmediate(() => this.#sendGathered());
      this.#fill();
      if (this.#isDone) this.#rouse();
    })();
  }

  #sendGathered(): void {
    if (this.#gathered.length === 0 || this.#isStopped) return;
    const items = this.#gathered;
    this.#gathered = [];
    try {
      this.#sendItems(items);
    } catch (error) {
      this.fail(error);
    }
  }

  #sendItems(items: readonly unknown[]): void {
    if (this.#isStopped) return;
    if (items.length === 0) {
      if (this.#isDone) this.#rouse();
      return;
    }
    const { task, call, how } = this.#plan;
    if (how === SPREAD) checkTuples(items, this.#taken);
    const segment = new Segment(items, this.#taken);
    this.#taken += items.length;
    this.#open += items.length;
    this.#pool.tally.submitted += items.length;
    this.#outcomes.expect(segment);
    this.#send(new Chunk(this, task, call, segment, 0, items.length));
  }

  /** An item that cannot be sent fails by itself; those before and after it go without it. */
  #send(chunk: Chunk): void {
    try {
      this.#pool.checkOpen("map");
      this.begun(chunk);
      this.#pool.submit(chunk);
      this.#size.itemBytes = chunk.bytes / chunk.size;
    } catch (error) {
      this.states.settle(chunk);
      this.#chunks.delete(chunk);
      const found = isUnsendable(error) ? chunk.findUnsendable() : undefined;
      if (found === undefined) {
        this.fail(this.#pool.endReason ?? error);
        return;
      }
      const { segment, from, to } = chunk;
      const { task, call } = this.#plan;
      this.#itemFailed(segment, found.index, found.error);
      for (const [start, end] of [
        [from, found.index],
        [found.index + 1, to],
      ] as const) {
        if (start < end) this.#send(new Chunk(this, task, call, segment, start, end));
      }
    }
  }
}

function uncleaned(error: unknown): void {
  reportUncaught(error, { name: "the clean-up of a map's input" });
}
