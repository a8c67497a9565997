/** Values at the edge of what the primitives take mean what they say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Barrier, BoundedSemaphore } from "allcores";

for (const across of ["threads", "processes"] as const) {
  test(`BoundedSemaphore(0) is allowed, as in Python: nothing can be acquired or released, across ${across}`, () => {
    const semaphore = new BoundedSemaphore(0, { across });
    assert.equal(semaphore.limit, 0);
    assert.equal(semaphore.tryAcquire(), undefined);
    assert.throws(() => semaphore.release(), { code: "ERR_ALLCORES_RELEASED_TOO_OFTEN" });
    assert.equal(semaphore.value, 0);
  });

  test(`Barrier({ timeout: 0 }): each wait is one attempt, across ${across}`, async () => {
    const barrier = new Barrier(2, { across, timeout: 0 });
    await assert.rejects(barrier.wait(), { code: "ERR_ALLCORES_TIMEOUT", message: /within 0 ms/ });
    assert.equal(barrier.isBroken, true);
    barrier.reset();
    assert.throws(() => barrier.waitSync(), { code: "ERR_ALLCORES_TIMEOUT" });
    barrier.reset();
    const arrived = barrier.wait({ timeout: 60_000 });
    assert.deepEqual(await Promise.all([arrived, barrier.wait()]), [0, 1]);
  });

  test(`Barrier({ timeout }) of a month, of 1e300 ms and of Infinity does not end sooner, across ${across}`, async () => {
    for (const timeout of [2 ** 32 + 5, 1e300, Number.POSITIVE_INFINITY]) {
      const barrier = new Barrier(2, { across, timeout });
      assert.deepEqual(await Promise.all([barrier.wait(), barrier.wait()]), [0, 1]);
    }
  });
}
