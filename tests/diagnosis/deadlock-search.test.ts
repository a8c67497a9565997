/**
 * How often somebody searches for deadlocks on behalf of those who wait: counted on the word that says that a search is
 * due.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { atomics, HEADER, monotonicMs, realNow } from "../../src/memory/index.js";
import { threadHeap } from "../../src/memory/thread-heap.js";
import "../../src/parking/index.js";
import { DeadlockSearch } from "../../src/diagnosis/deadlock-search.js";

/** For who has waited for so long a search is due every ten seconds. */
const LONG_MS = 100_000;
const INTERVAL_MS = 10_000;

const { words } = threadHeap();
const isDue = (): boolean => atomics.load(words, HEADER.searchDue) === 1;
/** Somebody else has searched, so many milliseconds ago. */
const searched = (ago: number): void => {
  atomics.store(words, HEADER.searched, monotonicMs() - ago || 1);
  atomics.store(words, HEADER.searchDue, 0);
};
/**
 * Whether it wants a search, as if this test had gone on until then: it asks for one, or makes it where the last is
 * long ago.
 */
const looksAt = (search: DeadlockSearch, later: number): boolean => {
  const last = atomics.load(words, HEADER.searched);
  search.look(realNow() + later);
  return isDue() || atomics.load(words, HEADER.searched) !== last;
};

test("a wait asks for a search until one has seen it, and then for one each interval, whoever asked for the last", () => {
  const now = realNow();
  const search = new DeadlockSearch(threadHeap(), now - LONG_MS);
  searched(1);
  assert.equal(looksAt(search, 0), true, "that search was over before this wait stood there");
  // So that a search may have begun since.
  for (const first = monotonicMs(); monotonicMs() === first; );
  searched(0);
  assert.equal(looksAt(search, 0), false, "it has seen this wait");
  assert.equal(looksAt(search, INTERVAL_MS - 100), false, "not before the interval is over");
  searched(INTERVAL_MS / 2);
  assert.equal(
    looksAt(search, INTERVAL_MS + 100),
    false,
    "another wait has asked meanwhile: that search has served this one too",
  );
  searched(INTERVAL_MS);
  assert.equal(looksAt(search, 2 * INTERVAL_MS), true, "nobody has searched for so long");
  search.end();
});
