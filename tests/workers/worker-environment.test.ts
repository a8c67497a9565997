/** What surrounds a worker: its environment, its words, Node's options, its folder, and where it reads and prints. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  AsyncPool,
  type Pool,
  Process,
  type ProcessEnvironment,
  ProcessPool,
  type Task,
  Thread,
  ThreadPool,
  type WorkerEnvironment,
} from "allcores";
import * as tasks from "../fixtures/environment-tasks.js";
import { until } from "../fixtures/pool-processes.js";
import { timeLimit } from "../time-limit.js";

const TYPE = "ERR_ALLCORES_ARGUMENT_TYPE";
const folder = realpathSync(mkdtempSync(join(tmpdir(), "allcores-environment-")));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `file-${++files}`);
const openFiles = () => readdirSync("/proc/self/fd").length;

type AnyTask = Task<(...args: never[]) => unknown>;
type Run = (task: unknown, ...args: unknown[]) => Promise<unknown>;
async function inPool(pool: Pool, body: (run: Run) => Promise<void>): Promise<void> {
  try {
    await body(async (task, ...args) => await pool.submit(task as AnyTask, ...(args as never[])));
  } finally {
    pool.close();
    await pool.join();
  }
}

/** Runs tasks in a worker with these surroundings. */
const kinds: Record<string, (options: ProcessEnvironment, body: (run: Run) => Promise<void>) => Promise<void>> = {
  Thread: async (options, body) =>
    await body(
      async (task, ...args) =>
        await new Thread(task as AnyTask, { ...(options as WorkerEnvironment), args: args as never[] }).start().join(),
    ),
  Process: async (options, body) =>
    await body(
      async (task, ...args) => await new Process(task as AnyTask, { ...options, args: args as never[] }).start().join(),
    ),
  ThreadPool: async (options, body) => await inPool(new ThreadPool({ workers: 1, ...options }), body),
  ProcessPool: async (options, body) => await inPool(new ProcessPool({ workers: 1, ...options }), body),
};

for (const [kind, within] of Object.entries(kinds)) {
  describe(`${kind}: what surrounds it`, { timeout: timeLimit(60_000) }, () => {
    test("env takes the place of the program's, and leaves that alone", async () => {
      process.env.ALLCORES_TEST_OUTER = "outer";
      await within({ env: { ALLCORES_TEST_INNER: "inner", ALLCORES_TEST_NONE: undefined } }, async (run) => {
        assert.equal(await run(tasks.tellEnv, "ALLCORES_TEST_INNER"), "inner");
        assert.equal(await run(tasks.tellEnv, "ALLCORES_TEST_OUTER"), undefined);
        assert.deepEqual(
          ((await run(tasks.tellNames)) as string[]).filter((name) => name.startsWith("ALLCORES_TEST")),
          ["ALLCORES_TEST_INNER"],
        );
        assert.equal(await run(tasks.add, 1, 2), 3);
      });
      await within({ env: { ...process.env, ALLCORES_TEST_INNER: "inner" } }, async (run) => {
        assert.equal(await run(tasks.tellEnv, "ALLCORES_TEST_OUTER"), "outer");
      });
      await within({}, async (run) => assert.equal(await run(tasks.tellEnv, "ALLCORES_TEST_OUTER"), "outer"));
      assert.equal(process.env.ALLCORES_TEST_INNER, undefined);
    });

    test("argv takes the place of the program's words", async () => {
      await within({ argv: ["--level", "2", ""] }, async (run) =>
        assert.deepEqual(await run(tasks.tellArguments), ["--level", "2", ""]),
      );
      await within({ argv: [] }, async (run) => assert.deepEqual(await run(tasks.tellArguments), []));
      await within({}, async (run) => assert.deepEqual(await run(tasks.tellArguments), process.argv.slice(2)));
    });

    test("execArgv takes the place of the program's options of Node", async () => {
      await within({ execArgv: ["--no-warnings", "--conditions=special"] }, async (run) => {
        assert.deepEqual(await run(tasks.tellOptions), ["--no-warnings", "--conditions=special"]);
      });
    });

    test("a pool takes what it was given as it was then", { skip: !kind.endsWith("Pool") }, async () => {
      const env = { ALLCORES_TEST_INNER: "first" };
      const argv = ["first"];
      await within({ env, argv }, async (run) => {
        env.ALLCORES_TEST_INNER = "second";
        argv[0] = "second";
        assert.equal(await run(tasks.tellEnv, "ALLCORES_TEST_INNER"), "first");
        assert.deepEqual(await run(tasks.tellArguments), ["first"]);
      });
    });

    test("what makes no sense is refused at once, by name", async () => {
      for (const options of [
        { env: 5 },
        { env: { LEVEL: 2 } },
        { argv: "word" },
        { argv: [1] },
        { execArgv: [undefined] },
      ]) {
        const [name] = Object.keys(options);
        await assert.rejects(
          within(options as never, async (run) => void (await run(tasks.add, 1, 2))),
          { code: TYPE, message: new RegExp(`options\\.${name}`) },
        );
      }
    });
  });
}

