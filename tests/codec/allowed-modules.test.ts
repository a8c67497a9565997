/** A message names modules, and only those that its receiver allows are loaded or taken. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  allowModules,
  createPipe,
  pack,
  Queue,
  select,
  SharedMap,
  type Task,
  task,
  taskModule,
  Thread,
  ThreadPool,
  unpack,
} from "allcores";
import * as tasks from "../fixtures/allowed-tasks.js";
import { timeLimit } from "../time-limit.js";

/** A module that says on the global object that it was loaded. */
const telling =
  "globalThis.loadedByMessage = (globalThis.loadedByMessage ?? 0) + 1; export const run = () => 1; class Strange {};";
const folder = fs.mkdtempSync(join(tmpdir(), "allowed-"));
after(() => fs.rmSync(folder, { recursive: true }));
const elsewhere = pathToFileURL(join(folder, "elsewhere.mjs")).href;
fs.writeFileSync(join(folder, "elsewhere.mjs"), telling);

const strangers = {
  "a data: URL": `data:text/javascript,${encodeURIComponent(telling)}`,
  "a builtin": "node:child_process",
  "a blob": "blob:nodedata:1b9f",
  "an address": "http://localhost:1/module.js",
  "a file of no project of ours": elsewhere,
  "a way out of ours": new URL("a/%2e%2e/x.js", import.meta.url).href.replace(
    "/x.js",
    "/../../../../../../../../../../etc/x.js",
  ),
};
const refused = { code: "ERR_ALLCORES_MODULE_NOT_ALLOWED" };
const nothingLoaded = () => assert.equal((globalThis as { loadedByMessage?: number }).loadedByMessage, undefined);

describe("an instance of a class whose module may not be named", () => {
  for (const [what, module] of Object.entries(strangers)) {
    test(`${what}: is refused by get, recv, select and the result of a task`, async () => {
      const queue = new Queue();
      const sent = module.startsWith("file:") ? new URL(module).href : module;
      const named = { ...refused, module: sent };
      await Thread.start(tasks.putStrange, queue, module).join();
      await assert.rejects(queue.get({ timeout: timeLimit(10_000) }), named);
      await Thread.start(tasks.putStrange, queue, module).join();
      await assert.rejects(select({ queue }, { timeout: timeLimit(10_000) }), named);
      const [here, there] = createPipe<never, object>();
      const sender = Thread.start(tasks.sendStrange, there as never, module);
      await assert.rejects(here.recv({ timeout: timeLimit(10_000) }), named);
      await sender.join();
      await assert.rejects(Thread.start(tasks.returnStrange, module).join(), named);
      nothingLoaded();
    });
  }

  test("blocking and trying load nothing in any case", async () => {
    const queue = new Queue();
    await Thread.start(tasks.putStrange, queue, elsewhere).join();
    assert.throws(() => queue.getSync(), { code: "ERR_ALLCORES_UNKNOWN_CLASS" });
    await Thread.start(tasks.putStrange, queue, elsewhere).join();
    assert.throws(() => queue.tryGet(), { code: "ERR_ALLCORES_UNKNOWN_CLASS" });
    const map = new SharedMap();
    await Thread.start(tasks.openMap, map, elsewhere).join();
    assert.throws(() => map.get("star"), { code: "ERR_ALLCORES_UNKNOWN_CLASS" });
    nothingLoaded();
  });
});

test("a class of this project is loaded when its first instance arrives", async () => {
  const queue = new Queue<{ double: number }>({ across: "processes" });
  await Thread.start(tasks.putStar, queue).join();
  assert.equal((await queue.get({ timeout: timeLimit(10_000) })).double, 42);
});

test("the memory of all programs has nothing loaded, not even of this project", async () => {
  const queue = new Queue({ across: "machine" });
  const module = new URL("../fixtures/throws-while-loading.js", import.meta.url).href;
  await Thread.start(tasks.putStrange, queue, module).join();
  await assert.rejects(queue.get({ timeout: timeLimit(10_000) }), { code: "ERR_ALLCORES_UNKNOWN_CLASS", module });
});

describe("a task", () => {
  const own = task(import.meta, "own", () => 1);

  test("of a module that may not be named is refused where it arrives", async () => {
    for (const module of Object.values(strangers)) {
      const queue = new Queue<Task>();
      await Thread.start(tasks.putTask, queue, module).join();
      await assert.rejects(queue.get({ timeout: timeLimit(10_000) }), refused);
    }
    nothingLoaded();
  });

  test("of this project arrives; from another program only one that is registered here", async () => {
    const known = new URL("../fixtures/star.js", import.meta.url).href;
    for (const [across, code] of [
      ["threads", undefined],
      ["machine", refused.code],
    ] as const) {
      const queue = new Queue<Task>({ across });
      await Thread.start(tasks.putTask, queue, known).join();
      if (code === undefined) assert.equal(typeof (await queue.get({ timeout: timeLimit(10_000) })), "function");
      else await assert.rejects(queue.get({ timeout: timeLimit(10_000) }), { code });
      await queue.put(own);
      assert.equal((await queue.get())(), 1);
    }
    assert.equal(unpack(pack(own))(), 1);
    assert.throws(
      () => unpack(pack(taskModule<{ run(): number }>(new URL("../fixtures/plain-cells.js", import.meta.url)).run)),
      refused,
    );
  });

  test("that this program orders may be of any module", async () => {
    await using pool = new ThreadPool({ workers: 1 });
    assert.equal(await pool.submit(taskModule<typeof import("node:path")>("node:path").basename, "/a/b"), "b");
  });
});

test("allowModules lets a module, or a folder, be named", async () => {
  const queue = new Queue<Task>();
  allowModules("node:child_process", new URL("./", elsewhere));
  await Thread.start(tasks.putTask, queue, "node:child_process").join();
  assert.equal(typeof (await queue.get({ timeout: timeLimit(10_000) })), "function");
  await Thread.start(tasks.putStrange, queue, elsewhere).join();
  // It is loaded now, and registers no such class.
  await assert.rejects(queue.get({ timeout: timeLimit(10_000) }), { code: "ERR_ALLCORES_UNKNOWN_CLASS" });
  assert.equal((globalThis as { loadedByMessage?: number }).loadedByMessage, 1);
  assert.throws(() => allowModules("not a module"), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
});
