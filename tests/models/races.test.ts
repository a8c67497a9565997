/** What models rest on: a program that assigns without an order is found out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explore } from "../../src/testing/index.js";
import { racing } from "./value.model.js";

test("plain assignments that nothing orders are a race", async () => {
  const { failure } = await explore(racing, { preemptions: 0, internals: true });
  assert.equal(failure?.kind, "race");
  // Where in the library an operation stands is known of sources alone: what is published is one file.
  assert.match(failure.table, /value "int"\[0\]: 0 -> 1 \(cells\.ts:\d+\)/);
});

test("without the search for races their lost update is found", async () => {
  const { failure } = await explore(racing, { races: false });
  assert.equal(failure?.kind, "check");
});