for (const kind of ["Thread", "ThreadPool"] as const) {
  test(`${kind}: cwd and stdio are refused by name`, async () => {
    for (const options of [{ cwd: folder }, { stdio: { stdout: "ignore" } }] as const) {
      const [name] = Object.keys(options);
      await assert.rejects(
        kinds[kind]!(options, async (run) => void (await run(tasks.add, 1, 2))),
        {
          code: TYPE,
          message: new RegExp(`options\\.${name} does not apply here: all threads of a program .*use a process`),
        },
      );
    }
  });

  test(`${kind}: an option that Node allows for no thread is an error of the start`, async () => {
    await kinds[kind]!({ execArgv: ["--max-old-space-size=100"] }, async (run) => {
      await assert.rejects(run(tasks.add, 1, 2), {
        code: TYPE,
        message: /options\.execArgv has what Node allows for no thread/,
      });
    });
  });
}

test("an AsyncPool refuses all of them by name", () => {
  for (const options of [{ env: {} }, { argv: [] }, { execArgv: [] }, { cwd: folder }, { stdio: {} }])
    assert.throws(() => new AsyncPool(options as never), {
      code: TYPE,
      message: new RegExp(`options\\.${Object.keys(options)[0]} does not apply here: it is for workers`),
    });
});

for (const kind of ["Process", "ProcessPool"] as const) {
  const within = kinds[kind]!;
  describe(`${kind}: its folder and its streams`, { timeout: timeLimit(60_000) }, () => {
    test("cwd: a path or a URL; the program's folder stays", async () => {
      const before = process.cwd();
      for (const cwd of [folder, pathToFileURL(folder)])
        await within({ cwd }, async (run) => assert.equal(await run(tasks.tellFolder), folder));
      assert.equal(process.cwd(), before);
    });

    test("stdout and stderr: files, at whose ends it prints, one for both too", async () => {
      const [out, both] = [newFile(), newFile()];
      writeFileSync(out, "before\n");
      await within(
        { stdio: { stdout: { file: out }, stderr: { file: both } } },
        async (run) => void (await run(tasks.print, "a", 2)),
      );
      assert.equal(readFileSync(out, "utf8"), "before\nout a\nout a\n");
      assert.equal(readFileSync(both, "utf8"), "err a\nerr a\n");
      await within(
        { stdio: { stdout: { file: pathToFileURL(both) }, stderr: { file: both } } },
        async (run) => void (await run(tasks.print, "b", 1)),
      );
      assert.equal(readFileSync(both, "utf8"), "err a\nerr a\nout b\nerr b\n");
    });

    test("a stream gets all of it, however much, and stays open", async () => {
      // More than a pipe holds.
      const [TIMES, LINE] = [400, "c".repeat(1000)];
      let text = "";
      // Slow: it is full after each piece.
      const stream = new Writable({
        highWaterMark: 1,
        write(chunk: Buffer, _, done) {
          text += chunk.toString();
          setImmediate(done);
        },
      });
      await within(
        { stdio: { stdout: stream, stderr: "ignore" } },
        async (run) => void (await run(tasks.print, LINE, TIMES)),
      );
      await until(() => text.length === TIMES * `out ${LINE}\n`.length);
      assert.equal(text, `out ${LINE}\n`.repeat(TIMES));
      assert.equal(stream.writableEnded, false);
    });

    test("a stream that was destroyed holds up nobody", async () => {
      const stream = new PassThrough();
      stream.destroy();
      await within(
        { stdio: { stdout: stream, stderr: stream } },
        async (run) => void (await run(tasks.print, "d".repeat(1000), 400)),
      );
    });

    test("stdin: nothing unless a file is given", async () => {
      const file = newFile();
      writeFileSync(file, "input");
      await within({ stdio: { stdin: { file } } }, async (run) => assert.equal(await run(tasks.readInput), "input"));
      await within({}, async (run) => assert.equal(await run(tasks.readInput), ""));
    });

    test("nothing stays open here", async () => {
      const stream = new PassThrough().resume();
      const run = () =>
        within(
          { stdio: { stdin: { file: "/dev/null" }, stdout: { file: newFile() }, stderr: stream } },
          async (run) => void (await run(tasks.print, "e", 1)),
        );
      await run();
      const before = openFiles();
      await run();
      await until(() => openFiles() <= before);
      assert.equal(stream.listenerCount("drain") + stream.listenerCount("close"), 0);
    });

    test("a file that cannot be opened is an error of the start", async () => {
      const before = openFiles();
      await within(
        { stdio: { stdout: { file: newFile() }, stderr: { file: join(folder, "none", "file") } } },
        async (run) => {
          await assert.rejects(run(tasks.add, 1, 2), { code: "ENOENT" });
        },
      );
      await until(() => openFiles() <= before);
    });

    test("what makes no sense is refused at once, by name", async () => {
      for (const [options, message] of [
        [{ cwd: join(folder, "none") }, /options\.cwd must be a folder that exists/],
        [{ cwd: 5 }, /options\.cwd must be a path or the URL of a file/],
        [{ cwd: new URL("https://example.org") }, /options\.cwd must be a path or the URL of a file/],
        [{ stdio: "inherit" }, /options\.stdio must be an object/],
        [{ stdio: { strange: 1 } }, /options\.stdio\.strange is unknown/],
        [{ stdio: { stdin: new PassThrough() } }, /options\.stdio\.stdin must be "ignore", "inherit" or \{ file \}/],
        [
          { stdio: { stdout: 1 } },
          /options\.stdio\.stdout must be "ignore", "inherit", a stream that can be written or \{ file \}/,
        ],
        [{ stdio: { stderr: { file: "" } } }, /options\.stdio\.stderr\.file must be a path/],
        [{ stdio: { stderr: { file: "a", mode: 5 } } }, /options\.stdio\.stderr\.mode is unknown/],
      ] as const)
        await assert.rejects(
          within(options as never, async (run) => void (await run(tasks.add, 1, 2))),
          { code: TYPE, message },
        );
    });
  });
}

test("ProcessPool: many workers print into one stream, and nobody is warned of its listeners", async () => {
  const warnings: string[] = [];
  const warned = (warning: Error) => warnings.push(warning.name);
  process.on("warning", warned);
  try {
    let text = "";
    const stream = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _, done) {
        text += chunk.toString();
        setImmediate(done);
      },
    });
    const pool = new ProcessPool({ workers: 12, stdio: { stdout: stream, stderr: "ignore" } });
    await Promise.all(Array.from({ length: 12 }, () => pool.submit(tasks.print, "f".repeat(1000), 100)));
    pool.close();
    await pool.join();
    await until(() => text.length === 12 * 100 * 1005);
    assert.deepEqual(warnings, []);
  } finally {
    process.off("warning", warned);
  }
});
