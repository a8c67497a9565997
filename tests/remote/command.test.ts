/** `allcores map --model remote` against `allcores worker` and a real server. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { sleep } from "allcores";
import { RemoteQueue } from "allcores/remote";
import { EXIT } from "../../src/cli/exit-code.js";
import {
  commandFile,
  type CommandOptions,
  linesIn,
  runCommand,
  startCommand,
  tasks,
  temporaryFolder,
  until,
} from "../fixtures/command.js";
import { freePort, noRedis, RedisServer } from "../fixtures/redis.js";
import { timeLimit } from "../time-limit.js";

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true, force: true }));

describe("map --model remote", { concurrency: 1, skip: noRedis(), timeout: timeLimit(120_000) }, () => {
  let redis: RedisServer;
  let worker: ChildProcess;
  const [log, gate] = [join(folder, "log"), join(folder, "gate")];
  const queue = `command-${process.pid}`;
  const remote = (queueName = queue) => ["--model", "remote", "--redis", redis.url, "--queue", queueName];
  const map = (args: readonly string[], options?: CommandOptions) =>
    runCommand(["map", ...args, ...remote()], { cwd: folder, ...options });

  before(async () => {
    redis = await RedisServer.start([], { tcp: true });
    const options = ["--redis", redis.url, "--queue", queue, "--allow", tasks, "--workers", "2"];
    worker = spawn(process.execPath, [commandFile, "worker", ...options], {
      env: { ...process.env, COMMAND_LOG: log, COMMAND_GATE: gate },
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const text of worker.stdout!) if (String(text).startsWith("serving")) break;
  });
  after(async () => {
    if (worker.exitCode === null) {
      const gone = once(worker, "exit");
      worker.kill("SIGKILL");
      await gone;
    }
    await redis[Symbol.asyncDispose]();
  });

  test("the items run in the workers of the queue, in order", async () => {
    assert.deepEqual(await map([tasks, "a", "b", "ü"]), { code: 0, signal: null, out: '"A"\n"B"\n"Ü"\n', err: "" });
    const inputs = Array.from({ length: 50 }, (_, n) => `{"n":${n}}`);
    const { code, out } = await map([`${tasks}#double`, "--input", "ndjson"], { input: inputs.join("\n") });
    assert.deepEqual([code, out], [EXIT.done, inputs.map((_, n) => `${2 * n}\n`).join("")]);
  });

  test("Ctrl-C lets end what workers have taken, and hands out nothing more", async () => {
    const inputs = Array.from({ length: 500 }, (_, n) => `i${n}`);
    const { child, ended, err } = startCommand(["map", `${tasks}#held`, ...inputs, "--chunk", "1", ...remote()], {
      cwd: folder,
    });
    await until(() => linesIn(log).length >= 2, "two have begun");
    process.kill(-child.pid!, "SIGINT");
    await until(() => err().includes("SIGINT"), "it has heard");
    writeFileSync(gate, "");
    const { code, out } = await ended;
    assert.equal(code, EXIT.interrupted, err());
    // A worker takes short tasks ahead of their turn.
    const printed = out.split("\n").length - 1;
    assert.ok(printed < inputs.length, String(printed));
    assert.deepEqual(
      out.split("\n").slice(0, -1),
      inputs.slice(0, printed).map((text) => `"${text}"`),
    );
  });

  test("failures have a line each, and the rest goes on", async () => {
    const { code, out, err } = await map([`${tasks}#failing`, "a", "bad", "c"]);
    assert.deepEqual([code, out], [EXIT.itemsFailed, '"a"\n"c"\n']);
    assert.match(err, /^allcores: input 2 \("bad"\): RangeError: bad is bad\n/);
  });

  test("an export that is not there, and a module that no worker allows, are said once", async () => {
    const missing = await map([`${tasks}#doubel`, "a", "b"]);
    assert.deepEqual([missing.code, missing.out], [EXIT.task, ""]);
    assert.match(missing.err, /^allcores: \S+#doubel: the module has no function doubel; did you mean double\?\n$/);
    const refused = await map([`${join(dirname(tasks), "plain-functions.js")}#plain`, "a", "b"]);
    assert.deepEqual([refused.code, refused.out], [EXIT.task, ""]);
    assert.match(refused.err, /^allcores: \S+plain-functions\.js#plain could not be loaded: .*\n$/);
  });

  test("a queue that nobody serves is said, and Ctrl-C ends the wait", async () => {
    const { child, ended, err } = startCommand(["map", tasks, "a", ...remote("nobodys")], { cwd: folder });
    await using asked = new RemoteQueue({ connection: redis.url, queue: "nobodys" });
    const isThere = async () => {
      const { waiting, prioritized } = await asked.counts();
      return waiting + prioritized > 0;
    };
    while (!(await isThere())) await sleep(10);
    assert.match(err(), /nobody serves the queue nobodys yet/);
    process.kill(-child.pid!, "SIGINT");
    const { code, out } = await ended;
    assert.deepEqual([code, out], [EXIT.interrupted, ""]);
  });

  test("a server that is not there, or refuses, is said", async () => {
    const port = await freePort();
    const gone = await runCommand(
      ["map", tasks, "a", "--model", "remote", "--redis", `redis://u:secret@127.0.0.1:${port}`, "--queue", "x"],
      { cwd: folder },
    );
    assert.deepEqual(
      [gone.code, gone.out, gone.err],
      [
        EXIT.server,
        "",
        `allcores: the server 127.0.0.1:${port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}\n`,
      ],
    );
    await using locked = await RedisServer.start([], { tcp: true, password: "secret" });
    const refused = await runCommand(["map", tasks, "a", "--model", "remote", "--redis", locked.url, "--queue", "x"], {
      cwd: folder,
    });
    assert.deepEqual([refused.code, refused.out], [EXIT.server, ""]);
    assert.match(refused.err, /^allcores: the queue x cannot be used: .*\n$/);
  });
});

test("what the model has not, or needs, is refused", async () => {
  for (const [args, message] of [
    [["--model", "remote"], /needs --redis URL and --queue NAME/],
    [
      ["--model", "remote", "--redis", "redis://x", "--queue", "q", "--workers", "2"],
      /--workers is for workers of this machine/,
    ],
    [["--queue", "q"], /--queue is for --model remote, and the model is thread/],
  ] as const) {
    const { code, out, err } = await runCommand(["map", tasks, "a", ...args], { cwd: folder });
    assert.deepEqual([code, out], [EXIT.usage, ""], err);
    assert.match(err, message);
  }
  const { code, err } = await runCommand([
    "map",
    "node:path#basename",
    "a",
    "--model",
    "remote",
    "--redis",
    "redis://x",
    "--queue",
    "q",
  ]);
  assert.equal(code, EXIT.usage);
  assert.match(err, /node:path#basename is no file/);
});
