/** Terminating a thread while it loads modules: V8 would abort the program. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Lock, taskModule, Thread, ThreadPool } from "allcores";
import { until } from "../fixtures/pool-processes.js";
import { holdAndLoad } from "../fixtures/worker-tasks.js";
import { runProgram } from "./programs.js";
import { timeLimit } from "../time-limit.js";

const folder = mkdtempSync(join(tmpdir(), "allcores-loading-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const count = (to: number) => Array.from({ length: to }, (_, index) => index);

/** A module that awaits at its top level until the file `goes` is there. It writes the file `begun` first. */
function waitingModule(name: string) {
  const [begun, goes, url] = [
    join(folder, `${name}-begun`),
    join(folder, `${name}-goes`),
    pathToFileURL(join(folder, `${name}.mjs`)),
  ];
  writeFileSync(
    url,
    `import fs from "node:fs";
fs.writeFileSync(${JSON.stringify(begun)}, "");
while (!fs.existsSync(${JSON.stringify(goes)})) await new Promise((resolve) => setTimeout(resolve, 2));
export function go() { throw new Error("a task was begun in a thread that was terminated"); }
`,
  );
  return { url, begun: () => existsSync(begun), goOn: () => writeFileSync(goes, "") };
}

describe("terminating a thread while it loads modules (top-level await) aborts no program", {
  concurrency: 1,
  timeout: timeLimit(120_000),
}, () => {
  for (const how of [
    "terminate()",
    "kill()",
    "terminate() of the thread above",
    "the end of its starter",
    "process.exit() of its starter",
    "terminate() of its pool",
    "a task that was called off",
  ])
    test(how, async () =>
      assert.deepEqual(await runProgram("terminate-loading", how, folder), { code: 0, output: "whole\n", errors: "" }),
    );

  test("the program's end", async () => {
    for (const _ of count(3))
      assert.deepEqual(await runProgram("terminate-loading", "the program's end", folder), {
        code: 0,
        output: "whole\n",
        errors: "",
      });
  });
});

describe("a terminate is held back for at most killGrace", { timeout: timeLimit(60_000) }, () => {
  test("then the handle counts the thread as ended, and what it holds passes on only once it is gone", async () => {
    const module = waitingModule("handle");
    const lock = new Lock();
    const thread = Thread.start(holdAndLoad, lock, module.url.href);
    await until(module.begun);
    thread.terminate();
    assert.equal(thread.isAlive, true);
    await assert.rejects(thread.join(), { code: "ERR_ALLCORES_WORKER_DIED", message: /was terminated/ });
    assert.deepEqual([thread.isAlive, thread.exitCode], [false, 1]);
    assert.equal(lock.tryAcquire(), undefined);
    module.goOn();
    const held = await lock.acquire({ timeout: timeLimit(20_000) });
    assert.equal(held.ownerDied, true);
    held[Symbol.dispose]();
  });

  test("a blocked join hears of it, though no event loop turns", async () => {
    const module = waitingModule("blocked");
    const thread = Thread.start(taskModule<{ go: () => void }>(module.url).go);
    await until(module.begun);
    thread.terminate();
    assert.throws(() => thread.joinSync(), { code: "ERR_ALLCORES_WORKER_DIED" });
    module.goOn();
  });

  test("modules that end in time: the thread ends with them, and its task is not begun", async () => {
    const module = waitingModule("in-time");
    const thread = Thread.start(taskModule<{ go: () => void }>(module.url).go);
    await until(module.begun);
    thread.terminate();
    module.goOn();
    await assert.rejects(thread.join(), { code: "ERR_ALLCORES_WORKER_DIED", message: /was terminated/ });
    await thread[Symbol.asyncDispose]();
    assert.equal(thread.id, undefined);
  });

  test("then the pool counts it as ended: its place is taken by another, and join does not wait for it", async () => {
    const module = waitingModule("pool");
    const pool = new ThreadPool({ workers: 1, killGrace: 50 });
    const { go } = taskModule<{ go: () => void }>(module.url);
    const called = pool.submit(go);
    await until(module.begun);
    assert.equal(called.cancel(), true);
    const path = taskModule<typeof import("node:path")>(new URL("node:path"));
    assert.equal(await pool.submit(path.basename, "/tmp/a.txt"), "a.txt");
    assert.equal(pool.stats().workers, 1);
    const second = waitingModule("pool-again");
    const another = pool.submit(taskModule<{ go: () => void }>(second.url).go);
    await until(second.begun);
    pool.terminate();
    await assert.rejects(Promise.resolve(another), { code: "ERR_ALLCORES_CANCELLED" });
    await pool.join();
    assert.equal(pool.stats().workers, 0);
    module.goOn();
    second.goOn();
  });
});
