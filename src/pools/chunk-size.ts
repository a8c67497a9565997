import type { Chunking } from "./link.js";

/**
 * A chunk is to be some CHUNK_MS of work: enough that its way there and back weighs little, little enough that the
 * workers end together. The first are single items; from what they took the next ones are sized, at most GROWTH times
 * as long as those before.
 */
const CHUNK_MS = 2;
const GROWTH = 4;
const MOST_ITEMS = 16384;
const MOST_BYTES = 1 << 20;

/** Chunks on their way for each worker: one that runs and one behind it. */
const CHUNKS_PER_WORKER = 2;

/**
 * Where all results are kept anyway, so many times more may be taken than are on their way: others go on beside an item
 * that takes long. Items that stay in this loop have no chunk in common: with more of them open, the collector's work
 * doubles what an item costs.
 */
const KEPT_AHEAD = 1024;
const KEPT_AHEAD_HERE = 16;

/** How many items the next chunk of a map is to have. */
export class ChunkSize {
  #items: number;
  readonly #bound: { readonly mostItems?: number | undefined };
  /** Bytes of an item in the latest chunk; 0 before the first. */
  itemBytes = 0;
  readonly #isFixed: boolean;
  readonly #chunking: Chunking | undefined;
  #itemMs: number | undefined;

  /**
   * `items`: the size of every chunk, or undefined to have it counted out. `chunking`: where the way to a worker is
   * long. `bound`: how many items it may have at most, which may change.
   */
  constructor(items: number | undefined, chunking?: Chunking, bound: { readonly mostItems?: number | undefined } = {}) {
    this.#items = items ?? 1;
    this.#isFixed = items !== undefined;
    this.#chunking = chunking;
    this.#bound = bound;
  }

  get items(): number {
    const { mostItems } = this.#bound;
    return mostItems === undefined || this.#isFixed ? this.#items : Math.min(mostItems, this.#items);
  }

  /** Most chunks on their way. */
  most(workers: number): number {
    const most = CHUNKS_PER_WORKER * workers;
    if (this.#chunking === undefined || this.#isFixed) return most;
    return Math.min(most, this.#itemMs === undefined ? this.#chunking.first : this.#chunking.most);
  }

  /** Most items that are taken and not consumed, unless told otherwise. `isKept`: all results are kept anyway. */
  ahead(most: number, isKept: boolean): number {
    if (!isKept) return most * this.items;
    return most * this.items * (this.itemBytes === 0 ? KEPT_AHEAD_HERE : KEPT_AHEAD);
  }

  /** A chunk of so many items took so long. */
  measured(microseconds: number, items: number): void {
    if (this.#isFixed) return;
    const ms = microseconds / 1000 / items;
    this.#itemMs = this.#itemMs === undefined ? ms : (this.#itemMs + ms) / 2;
    const ideal = Math.floor((this.#chunking?.milliseconds ?? CHUNK_MS) / Math.max(this.#itemMs, 1e-6));
    const byBytes = this.itemBytes === 0 ? MOST_ITEMS : Math.floor(MOST_BYTES / this.itemBytes);
    this.#items = Math.max(1, Math.min(ideal, byBytes, MOST_ITEMS, Math.max(this.items, items) * GROWTH));
  }
}
