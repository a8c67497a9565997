import assert from "node:assert/strict";
import { Lock, SharedArray, SharedMap, type SharedMapOptions, task } from "../../src/index.js";
import { threadHeap } from "../../src/memory/index.js";
import type { Model } from "./model.js";

/** Every value takes three words, all of which say whose it is: one made of two is seen. */
const textOf = (key: string, version: number): string => `${key}${version}`.repeat(5);

/** What a death between two stores may leave: an entry; a segment and a directory. */
const ENTRY = 12;
const SEGMENT = 24;
const GROWN = 64;
const FULL = 3 * 4 * ENTRY;

interface Shared {
  map: SharedMap<string | number | Lock | { lock: Lock }>;
  /** What workers tell the check. */
  told: SharedArray<number>;
  lock: Lock;
  /** Words in use while the map was empty. */
  used: number;
}

function shared(keys: readonly string[], options?: SharedMapOptions): Shared {
  const map: Shared["map"] = new SharedMap(options);
  const told = new SharedArray("int32", 8);
  const lock = new Lock();
  const used = threadHeap().allocator.usedWords();
  for (const key of keys) map.set(key, textOf(key, 0));
  return { map, told, lock, used };
}

const empty = task(import.meta, "empty", () => shared([]));
const one = task(import.meta, "one", () => shared(["a"]));
const two = task(import.meta, "two", () => shared(["a", "b"]));
/** One key more, and its segment is replaced. */
export const six = task(import.meta, "six", () => shared(["a", "b", "c", "d", "e", "f"]));
const counted = task(import.meta, "counted", () => {
  const all = shared([]);
  all.map.set("n", 0);
  return all;
});
/** Full: it holds three entries. */
const small = task(import.meta, "small", () => shared(["a", "b", "c"], { maxBytes: FULL }));
const holding = task(import.meta, "holding", () => {
  const all = shared([]);
  all.map.set("a", { lock: all.lock });
  return all;
});
const long = (version: number): string => String(version).repeat(5000);
const large = task(import.meta, "large", () => {
  const all = shared([]);
  all.map.set("a", long(0));
  return all;
});

/** Gives a key new values one after the other: what the first took up is used again by the third. */
const replace = task(import.meta, "replace", (times: number, { map }: Shared) => {
  for (let version = 1; version <= times; version++) map.set("a", textOf("a", version));
});
const readOldOrNew = task(import.meta, "readOldOrNew", (newest: number, { map }: Shared) => {
  const value = map.get("a");
  const versions = Array.from({ length: newest + 1 }, (_, version) => textOf("a", version));
  assert.ok(versions.includes(value as string), `${value} is none of its values`);
});
const readPresent = task(import.meta, "readPresent", ({ map }: Shared) => {
  assert.equal(map.get("a"), textOf("a", 0));
  assert.equal(map.has("a"), true);
});
const readOwnOrNothing = task(import.meta, "readOwnOrNothing", ({ map }: Shared) => {
  const value = map.get("a");
  assert.ok(value === undefined || value === textOf("a", 0), `${value} is another key's`);
});
const readOthers = task(import.meta, "readOthers", ({ map }: Shared) => {
  assert.equal(map.get("b"), textOf("b", 0));
});
/** Another key's entry in the very block that the first one's left. */
const putOtherInItsPlace = task(import.meta, "putOtherInItsPlace", ({ map }: Shared) => {
  map.delete("a");
  map.set("z", textOf("z", 0));
});
export const put = task(import.meta, "put", (key: string, { map }: Shared) => {
  map.set(key, textOf(key, 1));
});
/** Another segment, and in the memory of the one before an entry. */
const LONGER = "h1".repeat(36);
const growOver = task(import.meta, "growOver", ({ map }: Shared) => {
  map.set("g", textOf("g", 1));
  map.set("h", LONGER);
});
const remove = task(import.meta, "remove", (key: string, { map }: Shared) => {
  map.delete(key);
});
const clear = task(import.meta, "clear", ({ map }: Shared) => map.clear());
const count = task(import.meta, "count", (times: number, { map }: Shared) => {
  for (let time = 0; time < times; time++) map.update("n", (n) => ((n as number) ?? 0) + 1);
});
const claim = task(import.meta, "claim", ({ map, told }: Shared, index: number) => {
  if (map.compareAndSet("owner", undefined, index)) told.add(index, 1);
});
const readLock = task(import.meta, "readLock", ({ map, lock }: Shared) => {
  const value = map.get("a");
  assert.ok(value === 1 || (value as { lock: Lock }).lock === lock);
});
const dropLock = task(import.meta, "dropLock", ({ map }: Shared) => {
  map.set("a", 1);
});
const readLong = task(import.meta, "readLong", ({ map }: Shared) => {
  const value = map.get("a") as string;
  assert.ok(value === long(0) || value === long(1) || value === long(2));
});
const replaceLong = task(import.meta, "replaceLong", ({ map }: Shared) => {
  map.set("a", long(1));
  map.set("a", long(2));
});
const list = task(import.meta, "list", ({ map }: Shared) => {
  const keys = [...map.keys()].sort().join("");
  assert.ok(keys === "ab" || keys === "", keys);
});

