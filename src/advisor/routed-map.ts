/** A map whose chunks go to whichever scheduler has its task at that moment. */
import type { Boundary } from "../codec/index.js";
import { textOfThrown } from "../errors/index.js";
import { type Chunk, isUnsendable } from "../pools/chunk.js";
import type { MapPool } from "../pools/map-plan.js";
import type { AutoSchedulers } from "./auto-schedulers.js";
import type { Route } from "./route.js";

export class RoutedMap implements MapPool {
  readonly #schedulers: AutoSchedulers;
  readonly #route: Route;

  constructor(schedulers: AutoSchedulers, route: Route) {
    this.#schedulers = schedulers;
    this.#route = route;
  }

  get #home() {
    return this.#schedulers.of(this.#route);
  }

  get agenda(): MapPool["agenda"] {
    return this.#schedulers.agenda;
  }
  get boundary(): Boundary {
    return this.#home.boundary;
  }
  readonly states: MapPool["states"] = { settle: (job) => this.#schedulers.homeOf(job as Chunk).states.settle(job) };
  now(): number {
    return this.#home.now();
  }
  get places(): number {
    return this.#home.places;
  }
  /** On this loop items travel nowhere: each goes for itself. */
  get mostItems(): number | undefined {
    return this.#route.model === "async" ? 1 : undefined;
  }
  get tally(): MapPool["tally"] {
    return this.#schedulers.account.tally;
  }
  get maps(): MapPool["maps"] {
    return this.#schedulers.account.maps;
  }
  get loads(): MapPool["loads"] {
    return this.#schedulers.loads;
  }
  get links(): MapPool["links"] {
    return this.#home.links;
  }
  get endReason(): unknown {
    return this.#home.endReason;
  }
  get isPaused(): boolean {
    return this.#schedulers.isPaused;
  }

  checkOpen(verb: string): void {
    this.#schedulers.checkOpen(verb);
  }

  follows(rest: Chunk, lost: Chunk): void {
    this.#schedulers.follows(rest, lost);
  }

  submit(chunk: Chunk): void {
    const schedulers = this.#schedulers;
    try {
      schedulers.take(chunk, this.#home);
    } catch (error) {
      if (this.#route.model !== "process" || !isUnsendable(error)) throw error;
      this.#route.exclude("process", textOfThrown(error));
      schedulers.take(chunk, schedulers.threads);
    }
  }

  cancel(chunk: Chunk, reason: unknown): boolean {
    return this.#schedulers.homeOf(chunk).cancel(chunk, reason);
  }
}
