import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "./programs.js";
import { timeLimit } from "../time-limit.js";

test("receiving an item never runs a program's main module again because its class was defined there", {
  timeout: timeLimit(60_000),
}, async () => {
  const { code, output, errors } = await runProgram("main-class");
  assert.equal(code, 0, errors);
  const refused = "ERR_ALLCORES_MODULE_NOT_ALLOWED true";
  const each = [`item ${refused}`, `argument ${refused}`, `job ${refused}`, "runs", "own 1", "known 1"];
  assert.deepEqual(output.trim().split("\n"), ["runs", ...each, ...each]);
});
