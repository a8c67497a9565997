/** Which modules a pool's lane may name: those that the pool has ordered, whatever stands in shared memory. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProcessPool, Queue, type Task, taskModule, ThreadPool } from "allcores";
import type { Heap } from "../../src/memory/index.js";
import { orderOf, Orders } from "../../src/workers/orders.js";
import { double, Point } from "../fixtures/point.js";

const refused = { code: "ERR_ALLCORES_MODULE_NOT_ALLOWED", message: /has not ordered/ };
const here = new URL("../fixtures/", import.meta.url);

/** As long as what it is to be written over with. */
function padded(url: string): URL {
  return new URL(`none.js?${"p".repeat(url.length)}`, here);
}

/**
 * A worker takes a while to start: what it is told of a task stands in memory that every worker, and every program of
 * this user, may write to.
 */
function overwrite(heap: Heap, from: string, to: string): void {
  const bytes = Buffer.from(heap.bytes.buffer, heap.bytes.byteOffset, heap.words[3]! * 4);
  const at = bytes.indexOf(from);
  assert.ok(at > 0, "the record was not found");
  assert.ok(to.length <= from.length);
  bytes.write(to, at, "latin1");
}

for (const [Pool, across] of [
  [ThreadPool, "threads"],
  [ProcessPool, "processes"],
] as const) {
  describe(`${across}: a lane loads no module that its pool has not ordered`, () => {
    const heap = () => (new Queue({ across }) as unknown as { heap: Heap }).heap;
    const evil = (longest: number) =>
      encodeURI(
        "data:text/javascript,globalThis.loadedByLane=1;export const work = () => `code from the bytes ran in here`;//",
      ).padEnd(longest, "x");

    const others: Readonly<Record<string, (url: string) => string>> = {
      "a data: URL": (url) => evil(url.length),
      "another file of the project": (url) => `${new URL("plain-functions.js?", here).href}`.padEnd(url.length, "x"),
      "the same file with another query": (url) => url.replace(/p$/, "q"),
      "the same file with a fragment": (url) => url.replace(/p$/, "#"),
      "the same file in other case": (url) => url.replace("none.js", "None.js"),
      "the same file by another way": (url) => url.replace("none.js", "no%6ee.js").slice(0, url.length),
    };
    for (const [what, other] of Object.entries(others)) {
      test(`${what} is refused, and the pool goes on`, async () => {
        const memory = heap();
        await using pool = new Pool({ workers: 1 });
        const url = padded("p".repeat(300));
        const work = (taskModule(url) as { work: Task }).work;
        const outcome = pool.submit(work, 1);
        overwrite(memory, url.href, other(url.href));
        await assert.rejects(outcome, refused);
        await assert.rejects(pool.submit(work, 2), refused);
        // A task of a module that becomes known only after the worker has started.
        assert.equal((await pool.submit(double, new Point(1, 2))).x, 2);
        assert.equal((globalThis as { loadedByLane?: number }).loadedByLane, undefined);
      });
    }

    test("another function of the same module is refused", async () => {
      const memory = heap();
      await using pool = new Pool({ workers: 1 });
      const name = `basename_${"n".repeat(100)}`;
      const outcome = pool.submit((taskModule("node:path") as unknown as Record<string, Task>)[name]!, "/a/b");
      // The length of the name stands before it: it stays.
      overwrite(memory, name, name.replace("basename", "dirname0"));
      await assert.rejects(outcome, refused);
    });

    test("a module whose URL is longer than a socket takes at once is ordered all the same", async () => {
      await using pool = new Pool({ workers: 1 });
      const long = taskModule<{ work(n: number): number }>(
        new URL(`data:text/javascript,export const work = (n) => n + 1;//${"x".repeat(500_000)}`),
      );
      assert.equal(await pool.submit(long.work, 1), 2);
    });

    test("hundreds of modules, ordered while the worker is busy", async () => {
      await using pool = new Pool({ workers: 1 });
      const all = Array.from({ length: 300 }, (_, index) =>
        pool.submit(
          taskModule<{ work(): number }>(new URL(`data:text/javascript,export const work = () => ${index};`)).work,
        ),
      );
      assert.deepEqual(
        await Promise.all(all),
        all.map((_, index) => index),
      );
    });
  });
}

test("orders go by their whole text, and long ones by its digest", () => {
  const orders = new Orders();
  const long = `data:text/javascript,//${"x".repeat(10_000)}`;
  orders.add(orderOf("file:///a.js", "b"));
  orders.add(orderOf(long, "b"));
  const nothing = () => {};
  assert.ok(orders.has(orderOf("file:///a.js", "b"), nothing));
  assert.ok(orders.has(orderOf(long, "b"), nothing));
  assert.ok(!orders.has(orderOf(`${long}y`, "b"), nothing));
  assert.ok(!orders.has(orderOf("file:///a.js", "c"), nothing));
  assert.ok(orderOf(long, "b").length < 100);
});
