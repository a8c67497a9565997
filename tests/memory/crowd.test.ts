/** How long each of many waiters sleeps, so that all together wake no more often than a few. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SLICE_MS, sliceOf, untilPhase } from "../../src/parking/crowd.js";

/** The longest time in which none of the waiters in these slots wakes, once each has come to its phase. */
function longestGap(slots: readonly number[], most: number): number {
  const phases = slots.map((slot) => untilPhase(slot, 1_000_000, most) % most).sort((a, b) => a - b);
  return Math.max(...phases.map((phase, index) => (phases[index + 1] ?? phases[0]! + most) - phase));
}

describe("a crowd of waiters", () => {
  it("sleeps longer the larger it is, up to a bound", () => {
    assert.deepEqual(
      [0, 1, 7, 8, 15, 16, 31, 32, 1023].map((crowd) => sliceOf(crowd) / SLICE_MS),
      [1, 1, 1, 2, 2, 4, 4, 8, 8],
    );
  });

  it("wakes by turns: also where all began at one moment, somebody wakes within a slice of a few", () => {
    for (let crowd = 8; crowd <= 1023; crowd = Math.ceil(crowd * 1.3)) {
      for (let first = 1; first + crowd <= 1024; first += 97) {
        const slots = Array.from({ length: crowd }, (_, index) => first + index);
        assert.ok(longestGap(slots, sliceOf(crowd)) <= SLICE_MS, `${crowd} from slot ${first}`);
      }
    }
  });

  it("sleeps to its phase, whenever it begins, and never for so short that it wakes for nothing", () => {
    const most = sliceOf(1000);
    for (let now = 0; now < 4 * most; now += 13) {
      const left = untilPhase(7, now, most);
      assert.ok(left >= 100 && left < most + 100, `${left} ms from ${now}`);
      const phase = (now + left) % most;
      assert.ok(Math.abs(phase - (untilPhase(7, 0, most) % most)) < 1e-6, `${phase}`);
    }
  });
});
