import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeLoading, knowModule } from "../../src/codec/allowed-modules.js";
import { UnknownClassError } from "../../src/errors/index.js";

test("a class whose module is missing at get() is a TaskLoadError that names both, with the cause", async () => {
  const module = new URL("./there-is-no-such-module.js", import.meta.url).href;
  knowModule(module);
  const decodeIt = () => {
    throw new UnknownClassError(module, "Point");
  };
  await assert.rejects(decodeLoading(decodeIt, { isForeign: false }), (error: Error & { code?: string }) => {
    assert.equal(error.code, "ERR_ALLCORES_TASK_LOAD");
    assert.match(error.message, /class Point .*there-is-no-such-module/);
    assert.equal((error.cause as { code?: string }).code, "ERR_MODULE_NOT_FOUND");
    return true;
  });
});
