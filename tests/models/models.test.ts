/**
 * The everyday run of the models: to one pre-emption, and no further than some schedules; `npm run models` explores all
 * of them in full. They are the tests of one program, so that its threads run one after the other: in a program for
 * each file, threads would start and V8 would optimize the same code 22 times over.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inForm } from "../form.js";
import { allModels, exploreModel, type ModelBounds } from "./explore-models.js";

const bounds = inForm<ModelBounds>({ short: { schedules: 24, walks: 8 }, whole: {} });

for (const { title, model } of await allModels()) {
  test(title, async () => {
    const { exploration } = await exploreModel(title, model, 1, bounds);
    exploration.throwIfFailed();
    assert.ok(exploration.isExhaustive || exploration.schedules >= (bounds.schedules ?? Number.POSITIVE_INFINITY));
  });
}
