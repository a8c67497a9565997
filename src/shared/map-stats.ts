/** What `stats` of a SharedMap tells. */
export interface SharedMapStats {
  /** Entries. */
  readonly size: number;
  /** Memory that the entries take up, what holds them together aside. */
  readonly bytes: number;
  /** Entries that made way for others since the map was made, no matter which worker put those. */
  readonly evictions: number;
  /** Calls of `get` in this worker that found something. */
  readonly hits: number;
  /** Calls of `get` in this worker that found nothing. */
  readonly misses: number;
}
