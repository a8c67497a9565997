/**
 * `node scripts/test.mjs stress/full-map`: caches of a gibibyte, which take a minute and three gibibytes of memory. The
 * short form is in shared-map-full.test.ts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedMap } from "../../src/index.js";

const LIMIT = 2 ** 30;
/** A look at the figures costs more than a put. */
const PUTS_BETWEEN_LOOKS = 500;

for (const across of ["threads", "processes"] as const) {
  for (const bytes of [100, 100_000]) {
    test(`a cache of 1 GiB across ${across} fills to nine tenths with values of ${bytes} bytes`, () => {
      const map = new SharedMap<string>({ across, maxBytes: LIMIT });
      const value = "x".repeat(bytes);
      const puts = bytes < 10_000 ? PUTS_BETWEEN_LOOKS : 1;
      let most = 0;
      let put = 0;
      for (let evictions = 0; evictions === 0; ) {
        for (const end = put + puts; put < end; put++) map.set(`key-${put}`, value);
        const stats = map.stats();
        most = Math.max(most, stats.bytes);
        evictions = stats.evictions;
      }
      console.log(`${across}, ${bytes} bytes: ${map.size} entries, ${((100 * most) / LIMIT).toFixed(1)} %`);
      assert.ok(most >= LIMIT * 0.9, `it evicted at ${most}`);
      map.clear();
      map.free();
    });
  }
}
