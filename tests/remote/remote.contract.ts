/** What remote pools and their workers do, over whichever engine. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  CancelledError,
  type Future,
  IdConflictError,
  isAllcoresError,
  Lock,
  PoolFullError,
  Semaphore,
  SharedMap,
  StateError,
  TimeoutError,
  transfer,
  UnsendableError,
  ValueTooLargeError,
  WorkerDiedError,
} from "allcores";
import type { RemotePool, RemotePoolOptions, RemoteServer, ServeOptions } from "allcores/remote";
import * as tasks from "../fixtures/remote-tasks.js";
import * as apart from "../fixtures/plain-functions.js";
import { taskModule } from "allcores";
import { timeLimit } from "../time-limit.js";

/** Where pools and workers of one test file meet. */
export interface RemotePlace extends AsyncDisposable {
  pool(options?: Partial<RemotePoolOptions>): RemotePool;
  serve(options?: Partial<ServeOptions>): Promise<RemoteServer>;
}

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
export const TASKS = join(import.meta.dirname, "../fixtures/remote-tasks.js");

/** Lines that tasks have written. */
function lines(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

export function remoteContract(name: string, make: () => Promise<RemotePlace>): void {
  describe(`${name}: remote pools`, { timeout: timeLimit(120_000) }, () => {
    let place: RemotePlace;
    let server: RemoteServer;
    let folder: string;
    let files = 0;
    const newFile = () => join(folder, `lines-${++files}`);
    const reports: string[] = [];
    const using = async (options: Partial<RemotePoolOptions>, fn: (pool: RemotePool) => Promise<void>) => {
      const pool = place.pool(options);
      try {
        await fn(pool);
      } finally {
        pool.terminate();
        await pool.join();
      }
    };

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "allcores-remote-"));
      place = await make();
      server = await place.serve({ model: "thread", workers: 2, report: (message) => void reports.push(message) });
    });
    after(async () => {
      await server.terminate();
      await place[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    for (const [how, leaves] of [
      ["when it drains", true],
      ["when a task takes long", false],
    ] as const)
      test(`what a worker has taken ahead goes to another one ${how}`, async () => {
        const queue = `ahead-${leaves}-${process.pid}`;
        const serving = { queue, model: "thread" as const, workers: 1, report: () => {} };
        const first = await place.serve(serving);
        await using({ queue }, async (pool) => {
          // By now it knows that tasks are short, and takes some ahead.
          await pool.map(tasks.square, count(200), { chunkSize: 1 });
          const [file, gate] = [newFile(), newFile()];
          const held = pool.submit(tasks.holds, file, gate);
          const others = count(8).map((n) => pool.submit(tasks.square, n));
          await until(() => lines(file).length > 0);
          const drained = leaves ? first.drain() : undefined;
          const second = await place.serve(serving);
          assert.deepEqual(
            await Promise.all(others),
            count(8).map((n) => n * n),
          );
          assert.deepEqual([held.state, lines(file).length], ["running", 1]);
          writeFileSync(gate, "");
          assert.equal(await held, "held");
          await (drained ?? first.drain());
          await second.drain();
        });
      });

    test("calls give their values and their errors whole", () =>
      using({}, async (pool) => {
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        await assert.rejects(pool.submit(tasks.fail, "no"), (error: RangeError & { detail: number }) => {
          assert.ok(error instanceof RangeError);
          assert.deepEqual([error.message, error.detail], ["no", 7]);
          return true;
        });
        const { submitted, completed, failed } = pool.stats();
        assert.deepEqual([submitted, completed, failed], [2, 1, 1]);
      }));

    test("map: in order, as they come, settled, with arrays of arguments, by chunks, iterated lazily", () =>
      using({}, async (pool) => {
        const squares = count(200).map((n) => n * n);
        assert.deepEqual(await pool.map(tasks.square, count(200)), squares);
        assert.deepEqual(
          (await pool.map(tasks.square, count(50), { chunkSize: 7 }).unordered()).sort((a, b) => a - b),
          squares.slice(0, 50),
        );
        assert.deepEqual(
          await pool.starmap(tasks.add, [
            [1, 2],
            [3, 4],
          ]),
          [3, 7],
        );
        const settled = await pool.map(tasks.odd, [1, 2, 3], { chunkSize: 3 }).settled();
        assert.deepEqual(
          settled.map((each) => (each.status === "fulfilled" ? each.value : (each.reason as Error).message)),
          [1, "2 is even", 3],
        );
        await assert.rejects(async () => await pool.map(tasks.odd, [1, 2, 3]), { message: "2 is even" });
        const first: number[] = [];
        for await (const n of pool.map(tasks.square, count(500))) if (first.push(n) === 3) break;
        assert.deepEqual(first, [0, 1, 4]);
      }));

    test("a call knows its attempt, and has the same key in all of them", () =>
      using({ retries: { limit: 2, delay: 1 } }, async (pool) => {
        const { attempt, key } = await pool.submit(tasks.attempts, 3);
        assert.equal(attempt, 3);
        assert.ok(key !== undefined && key.length > 5);
        await assert.rejects(pool.with({ retries: 1 }).submit(tasks.attempts, 3), { message: "attempt 2" });
        const all = await pool.map(tasks.keys, count(5), { id: "with-keys" });
        assert.deepEqual(
          all,
          count(5).map((n) => `with-keys/${n}`),
        );
      }));

    test("news come before the result", () =>
      using({}, async (pool) => {
        const news: unknown[] = [];
        const future = pool.submit(tasks.news, 1);
        future.onProgress((value) => void news.push(value));
        await future;
        await until(() => news.length > 0 || future.state === "done");
        if (news.length > 0) assert.deepEqual(news, [{ n: 1 }]);
      }));

    test("timeouts: of the run, and of the call", () =>
      using({}, async (pool) => {
        await assert.rejects(pool.with({ taskTimeout: 50 }).submit(tasks.naps, 60_000), TimeoutError);
        await assert.rejects(pool.with({ timeout: 100 }).submit(tasks.naps, 60_000), TimeoutError);
        assert.equal(await pool.submit(tasks.add, 2, 2), 4);
      }));

    test("what runs is asked to stop when it is called off; what waits never runs", () =>
      using({}, async (pool) => {
        const file = newFile();
        const running = pool.submit(tasks.listens, file);
        await until(() => lines(file).includes("begun"));
        assert.equal(running.cancel(), true);
        await assert.rejects(running, CancelledError);
        await until(() => lines(file).includes("aborted"));
        const late = newFile();
        const delayed = pool.with({ delay: 60_000 }).submit(tasks.listens, late);
        delayed.cancel();
        await assert.rejects(delayed, CancelledError);
        assert.equal(await pool.submit(tasks.add, 1, 1), 2);
        assert.deepEqual(lines(late), []);
      }));

    test("delay holds a call back", () =>
      using({}, async (pool) => {
        const start = performance.now();
        assert.equal(await pool.with({ delay: 150 }).submit(tasks.add, 1, 2), 3);
        assert.ok(performance.now() - start >= 140);
      }));

    test("under an id a call is run once, whoever submits it", () =>
      using({}, async (pool) => {
        const file = newFile();
        const first = pool.with({ id: "order:17" }).submit(tasks.computes, file, 1, "a");
        const second = pool.with({ id: "order:17" }).submit(tasks.computes, file, 1, "a");
        assert.deepEqual(await Promise.all([first, second]), ["a", "a"]);
        await using({}, async (other) => {
          assert.equal(await other.with({ id: "order:17" }).submit(tasks.computes, file, 1, "a"), "a");
          await assert.rejects(other.with({ id: "order:17" }).submit(tasks.computes, file, 1, "b"), IdConflictError);
          await assert.rejects(other.with({ id: "order:17" }).submit(tasks.square, 3), IdConflictError);
        });
        assert.deepEqual(lines(file), ["a"]);
        await assert.rejects(pool.with({ id: "42" }).submit(tasks.fail, "x"), RangeError);
        await assert.rejects(pool.with({ id: "42" }).submit(tasks.fail, "x"), RangeError);
        assert.deepEqual(await pool.map(tasks.square, [4, 5], { id: "squares" }), [16, 25]);
        assert.deepEqual(await pool.map(tasks.square, [4, 5], { id: "squares" }), [16, 25]);
        assert.throws(() => pool.map(tasks.square, [1], { id: "x", chunkSize: 2 }), {
          code: "ERR_ALLCORES_ARGUMENT_TYPE",
        });
      }));

    test("long values have a key of their own; too long ones are refused by their path", () =>
      using({ maxValueBytes: 2_000_000 }, async (pool) => {
        assert.equal((await pool.submit(tasks.bytes, 700_000)).length, 700_000);
        assert.equal(await pool.submit(tasks.lengthOf, new Uint8Array(700_000)), 700_000);
        const long = new Uint8Array(3_000_000);
        assert.throws(
          () => pool.submit(tasks.lengthOf, long),
          (error: ValueTooLargeError) =>
            error instanceof ValueTooLargeError &&
            error.path === "args[0]" &&
            error.bytes > 3_000_000 &&
            / carries 2000000: /.test(error.message),
        );
        await assert.rejects(
          pool.submit(tasks.bytes, 3_000_000),
          (error: ValueTooLargeError) => error instanceof ValueTooLargeError && error.path === "result",
        );
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
      }));

    test("pause, start, clear and maxQueue concern this pool's calls", () =>
      using({ maxQueue: 1 }, async (pool) => {
        pool.pause();
        const waits = pool.submit(tasks.add, 1, 2);
        assert.throws(() => pool.submit(tasks.add, 1, 2), PoolFullError);
        assert.equal(pool.trySubmit(tasks.add, 1, 2), undefined);
        pool.start();
        assert.equal(await waits, 3);
        pool.pause();
        const cleared = pool.submit(tasks.add, 1, 2);
        pool.clear();
        await assert.rejects(cleared, CancelledError);
        pool.start();
        await pool.waitForIdle({ timeout: 10_000 });
      }));

    test("after close() what was submitted is done; terminate() ends it", async () => {
      const pool = place.pool();
      const future = pool.submit(tasks.naps, 20);
      pool.close();
      assert.throws(() => pool.submit(tasks.add, 1, 2), StateError);
      await pool.join();
      assert.equal(await future, 20);
      const other = place.pool();
      const ended = other.submit(tasks.naps, 60_000);
      other.terminate();
      await assert.rejects(ended, CancelledError);
      await other.join();
    });

    test("what cannot cross machines is refused by name", () =>
      using({}, async (pool) => {
        assert.throws(() => pool.handle(), StateError);
        assert.throws(() => pool.with({ transfer: [new ArrayBuffer(1)] }), StateError);
        assert.throws(() => pool.with({ priority: 0.5 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
        const anything = tasks.lengthOf as unknown as typeof tasks.attempts;
        const sharing: [unknown, RegExp][] = [
          [new Lock({ across: "processes" }), /RemoteLock/],
          [new Lock(), /RemoteLock/],
          [new Semaphore(1), /RemoteSemaphore/],
          [new SharedMap(), /send what it holds/],
          [new Uint8Array(new SharedArrayBuffer(8)), /send a copy/],
        ];
        for (const [shared, fix] of sharing)
          assert.throws(
            () => pool.submit(anything, { deep: [shared] } as never),
            (error: Error) => {
              assert.ok(error instanceof UnsendableError, String(error));
              assert.match(error.message, /^args\[0\]\.deep\[0\] is /);
              assert.match(error.message, fix);
              // No reach of a shared object would help.
              assert.doesNotMatch(error.message, /across/);
              return true;
            },
          );
        assert.throws(() => pool.submit(tasks.lengthOf, transfer(new Uint8Array(8))), UnsendableError);
      }));

    test("a module outside of the allow-list is an error, and another build is left to others", () =>
      using({}, async (pool) => {
        const plain = taskModule<typeof apart>(
          new URL("../fixtures/plain-functions.js", import.meta.url),
        ) as unknown as Record<string, typeof tasks.square>;
        await assert.rejects(pool.submit(plain[Object.keys(apart)[0]!]!, 1), {
          code: "ERR_ALLCORES_MODULE_NOT_ALLOWED",
        });
        await using({ build: "9.9.9" }, async (other) => {
          const future = other.submit(tasks.add, 1, 2);
          await until(() => reports.some((line) => line.includes("@9.9.9/")));
          assert.equal(future.state === "pending" || future.state === "running", true);
          const newer = await place.serve({ model: "thread", workers: 1, build: "9.9.9", report: () => {} });
          assert.equal(await future, 3);
          await newer.drain();
        });
      }));

    test("higher priorities go first", () =>
      using({ queue: "priorities" }, async (pool) => {
        const file = newFile();
        const futures: Future<string>[] = [];
        for (const priority of [0, -5, 7, 3])
          futures.push(pool.with({ priority }).submit(tasks.computes, file, 1, `p${priority}`));
        // The first of them is there once another call that was sent after it is.
        await pool
          .with({ id: "last", priority: -9, timeout: 500 })
          .submit(tasks.add, 1, 2)
          .catch(() => {});
        const alone = await place.serve({ queue: "priorities", model: "thread", workers: 1, report: () => {} });
        await Promise.all(futures);
        await alone.drain();
        assert.deepEqual(lines(file), ["p7", "p3", "p0", "p-5"]);
      }));

    test("a process that dies under its task is a loss: it runs again, up to lostRetries", async () => {
      const processes = await place.serve({ queue: "deadly", model: "process", workers: 1, report: () => {} });
      try {
        await using({ queue: "deadly", lostRetries: 1 }, async (pool) => {
          assert.equal(await pool.submit(tasks.deadly, 1), 2);
          await assert.rejects(pool.submit(tasks.deadly, 9), (error: WorkerDiedError) => {
            assert.ok(error instanceof WorkerDiedError, String(error));
            assert.deepEqual(
              error.deaths.map(({ signal, attempt }) => [signal, attempt]),
              [
                ["SIGKILL", 1],
                ["SIGKILL", 2],
              ],
            );
            return true;
          });
        });
      } finally {
        await processes.drain();
      }
    });

    test("errors of options name them", () => {
      for (const options of [
        { workers: 2 },
        { initializer: () => {} },
        { killGrace: 1 },
        { resourceLimits: {} },
        { idleTimeout: 1 },
        { lostRetries: -1 },
        { build: "a/b" },
      ])
        assert.throws(
          () => place.pool(options as never),
          (error: Error) => isAllcoresError(error) && error.message.includes(Object.keys(options)[0]!),
        );
    });
  });
}
