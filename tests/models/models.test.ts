/**
 * The everyday run of the models: to one pre-emption, but for those that take long; `npm run models` explores all of them in full. They are the tests of one
 * program, so that its troupe plays one after the other: in a program for each file, threads would start and V8 would optimize the same code 22 times over.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allModels, exploreModel } from "./explore-models.js";

for (const { title, model } of await allModels()) {
  if (model.everyday === false) continue;
  test(title, async () => {
    const { exploration } = await exploreModel(title, model, 1);
    exploration.throwIfFailed();
    assert.ok(exploration.isExhaustive);
  });
}
