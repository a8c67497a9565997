/** The six programs of the article print what Python's print: the same text, the same order, the same counts. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { timeLimit } from "../time-limit.js";

const examples = new URL("../../examples/article/", import.meta.url);

/** Runs a program to its end; its lines. */
async function linesOf(file: string, ...args: string[]): Promise<string[]> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`${file}.js`, examples)), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (code, signal) => resolve([code, signal])),
  );
  assert.deepEqual({ code, signal, err }, { code: 0, signal: null, err: "" });
  assert.ok(out.endsWith("\n"));
  return out.slice(0, -1).split("\n");
}

function positionOf(lines: readonly string[], line: string): number {
  const at = lines.indexOf(line);
  assert.ok(at >= 0, `${JSON.stringify(line)} is missing`);
  assert.equal(lines.lastIndexOf(line), at, `${JSON.stringify(line)} occurs twice`);
  return at;
}

describe("the article's programs", { concurrency: 2, timeout: timeLimit(60_000) }, () => {
  test("1: five threads wait at the same time", async () => {
    const lines = await linesOf("1-threads");
    assert.equal(lines.length, 11);
    const numbers = [1, 2, 3, 4, 5];
    const starts = numbers.map((n) => positionOf(lines, `任务 ${n} 开始，睡眠 2 秒`));
    const ends = numbers.map((n) => positionOf(lines, `任务 ${n} 完成`));
    assert.deepEqual(starts, [0, 1, 2, 3, 4]);
    assert.ok(Math.max(...starts) < Math.min(...ends), "all start before the first is done");
    assert.equal(lines.at(-1), "所有I/O任务完成");
  });

  for (const [number, file, title] of [
    [2, "2-lock", "a lock, acquired and released"],
    [3, "3-using", "a lock, held by a block"],
    [6, "6-shared-memory", "a counter in shared memory"],
  ] as const) {
    for (const across of ["threads", "processes"]) {
      test(`${number}: ${title}, by ten ${across}`, async () => {
        assert.deepEqual(await linesOf(file, across), ["最终计数器的值: 1000000"]);
      });
    }
  }

  test("4: factorials in a pool of four processes", async () => {
    const lines = await linesOf("4-process-pool");
    assert.equal(lines.length, 11);
    assert.match(lines.pop() as string, /^所有任务完成，总耗时: \d+\.\d\d 秒$/);
    const open = new Map<string, string>();
    const started: number[] = [];
    const done = new Set<string>();
    for (const line of lines) {
      const [, worker, verb, n] =
        /^进程 (PoolWorker-[1-4]) (开始|完成)计算 (\d+) 的阶乘$/.exec(line) ?? assert.fail(line);
      if (verb === "开始") {
        assert.equal(open.has(worker as string), false, `${worker} has one already`);
        open.set(worker as string, n as string);
        assert.ok(open.size <= 4);
        // Four at a time: the fifth begins once one has ended. Which worker takes it, and whether another has ended by
        // then too, nothing orders.
        if (started.push(Number(n)) === 5) assert.ok(done.size >= 1);
      } else {
        assert.equal(open.get(worker as string), n);
        open.delete(worker as string);
        done.add(n as string);
      }
    }
    assert.deepEqual(
      started.sort((a, b) => a - b),
      [100000, 200000, 300000, 400000, 500000],
    );
    assert.equal(done.size, 5);
    assert.equal(open.size, 0);
  });

  test("a pipe between parent and child", async () => {
    const lines = await linesOf("pipe");
    assert.deepEqual(
      lines.filter((line) => line.startsWith("父进程")),
      [1, 4, 9].map((n) => `父进程收到: ${n}`),
    );
    assert.deepEqual(
      lines.filter((line) => line.startsWith("子进程")),
      [...[1, 2, 3].map((n) => `子进程收到: ${n}`), "子进程结束"],
    );
    assert.equal(lines.at(-1), "所有消息处理完成");
  });

  test("5: a producer and a consumer process", async () => {
    const items = ["苹果", "香蕉", "橙子", "葡萄"];
    assert.deepEqual(await linesOf("5-queue"), [
      ...items.flatMap((item) => [`生产者生产: ${item}`, `消费者消费: ${item}`]),
      "消费者结束",
    ]);
  });
});