/** Sweeps up after everybody: what a dead worker still had as its own is freed, and used again. */
function bury(): void {
  const { registry, self } = threadHeap();
  for (const worker of registry.workers()) if (worker !== self) registry.declareDead(worker);
}
/** Whole: as many entries as it says, each under its key, and it goes on working. */
function whole(map: Shared["map"]): Map<string, unknown> {
  bury();
  // As large as the others' entries.
  map.set("y", textOf("y", 0));
  const entries = new Map<string, unknown>(map);
  assert.equal(map.size, entries.size);
  for (const [key, value] of entries) assert.deepEqual(map.get(key), value);
  assert.ok(map.delete("y") && entries.delete("y"));
  return entries;
}
/** The map is emptied: what is in use is what was before, and what a death may leave. */
function forgotten({ map, used }: Shared, left = 0): void {
  bury();
  map.clear();
  const more = threadHeap().allocator.usedWords() - used;
  assert.ok(more >= 0 && more <= left, `${more} words more are in use`);
}

const holds = task(import.meta, "holds", (expected: Record<string, unknown>, all: Shared) => {
  assert.deepEqual(Object.fromEntries(whole(all.map)), expected);
  forgotten(all);
});
/** After a death: the keys named are there, others may be, with one of their values. */
export const holdsAtLeast = task(
  import.meta,
  "holdsAtLeast",
  ({ keys, maybe, left = ENTRY }: { keys: string; maybe: string; left?: number }, all: Shared) => {
    const entries = whole(all.map);
    for (const key of keys) assert.equal(entries.get(key), textOf(key, 0), key);
    for (const [key, value] of entries) {
      assert.ok(keys.includes(key) || maybe.includes(key), key);
      assert.ok(value === textOf(key, 0) || value === textOf(key, 1) || typeof value === "number");
    }
    forgotten(all, left);
  },
);
const heldOnce = task(import.meta, "heldOnce", (all: Shared) => {
  assert.equal(all.map.get("a"), 1);
  // Of all holds only this worker's is left.
  all.lock.runSync(() => {});
  forgotten(all);
});
const oneOwner = task(import.meta, "oneOwner", ({ map, told }: Shared) => {
  const owners = [0, 1].filter((index) => told.get(index) === 1);
  assert.deepEqual(owners, [map.get("owner")]);
});
const withinLimit = task(import.meta, "withinLimit", (all: Shared) => {
  const { bytes } = all.map.stats();
  assert.ok(bytes <= FULL, `${bytes} bytes`);
  for (const [key, value] of whole(all.map)) assert.ok(value === textOf(key, 0) || value === textOf(key, 1));
  forgotten(all, ENTRY);
});
const totals = task(import.meta, "totals", ({ least, most }: { least: number; most: number }, all: Shared) => {
  const total = all.map.get("n") as number;
  assert.ok(total >= least && total <= most, `${total}`);
  whole(all.map);
  forgotten(all, most === least ? 0 : ENTRY);
});

