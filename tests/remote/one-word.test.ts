/** One program, unchanged, on every model; the remote one against a worker that the command line has started. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { noRedis, RedisServer } from "../fixtures/redis.js";
import { timeLimit } from "../time-limit.js";

const command = resolve(import.meta.dirname, "../../../dist/cli.js");
const examples = resolve(import.meta.dirname, "../../examples/remote");
const run = async (model: string, env = {}) =>
  (
    await promisify(execFile)(process.execPath, [join(examples, "one-word.js"), model], {
      env: { ...process.env, ...env },
    })
  ).stdout;
const EXPECTED = "158 375 615\n2568\n";

test("async, thread and process", { timeout: timeLimit(30_000) }, async () => {
  for (const model of ["async", "thread", "process"]) assert.equal(await run(model), EXPECTED, model);
});

test("remote", { skip: noRedis(), timeout: timeLimit(30_000) }, async () => {
  await using redis = await RedisServer.start([], { tcp: true });
  const options = ["--redis", redis.url, "--queue", "one-word", "--allow", join(examples, "tasks.js"), "--port", "0"];
  const worker = spawn(process.execPath, [command, "worker", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    for await (const text of worker.stdout) if (String(text).startsWith("serving")) break;
    assert.equal(await run("remote", { REDIS: redis.url }), EXPECTED);
  } finally {
    worker.kill("SIGKILL");
  }
});
