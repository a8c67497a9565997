/** Each public call of `allcores/remote` that takes options refuses one that it does not know, by its name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { task } from "allcores";
import * as remote from "allcores/remote";
import { RemoteEvent, RemoteLock, RemotePool, RemoteQueue, RemoteSemaphore, serveRemote } from "allcores/remote";

const at = { connection: "redis://127.0.0.1:1", queue: "options" };
const object = { connection: "redis://127.0.0.1:1", name: "options" };
const nothing = task(import.meta, function nothing(n: number) {
  return n;
});
type Given = never;

const calls: Record<string, (options: object) => unknown> = {
  "new RemotePool": (options) => new RemotePool({ ...at, ...options } as Given),
  "RemotePool.run": (options) => RemotePool.run({ ...at, ...options } as Given, () => {}),
  "RemotePool.with": (options) => new RemotePool(at).with(options as Given),
  "RemotePool.map": (options) => new RemotePool(at).map(nothing, [1], options as Given),
  "RemotePool.starmap": (options) => new RemotePool(at).starmap(nothing, [[1]], options as Given),
  "new RemotePool, retention": (retention) => new RemotePool({ ...at, retention } as Given),
  "new RemotePool, rate": (rate) => new RemotePool({ ...at, rate: { limit: 1, interval: 1, ...rate } } as Given),
  serveRemote: (options) => serveRemote({ ...at, allow: ["."], ...options } as Given),
  "serveRemote, lease": (lease) => serveRemote({ ...at, allow: ["."], lease } as Given),
  "new RemoteQueue": (options) => new RemoteQueue({ ...at, ...options } as Given),
  "RemoteQueue.schedule": (when) => new RemoteQueue(at).schedule("x", when as Given, nothing, 1),
  "new RemoteLock": (options) => new RemoteLock({ ...object, ...options } as Given),
  "RemoteLock.acquire": (options) => new RemoteLock(object).acquire(options as Given),
  "RemoteLock.run": (options) => new RemoteLock(object).run(() => {}, options as Given),
  "new RemoteSemaphore": (options) => new RemoteSemaphore(1, { ...object, ...options } as Given),
  "RemoteSemaphore.acquire": (options) => new RemoteSemaphore(1, object).acquire(options as Given),
  "RemoteSemaphore.run": (options) => new RemoteSemaphore(1, object).run(() => {}, options as Given),
  "new RemoteEvent": (options) => new RemoteEvent({ ...object, ...options } as Given),
  "RemoteEvent.wait": (options) => new RemoteEvent(object).wait(options as Given),
};

for (const [name, call] of Object.entries(calls))
  test(`${name} knows its options`, async () => {
    const wrong = async () => await call({ nonsense: 1 });
    await assert.rejects(
      wrong(),
      (error: Error & { code?: string }) =>
        error.code === "ERR_ALLCORES_ARGUMENT_TYPE" && error.message.includes("nonsense"),
    );
  });

test("each class has a row", () => {
  const classes = Object.entries(remote).filter(
    ([name, value]) => /^Remote/.test(name) && !(value.prototype instanceof Error),
  );
  const given = new Set(["RemoteHeld", "RemoteServer"]);
  for (const [name] of classes) assert.ok(given.has(name) || `new ${name}` in calls, name);
});

test("the same classes by import and by require", async () => {
  const { createRequire } = await import("node:module");
  const required = createRequire(import.meta.url)("allcores/remote") as typeof remote;
  assert.equal(required.RemotePool, RemotePool);
  const { createPool, isAllcoresError } = await import("allcores");
  const pool = createPool("remote", at);
  assert.ok(pool instanceof RemotePool);
  pool.terminate();
  await pool.join();
  assert.ok(isAllcoresError(new remote.IdConflictError("x")));
});