const versions = (...keys: string[]): Record<string, string> =>
  Object.fromEntries(keys.map((key) => [key[0]!, textOf(key[0]!, Number(key[1]))]));
export const mortal = { deaths: 1, mortal: [0] } as const;

export const models: Model[] = [
  {
    name: "a reader beside a writer sees the value before or after, never one made of two",
    program: {
      setup: one,
      workers: [readOldOrNew.partial(2), replace.partial(2)],
      check: holds.partial(versions("a2")),
    },
  },
  {
    name: "a reader never takes another key's value for its own",
    program: { setup: one, workers: [readOwnOrNothing, putOtherInItsPlace], check: holds.partial(versions("z0")) },
  },
  {
    name: "a key that is there is found while its segment is replaced",
    program: {
      setup: six,
      workers: [readPresent, growOver],
      check: holds.partial({ ...versions("a0", "b0", "c0", "d0", "e0", "f0", "g1"), h: LONGER }),
    },
  },
  {
    name: "a key that is there is found while another is taken out and put again",
    program: { setup: two, workers: [readOthers, putOtherInItsPlace], check: holds.partial(versions("b0", "z0")) },
  },
  {
    name: "a reader beside clear finds its own value or nothing",
    program: { setup: two, workers: [readOwnOrNothing, clear], check: holds.partial({}) },
  },
  {
    name: "who lists keys beside clear sees all or none",
    program: { setup: two, workers: [list, clear], check: holds.partial({}) },
  },
  {
    name: "two workers put the first keys",
    program: {
      setup: empty,
      workers: [put.partial("a"), put.partial("b")],
      check: holds.partial(versions("a1", "b1")),
    },
  },
  {
    name: "two workers put keys for which a segment is replaced",
    program: {
      setup: six,
      workers: [put.partial("g"), put.partial("h")],
      check: holds.partial(versions("a0", "b0", "c0", "d0", "e0", "f0", "g1", "h1")),
    },
  },
  {
    name: "no update is lost",
    program: {
      setup: counted,
      workers: [count.partial(2), count.partial(1)],
      check: totals.partial({ least: 3, most: 3 }),
    },
  },
  {
    name: "of two who claim an absent key one gets it",
    program: { setup: empty, workers: [claim, claim], check: oneOwner },
  },
  {
    name: "shared objects in a value are held once, however often it is read",
    program: { setup: holding, workers: [readLock, dropLock], check: heldOnce },
  },
  {
    name: "a large value is read whole while it is replaced",
    program: { setup: large, workers: [readLong, replaceLong] },
  },
  {
    name: "the limit holds beside another writer",
    program: { setup: small, workers: [put.partial("d"), put.partial("e")], check: withinLimit },
  },
  {
    name: "a writer dies: the key has the value before or after, the others theirs",
    program: {
      setup: two,
      workers: [replace.partial(1), readOthers],
      check: holdsAtLeast.partial({ keys: "b", maybe: "a" }),
    },
    options: mortal,
  },
  {
    name: "a writer dies while a segment is replaced: every other key is there",
    program: {
      setup: six,
      workers: [put.partial("g"), readPresent],
      check: holdsAtLeast.partial({ keys: "abcdef", maybe: "g", left: GROWN }),
    },
    options: mortal,
  },
  {
    name: "who takes a key out dies: it is there or not, the others are",
    program: {
      setup: two,
      workers: [remove.partial("a"), readOthers],
      check: holdsAtLeast.partial({ keys: "b", maybe: "a" }),
    },
    options: mortal,
  },
  {
    name: "who clears dies: all or none are there",
    program: {
      setup: two,
      workers: [clear, list],
      check: holdsAtLeast.partial({ keys: "", maybe: "ab", left: SEGMENT }),
    },
    options: mortal,
  },
  {
    name: "who makes room for its own dies: the limit holds",
    program: { setup: small, workers: [put.partial("d"), put.partial("e")], check: withinLimit },
    options: mortal,
  },
  {
    name: "who updates dies: its update counts or not, the others' do",
    program: {
      setup: counted,
      workers: [count.partial(1), count.partial(1)],
      check: totals.partial({ least: 1, most: 2 }),
    },
    options: mortal,
  },
];
