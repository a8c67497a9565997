/** What a SharedMap is bounded by and how long its entries last: the options, checked. */
import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { sharedNow } from "../memory/index.js";
import type { Reach } from "../objects/index.js";
import { NEVER } from "./entry.js";
import { show } from "./scalar-type.js";

/** Some 140,000 years; an entry's end still fits where it stands. */
const MOST_TTL = 2 ** 52;

/** What it is bounded by. The worker that makes the map says so; a worker that opens it later gets it as it is. */
export interface SharedMapOptions extends Reach {
  /**
   * Most bytes of memory that the entries may take up; the least used make way for others. Absent or 0 for no limit.
   */
  maxBytes?: number | undefined;
  /** Milliseconds that an entry lasts unless `set` says otherwise. Absent or Infinity for ever. */
  ttl?: number | undefined;
}

/** How long an entry lasts. */
export interface EntryOptions {
  /** In milliseconds; Infinity for ever. */
  ttl?: number | undefined;
}

export const MAP_OPTIONS = new KnownOptions<SharedMapOptions>(
  { across: true, label: true, maxBytes: true, ttl: true },
  { maxSize: "a map is bounded by maxBytes", maxEntries: "a map is bounded by maxBytes" },
);
const ENTRY_OPTIONS = new KnownOptions<EntryOptions>({ ttl: true });

/**
 * The bounds of a map as its words hold them: most words of entries, 0 for no limit; milliseconds that an entry lasts,
 * NEVER for ever.
 */
export interface Bounds {
  readonly maxWeight: number;
  readonly ttl: number;
}

export function boundsOf(options: SharedMapOptions | undefined): Bounds {
  checkOptions(options);
  const { maxBytes = 0, ttl = NEVER } = options ?? {};
  if (typeof maxBytes !== "number")
    throw new ArgumentTypeError(`options.maxBytes must be a number, got ${show(maxBytes)}`);
  if (!(maxBytes >= 0)) throw new ArgumentRangeError(`options.maxBytes must be 0 (no limit) or more, got ${maxBytes}`);
  const words = maxBytes === NEVER ? 0 : Math.floor(maxBytes / 4);
  if (words > 0xffffffff) throw new ArgumentRangeError(`options.maxBytes must be less than 16 GiB, got ${maxBytes}`);
  return { maxWeight: maxBytes > 0 && words === 0 && maxBytes !== NEVER ? 1 : words, ttl: checkTtl(ttl) };
}

function checkOptions(options: unknown): void {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw new ArgumentTypeError(`options must be an object such as { across: "processes" }, got ${show(options)}`);
  }
}

/** When an entry ends that is put now; `ttl`: what its map says. */
export function dueFrom(options: EntryOptions | undefined, ttl: number): number {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw new ArgumentTypeError(`options must be an object such as { ttl: 1000 }, got ${show(options)}`);
  }
  ENTRY_OPTIONS.check(options);
  options = ownOptions(options);
  const lasting = options?.ttl === undefined ? ttl : checkTtl(options.ttl);
  return lasting === NEVER ? NEVER : sharedNow() + lasting;
}

function checkTtl(ttl: unknown): number {
  if (typeof ttl !== "number")
    throw new ArgumentTypeError(`options.ttl must be a number of milliseconds, got ${show(ttl)}`);
  if (!(ttl > 0)) throw new ArgumentRangeError(`options.ttl must be more than 0 milliseconds, got ${ttl}`);
  // The clock's moments are whole numbers of 53 bits: what ends after that never does.
  return ttl < MOST_TTL ? ttl : NEVER;
}
