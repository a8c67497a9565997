/** The everyday run of a file of models, but for those that take long: to one pre-emption. `npm run models` explores them in full. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exploreModel } from "./explore-models.js";
import type { Model } from "./model.js";

export function testModels(models: readonly Model[]): void {
  assert.ok(models.length > 0);
  for (const model of models) {
    if (model.everyday === false) continue;
    test(model.name, async () => {
      const { exploration } = await exploreModel(model.name, model, 1);
      exploration.throwIfFailed();
      assert.ok(exploration.exhaustive);
    });
  }
}
