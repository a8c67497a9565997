/** Every model, to one pre-emption: `npm run models` explores them in full. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allModels, exploreModel } from "./explore-models.js";

const models = await allModels();

test("there are models", () => assert.ok(models.length > 0));
for (const { title, model } of models) {
  test(title, async () => {
    const { exploration } = await exploreModel(title, model, 1);
    exploration.throwIfFailed();
    assert.ok(exploration.exhaustive);
  });
}
