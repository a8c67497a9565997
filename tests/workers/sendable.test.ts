import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Process, Thread } from "allcores";
import { double, Point } from "../fixtures/point.js";

describe("instances of a sendable class", () => {
  for (const Worker of [Thread, Process]) {
    it(`go to a ${Worker.name} and come back as instances`, async () => {
      const result = await Worker.start(double, new Point(3, 4)).join();
      assert.ok(result instanceof Point);
      assert.deepEqual([result.x, result.y], [6, 10]);
    });
  }

  it("are refused, with the way to mend it, when their class is not registered", () => {
    class Unknown {
      value = 1;
    }
    assert.throws(() => Thread.start(double, new Unknown() as never), {
      code: "ERR_ALLCORES_UNSENDABLE",
      path: "args[0]",
      message: /sendable\(import\.meta, Unknown\)/,
    });
  });
});
