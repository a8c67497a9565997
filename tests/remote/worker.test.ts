/** What workers of a queue keep to: its rate, how they end, where long values lie, and what they say meanwhile. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { RemotePool, serveRemote } from "allcores/remote";
import { Redis } from "ioredis";
import { freePort, noRedis, RedisServer } from "../fixtures/redis.js";
import * as tasks from "../fixtures/remote-tasks.js";
import { timeLimit } from "../time-limit.js";
import { TASKS, until } from "./remote.contract.js";

const command = resolve(import.meta.dirname, "../../../dist/cli.js");
const folder = mkdtempSync(join(tmpdir(), "allcores-worker-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `lines-${++files}`);
const lines = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []);

/** `allcores worker`, and all that it has said. */
class WorkerCommand implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  said = "";

  constructor(redis: string, queue: string, ...options: string[]) {
    const given = [
      "worker",
      "--redis",
      redis,
      "--queue",
      queue,
      "--allow",
      TASKS,
      "--workers",
      "1",
      "--lease",
      "fast",
      ...options,
    ];
    this.child = spawn(process.execPath, [command, ...given], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on("data", (text) => (this.said += String(text)));
    this.ended = once(this.child, "exit").then(([code]) => code as number | null);
  }

  async says(what: string): Promise<void> {
    await until(() => this.said.includes(what) || this.child.exitCode !== null);
    assert.ok(this.said.includes(what), this.said);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

async function close(pool: RemotePool): Promise<void> {
  pool.terminate();
  await pool.join();
}

describe("workers of remote pools", { skip: noRedis(), timeout: timeLimit(120_000) }, () => {
  test("rate: so many tasks of the queue begin in its interval, whichever worker takes them", async () => {
    await using redis = await RedisServer.start();
    const queue = { connection: redis.connection, queue: "rated" };
    const rate = { limit: 2, interval: 400 };
    const serving = { ...queue, allow: [TASKS], model: "thread" as const, workers: 1, report: () => {} };
    const pool = new RemotePool({ ...queue, rate });
    const [file, gate] = [newFile(), newFile()];
    const servers = [await serveRemote(serving), await serveRemote(serving)];
    const all = Promise.all(Array.from({ length: 8 }, () => pool.submit(tasks.holds, file, gate)));
    // Each of them has one slot, and holds what it has begun: so both take part.
    await until(() => lines(file).length === 2);
    assert.deepEqual(
      servers.map(({ counts }) => counts.running),
      [1, 1],
    );
    writeFileSync(gate, "");
    await all;
    // By the clock of the server, which numbers its events by it.
    const client = new Redis(redis.connection);
    const events = await client.xrange("{allcores}:rated:events", "-", "+");
    client.disconnect();
    const begun = events
      .filter(([, fields]) => fields[fields.indexOf("event") + 1] === "active")
      .map(([id]) => Number(id.split("-")[0]));
    assert.equal(begun.length, 8);
    // An interval begins with the first task in it; the server's clock counts whole milliseconds.
    for (let n = 2; n < 8; n += 2)
      assert.ok(begun[n]! - begun[0]! >= (n / 2) * rate.interval - n, `${begun.map((time) => time - begun[0]!)}`);
    await close(pool);
    for (const server of servers) await server.drain();
  });

  test("store: long values lie there, and are taken away once they are of no use", async () => {
    await using redis = await RedisServer.start();
    const kept = new Map<string, Uint8Array>();
    const put: string[] = [];
    const deleted: string[] = [];
    const store = {
      put: async (key: string, bytes: Uint8Array, milliseconds: number) => {
        assert.equal(milliseconds, 60_000);
        put.push(key);
        kept.set(key, bytes.slice());
      },
      get: async (key: string) => kept.get(key),
      delete: async (key: string) => {
        deleted.push(key);
        kept.delete(key);
      },
    };
    const queue = { connection: redis.connection, queue: "stored", store };
    const server = await serveRemote({ ...queue, allow: [TASKS], model: "thread", workers: 1, report: () => {} });
    const pool = new RemotePool({ ...queue, retention: { age: 60_000 } });
    assert.equal(await pool.submit(tasks.lengthOf, new Uint8Array(10)), 10);
    assert.deepEqual(put, []);
    assert.equal(await pool.submit(tasks.lengthOf, new Uint8Array(300_000)), 300_000);
    assert.deepEqual([put.length, deleted], [1, put]);
    assert.equal((await pool.submit(tasks.bytes, 300_000)).length, 300_000);
    assert.equal(put.length, 2);
    const client = new Redis(redis.connection);
    assert.deepEqual(await client.keys("*value:*"), []);
    client.disconnect();
    await close(pool);
    await server.drain();
  });

  test("the first SIGTERM drains the command, which ends with 0", async () => {
    await using redis = await RedisServer.start();
    await using worker = new WorkerCommand(redis.socket, "drained");
    await worker.says("serving drained");
    const pool = new RemotePool({ connection: redis.connection, queue: "drained" });
    const [file, gate] = [newFile(), newFile()];
    const held = pool.submit(tasks.holds, file, gate);
    await until(() => lines(file).length === 1);
    worker.child.kill("SIGTERM");
    await worker.says("it takes no more tasks");
    assert.equal(worker.child.exitCode, null);
    writeFileSync(gate, "");
    assert.equal(await held, "held");
    assert.equal(await worker.ended, 0, worker.said);
    await close(pool);
  });

  test("the second SIGTERM ends it at once, and what it ran is run elsewhere", async () => {
    await using redis = await RedisServer.start();
    await using worker = new WorkerCommand(redis.socket, "left");
    await worker.says("serving left");
    const pool = new RemotePool({ connection: redis.connection, queue: "left", sweepEvery: 200 });
    const [file, gate] = [newFile(), newFile()];
    const held = pool.submit(tasks.holds, file, gate);
    await until(() => lines(file).length === 1 && held.state === "running");
    worker.child.kill("SIGTERM");
    await worker.says("it takes no more tasks");
    worker.child.kill("SIGTERM");
    assert.equal(await worker.ended, 143, worker.said);
    assert.match(worker.said, /it ends at once/);
    assert.equal(held.state, "running");
    writeFileSync(gate, "");
    await using other = new WorkerCommand(redis.socket, "left");
    assert.equal(await held, "held", other.said);
    assert.deepEqual(lines(file), ["begun", "begun"]);
    await close(pool);
  });

  test("a worker whose server does not answer says so, goes on trying, and serves once it does", async () => {
    const port = await freePort();
    await using worker = new WorkerCommand(`redis://127.0.0.1:${port}`, "late");
    await worker.says("the server of the queue does not answer yet");
    await using redis = await RedisServer.start(["--port", String(port)]);
    await worker.says("serving late");
    const pool = new RemotePool({ connection: redis.connection, queue: "late" });
    assert.equal(await pool.submit(tasks.add, 1, 2), 3);
    await close(pool);
  });
});
