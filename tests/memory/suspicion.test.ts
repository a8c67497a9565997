/**
 * CorruptError for a mutex whose word was written over: 50 looks in a row, 200 ms apart, of a looker that ran at a
 * holder that nothing held up.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Suspicion } from "../../src/memory/suspicion.js";
import type { ThreadStat } from "../../src/platform/contract.js";
import { isHalted } from "../../src/platform/linux/thread-stat.js";

const WORD = 77;
const sleeping: ThreadStat = { state: "S", ran: 5, sleepsIn: "futex_wait_queue" };
const stopped: ThreadStat = { state: "T", ran: 5, sleepsIn: "do_signal_stop" };
const frozen: ThreadStat = { state: "S", ran: 5, sleepsIn: "do_freezer_trap" };
const frozenByTheFirst: ThreadStat = { state: "D", ran: 5, sleepsIn: "__refrigerator" };
const untold: ThreadStat = { state: "S", ran: 5, sleepsIn: undefined };
const waitingForAProcessor: ThreadStat = { state: "R", ran: 5, sleepsIn: undefined };

/** How many looks, 200 ms apart, it takes; undefined when 200 were not enough. */
function looksUntilSure(
  seen: (look: number) => ThreadStat | undefined,
  clock: (look: number) => number = (look) => 200 * look,
  word = (_look: number) => WORD,
  leaves = (_look: number) => 3,
) {
  const suspicion = new Suspicion();
  suspicion.isDue(word(0), leaves(0), clock(0));
  for (let look = 1; look <= 200; look++) {
    if (suspicion.isDue(word(look), leaves(look), clock(look)) && suspicion.look(seen(look), clock(look))) return look;
  }
  return undefined;
}

describe("the suspicion that a mutex's word was written over", () => {
  it("is sure after 50 looks in a row at a holder that sleeps or computes", () => {
    assert.equal(
      looksUntilSure(() => sleeping),
      50,
    );
    // The first look cannot tell whether it has had a processor.
    assert.equal(
      looksUntilSure((look) => ({ state: "R", ran: look, sleepsIn: undefined })),
      51,
    );
  });

  it("is never sure while the holder is stopped, frozen or waiting for a processor, or the system does not tell", () => {
    for (const seen of [stopped, frozen, frozenByTheFirst, waitingForAProcessor, untold, undefined])
      assert.equal(
        looksUntilSure(() => seen),
        undefined,
      );
  });

  it("begins anew after one look that does not count", () => {
    for (const other of [stopped, frozen, waitingForAProcessor, undefined])
      assert.equal(
        looksUntilSure((look) => (look === 40 ? other : sleeping)),
        90,
      );
  });

  it("begins anew where the looker itself had not run", () => {
    assert.equal(
      looksUntilSure(
        () => sleeping,
        (look) => 200 * look + (look >= 40 ? 3000 : 0),
      ),
      90,
    );
  });

  it("begins anew when the word was another meanwhile, and looks no sooner than every 200 ms", () => {
    assert.equal(
      looksUntilSure(
        () => sleeping,
        (look) => 200 * look,
        (look) => (look < 40 ? WORD : WORD + 1),
      ),
      90,
    );
    assert.equal(
      looksUntilSure(
        () => sleeping,
        (look) => 100 * look,
      ),
      100,
    );
  });

  it("begins anew when the holder left meanwhile and is inside again", () => {
    assert.equal(
      looksUntilSure(
        () => sleeping,
        (look) => 200 * look,
        () => WORD,
        (look) => (look < 40 ? 3 : 4),
      ),
      90,
    );
    assert.equal(
      looksUntilSure(
        () => sleeping,
        (look) => 200 * look,
        () => WORD,
        (look) => look,
      ),
      undefined,
    );
  });

  it("judges by what /proc says: stopped, traced, or asleep in a freezer", () => {
    for (const state of ["T", "t"]) assert.equal(isHalted({ state, sleepsIn: undefined }), true);
    for (const sleepsIn of ["do_freezer_trap", "get_signal"]) assert.equal(isHalted({ state: "S", sleepsIn }), true);
    assert.equal(isHalted({ state: "D", sleepsIn: "__refrigerator" }), true);
    assert.equal(isHalted({ state: "R", sleepsIn: undefined }), false);
    assert.equal(isHalted(sleeping), false);
    assert.equal(isHalted({ state: "D", sleepsIn: "folio_wait_bit_common" }), false);
    assert.equal(isHalted(untold), undefined);
  });
});
