import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ReadableStream, WritableStream } from "node:stream/web";
import { describe, test } from "node:test";
import { AsyncPool, type Pool, sleep, ThreadPool } from "allcores";
import { failAt, square } from "../fixtures/pool-tasks.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
const squares = (to: number) => count(to).map((n) => n * n);

for (const [title, make] of [
  ["AsyncPool", () => new AsyncPool({ concurrency: 4 })],
  ["ThreadPool", () => new ThreadPool({ workers: 2 })],
] as const) {
  describe(`${title}: streams`, { timeout: timeLimit(30_000) }, () => {
    const using = async (body: (pool: Pool) => Promise<void>) => {
      await using pool: Pool = make();
      await body(pool);
    };

    test("pipeline: in order, and every result arrives", () =>
      using(async (pool) => {
        const got: number[] = [];
        await pipeline(count(500), pool.stream(square), async (results) => {
          for await (const result of results) got.push(result);
        });
        assert.deepEqual(got, squares(500));
      }));

    test("pipeline: no more is taken from the source than the sink takes", () =>
      using(async (pool) => {
        let taken = 0;
        let written = 0;
        let most = 0;
        await pipeline(
          Readable.from(
            (function* () {
              for (; taken < 1000; taken++) yield taken;
            })(),
          ),
          pool.stream(square, { buffer: 10 }),
          new Writable({
            objectMode: true,
            highWaterMark: 1,
            write(_result: number, _encoding, done) {
              written++;
              most = Math.max(most, taken - written);
              setImmediate(done);
            },
          }),
        );
        assert.equal(written, 1000);
        // What the map and the streams at both sides hold: 10 and some dozens, whatever passes through.
        assert.ok(most < 100, `${most} were under way`);
      }));

    test("pipeline: an error of a task ends source and sink, an error of the sink ends the map and its input", () =>
      using(async (pool) => {
        let returned = 0;
        function* endless() {
          try {
            for (let n = 0; ; n++) yield n;
          } finally {
            returned++;
          }
        }
        const sink = new Writable({ objectMode: true, write: (_result, _encoding, done) => done() });
        await assert.rejects(pipeline(endless(), pool.stream(failAt.partial(50)), sink), { message: "failed at 50" });
        assert.equal(sink.destroyed, true);
        const broken = new Writable({
          objectMode: true,
          write: (_result, _encoding, done) => done(new Error("the sink")),
        });
        await assert.rejects(pipeline(endless(), pool.stream(square), broken), { message: "the sink" });
        while (returned < 2) await sleep(1);
      }));

    test("pipeline: its signal calls the rest off", () =>
      using(async (pool) => {
        const controller = new AbortController();
        let seen = 0;
        async function* slowly() {
          for (let n = 0; ; n++) {
            yield n;
            await sleep(1);
          }
        }
        const sink = new Writable({
          objectMode: true,
          write(_result, _encoding, done) {
            if (++seen === 5) controller.abort();
            done();
          },
        });
        await assert.rejects(pipeline(slowly(), pool.stream(square), sink, { signal: controller.signal }), {
          name: "AbortError",
        });
      }));

    test("web streams: in order, errors both ways, and a reader that leaves ends the source", () =>
      using(async (pool) => {
        const got: number[] = [];
        const sink = () => new WritableStream<number>({ write: (result) => void got.push(result) });
        await ReadableStream.from(count(300)).pipeThrough(pool.transformStream(square)).pipeTo(sink());
        assert.deepEqual(got, squares(300));
        await assert.rejects(
          ReadableStream.from(count(300))
            .pipeThrough(pool.transformStream(failAt.partial(20)))
            .pipeTo(sink()),
          { message: "failed at 20" },
        );
        let cancelled: unknown;
        let next = 0;
        const source = new ReadableStream<number>({
          pull: (controller) => controller.enqueue(next++),
          cancel: (reason) => void (cancelled = reason ?? true),
        });
        const reader = source.pipeThrough(pool.transformStream(square)).getReader();
        for (const n of count(5)) assert.equal((await reader.read()).value, n * n);
        await reader.cancel();
        while (cancelled === undefined) await sleep(1);
        assert.ok(next < 1000, `${next} were pulled`);
      }));
  });
}
