import { queueRealMicrotask } from "../memory/index.js";
import { ArgumentTypeError } from "../errors/index.js";
import type { Agenda } from "./agenda.js";

/** How far a map has come. */
export interface MapProgress {
  /** How many items have ended: with a result, with an error, or left out by `skip`. */
  readonly done: number;
  /** How many items there are; undefined until the input has ended, unless it is an array. */
  readonly total: number | undefined;
}

type OnProgress = (progress: MapProgress) => void;
type OnNews = (index: number, value: unknown) => void;

/**
 * Who listens to a run of a map. What there is to tell is told once the code that runs now has returned, and before
 * any outcome is given that came after it.
 */
export class MapListeners {
  readonly #agenda: Agenda;
  readonly #onProgress: OnProgress[] = [];
  readonly #onNews: OnNews[] = [];
  #news: (readonly [index: number, value: unknown])[] = [];
  #progress: (() => MapProgress) | undefined;
  #willTell = false;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  addProgress(fn: OnProgress): void {
    this.#onProgress.push(bound("onProgress", fn));
  }

  addNews(fn: OnNews): void {
    this.#onNews.push(bound("onNews", fn));
  }

  /** An item has something to tell. */
  news(index: number, value: unknown): void {
    if (this.#onNews.length === 0) return;
    this.#news.push([index, value]);
    this.#tellSoon();
  }

  /** Items have ended. `count`: asked once for all of those that end together. */
  moved(count: () => MapProgress): void {
    if (this.#onProgress.length === 0) return;
    this.#progress = count;
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#willTell) return;
    this.#willTell = true;
    this.#agenda.soon(() => this.tell());
  }

  /** Tells what there is to tell. */
  tell(): void {
    if (!this.#willTell) return;
    this.#willTell = false;
    const news = this.#news;
    const count = this.#progress;
    this.#news = [];
    this.#progress = undefined;
    for (const [index, value] of news) for (const listener of this.#onNews) call(() => listener(index, value));
    if (count === undefined) return;
    const progress = count();
    for (const listener of this.#onProgress) call(() => listener(progress));
  }
}

function bound<F extends OnProgress | OnNews>(verb: string, fn: F): F {
  if (typeof fn !== "function") throw new ArgumentTypeError(`run.${verb}(fn): fn must be a function, got ${typeof fn}`);
  return process.getBuiltinModule("node:async_hooks").AsyncResource.bind(fn as (...args: unknown[]) => void) as F;
}

/** What a listener throws is its own failure, not the map's. */
function call(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueRealMicrotask(() => {
      throw error;
    });
  }
}
