/** Workers that are started where there is no folder to work in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startProgram } from "./programs.js";

test("in a folder that was deleted, processes begin, and what needs a thread says what is wrong", async () => {
  assert.deepEqual(await startProgram("folderless").ended, { code: 0, output: "", errors: "" });
});
