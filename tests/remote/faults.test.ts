/** What becomes of remote tasks when workers, servers, networks and submitters fail. One of each kind, short. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { WorkerDiedError } from "allcores";
import { RemotePool, type RemotePoolOptions, type ServeOptions, serveRemote } from "allcores/remote";
import { randomFrom } from "../fixtures/random.js";
import { freePort, noRedis, RedisServer } from "../fixtures/redis.js";
import * as tasks from "../fixtures/remote-tasks.js";
import { RemoteWorkerProgram } from "../fixtures/remote-worker.js";
import { inForm } from "../form.js";
import { timeLimit } from "../time-limit.js";
import { TASKS, until } from "./remote.contract.js";

const folder = mkdtempSync(join(tmpdir(), "allcores-faults-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `lines-${++files}`);
const lines = (file: string) => {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return [];
  }
};
const count = (to: number) => Array.from({ length: to }, (_, index) => index);
const seed = Number(process.env.ALLCORES_SEED ?? Date.now() % 1_000_000);
const LEASE = { duration: 1000, look: 400 };

async function close(pool: RemotePool): Promise<void> {
  pool.terminate();
  await pool.join();
}

/** A way to a server that can be cut. */
class CutProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  port = 0;

  constructor(target: number) {
    this.#server = createServer((socket) => {
      const far = connect(target, "127.0.0.1");
      for (const each of [socket, far]) {
        this.#sockets.add(each);
        each.on("error", () => {});
        each.on("close", () => {
          this.#sockets.delete(each);
          socket.destroy();
          far.destroy();
        });
      }
      socket.pipe(far);
      far.pipe(socket);
      if (this.#isCut) this.#hold(socket, far);
    });
  }
  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = (this.#server.address() as { port: number }).port;
    return this;
  }
  #hold(...sockets: Socket[]): void {
    for (const socket of sockets) {
      socket.unpipe();
      socket.pause();
    }
  }
  /** Nothing passes, and nobody is told. */
  cut(): void {
    this.#isCut = true;
    this.#hold(...this.#sockets);
  }
  /** What was connected is gone; new connections pass. */
  heal(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }
  close(): void {
    this.heal();
    this.#server.close();
  }
}

describe("remote faults", { skip: noRedis(), timeout: timeLimit(inForm({ short: 180_000, whole: 1_800_000 })) }, () => {
  test("a worker group that is killed with tasks that it runs costs none of them, and none takes longer than its lease allows", async () => {
    await using redis = await RedisServer.start();
    const queue = { connection: redis.connection, queue: "kills" };
    const kills = inForm({ short: 1, whole: 20 });
    // By the presets a lease and a look are at most 4 s, or 14.
    const serving = {
      ...queue,
      allow: [TASKS],
      workers: 2,
      lease: inForm<ServeOptions["lease"]>({ short: LEASE, whole: "fast" }),
    };
    const file = newFile();
    const pool = new RemotePool({ ...queue, sweepEvery: 300, lostRetries: 100 });
    const random = randomFrom(seed);
    for (let kill = 1; kill <= kills; kill++) {
      const names = count(12).map((n) => `task-${kill}-${n}`);
      await using first = await RemoteWorkerProgram.start(serving);
      const all = Promise.all(names.map((name) => pool.submit(tasks.computes, file, 60, name)));
      const begun = 1 + Math.floor(random() * 8);
      await until(() => lines(file).filter((line) => line.startsWith(`task-${kill}-`)).length >= begun);
      await first.end("SIGKILL");
      await using second = await RemoteWorkerProgram.start(serving);
      assert.deepEqual(await all, names, `seed ${seed}`);
      await second.end("SIGTERM");
    }
    assert.equal(new Set(lines(file)).size, 12 * kills);
    await close(pool);
  });

  test("without a fault no task begins twice, whatever the processors are busy with", {
    skip: inForm<string | false>({ short: "it takes minutes: nightly", whole: false }),
  }, async () => {
    await using redis = await RedisServer.start();
    const queue = { connection: redis.connection, queue: "busy" };
    await using worker = await RemoteWorkerProgram.start({ ...queue, allow: [TASKS], workers: 2, lease: "fast" });
    const file = newFile();
    const pool = new RemotePool(queue);
    const names = count(60).map((n) => `long-${n}`);
    await pool.starmap(
      tasks.computes,
      names.map((name) => [file, 10_000, name] as [string, number, string]),
      { chunkSize: 1 },
    );
    assert.deepEqual(lines(file).sort(), names.sort());
    await close(pool);
    await worker.end("SIGTERM");
  });

  test("a task that is lost more often than lostRetries fails with its deaths", async () => {
    await using redis = await RedisServer.start();
    const queue = { connection: redis.connection, queue: "lost" };
    const serving = { ...queue, allow: [TASKS], workers: 1, lease: LEASE, name: "victim" };
    const pool = new RemotePool({ ...queue, lostRetries: 0, sweepEvery: 300 });
    const file = newFile();
    const future = pool.submit(tasks.listens, file);
    const caught = future.catch((error: unknown) => error);
    await using first = await RemoteWorkerProgram.start(serving);
    await until(() => lines(file).length > 0);
    await first.end("SIGKILL");
    await using second = await RemoteWorkerProgram.start({ ...serving, name: "survivor" });
    const error = (await caught) as WorkerDiedError;
    assert.equal(error.code, "ERR_ALLCORES_WORKER_DIED", String(error));
    assert.deepEqual(
      error.deaths.map(({ worker, reason, pid }) => [worker, reason, pid]),
      [["victim", "lost", first.child.pid]],
    );
    assert.deepEqual(lines(file), ["begun"]);
    await close(pool);
    await second.end("SIGTERM");
  });

  test("SIGTERM drains: what runs is done, and the program ends by itself with 0", async () => {
    await using redis = await RedisServer.start();
    const queue = { connection: redis.connection, queue: "drain" };
    await using worker = await RemoteWorkerProgram.start({
      ...queue,
      allow: [TASKS],
      workers: 1,
      lease: "fast",
      port: 0,
    });
    const pool = new RemotePool(queue);
    const [file, gate] = [newFile(), newFile()];
    const future = pool.submit(tasks.holds, file, gate);
    await until(() => lines(file).length > 0);
    const ask = async (path: string) => await (await fetch(`http://127.0.0.1:${worker.port}${path}`)).text();
    assert.deepEqual([await ask("/health"), await ask("/ready")], ["ok\n", "ready\n"]);
    assert.match(await ask("/metrics"), /allcores_queue_tasks\{state="active"\} 1\n/);
    const ended = worker.end("SIGTERM");
    await until(async () => (await ask("/ready").catch(() => "not ready\n")) === "not ready\n");
    writeFileSync(gate, "");
    assert.equal(await ended, 0);
    assert.equal(await future, "held");
    await close(pool);
  });

  for (const [signal, fsync] of [
    ["SIGTERM", "everysec"],
    ["SIGKILL", "always"],
  ] as const)
    test(`a server that is ended by ${signal} and comes back has lost nothing that it had confirmed (AOF ${fsync})`, async () => {
      await using redis = await RedisServer.start(["--appendonly", "yes", "--appendfsync", fsync]);
      const queue = { connection: redis.connection, queue: "restart" };
      const server = await serveRemote({
        ...queue,
        allow: [TASKS],
        model: "thread",
        workers: 1,
        lease: LEASE,
        report: () => {},
      });
      const pool = new RemotePool({ ...queue, sweepEvery: 200 });
      const file = newFile();
      const all = Promise.all(
        count(20).map((n) => pool.with({ id: `r-${n}` }).submit(tasks.computes, file, 20, `task-${n}`)),
      );
      await until(() => lines(file).length >= 4);
      await redis.stop(signal);
      await assert.rejects(pool.with({ id: "late", timeout: 100 }).submit(tasks.computes, file, 1, "late"), {
        code: "ERR_ALLCORES_REMOTE_UNAVAILABLE",
      });
      await redis.run();
      assert.deepEqual(
        await all,
        count(20).map((n) => `task-${n}`),
      );
      assert.equal(await pool.with({ id: "late" }).submit(tasks.computes, file, 1, "late"), "late");
      assert.equal(lines(file).filter((line) => line === "late").length, 1);
      await close(pool);
      await server.terminate();
    });

  test("a submitter whose loop stands still gets every result", async () => {
    await using redis = await RedisServer.start();
    const queue = { connection: redis.connection, queue: "still" };
    await using worker = await RemoteWorkerProgram.start({
      ...queue,
      allow: [TASKS],
      workers: 1,
      model: "thread",
      lease: LEASE,
    });
    const pool = new RemotePool({ ...queue, sweepEvery: 200, inFlight: 1000 });
    const many = inForm({ short: 600, whole: 10_000 });
    const results = pool.map(tasks.square, count(many), { chunkSize: 1 }).then((all) => all);
    await until(() => pool.stats().completed > 0);
    const end = performance.now() + inForm({ short: 1500, whole: 10_000 });
    while (performance.now() < end);
    assert.deepEqual(
      await results,
      count(many).map((n) => n * n),
    );
    await close(pool);
    await worker.end("SIGTERM");
  });

  test("a worker without a network lets go of its tasks, and reports none twice", async () => {
    await using redis = await RedisServer.start([], { tcp: true });
    const proxy = await new CutProxy(redis.port).listen();
    const file = newFile();
    const near = { connection: redis.connection, queue: "cut" };
    const serving = { allow: [TASKS], workers: 1, lease: LEASE, model: "thread" as const, report: () => {} };
    const pool = new RemotePool({ ...near, sweepEvery: 200 });
    const cut = await serveRemote({ ...serving, connection: { host: "127.0.0.1", port: proxy.port }, queue: "cut" });
    let told = 0;
    const future = pool.submit(tasks.listens, file);
    const done = future.then(
      () => void told++,
      () => void told++,
    );
    await until(() => lines(file).length > 0);
    proxy.cut();
    // Its lease runs out: the task is asked to stop here, and begins at the other one.
    const other = await serveRemote({ ...serving, ...near });
    await until(() => lines(file).includes("aborted"));
    await until(() => lines(file).filter((line) => line === "begun").length >= 2);
    await new Promise((resolve) => setTimeout(resolve, inForm({ short: 0, whole: 30_000 })));
    proxy.heal();
    assert.equal(told, 0);
    future.cancel();
    await done;
    assert.equal(told, 1);
    await close(pool);
    await Promise.all([cut.terminate(), other.terminate()]);
    proxy.close();
  });

  test("a submitter that is killed and started again with the same ids gets what was computed meanwhile", async () => {
    await using redis = await RedisServer.start();
    const queue = { connection: redis.connection, queue: "again" };
    await using worker = await RemoteWorkerProgram.start({
      ...queue,
      allow: [TASKS],
      workers: 1,
      model: "thread",
      lease: LEASE,
    });
    const file = newFile();
    const program = join(import.meta.dirname, "../fixtures/programs/remote-submitter.js");
    const run = () =>
      spawn(process.execPath, [program, JSON.stringify(queue), file, "15"], { stdio: ["ignore", "pipe", "inherit"] });
    const first = run();
    await until(() => lines(file).length >= 2);
    first.kill("SIGKILL");
    const second = run();
    let text = "";
    for await (const piece of second.stdout) text += String(piece);
    assert.equal(text, "begun\n15 item-0 item-14\n");
    assert.equal(lines(file).length, 15);
    await worker.end("SIGTERM");
  });

  const refusals: readonly (readonly [string, readonly string[], { password?: string }, string])[] = [
    ["a wrong password", [], { password: "secret" }, "auth"],
    ["a server that evicts", ["--maxmemory-policy", "allkeys-lru"], {}, "evicts"],
    ["a replica", ["--replicaof", "127.0.0.1", "1"], {}, "read-only"],
    ["a server without memory", ["--maxmemory", "1mb"], {}, "memory"],
  ];
  for (const [what, args, options, reason] of refusals)
    test(`${what} is a named error`, async () => {
      await using redis = await RedisServer.start(args, options);
      const connection = { ...redis.connection, ...(reason === "auth" && { password: "wrong" }) };
      const pool = new RemotePool({ connection, queue: "refused" } as RemotePoolOptions);
      await assert.rejects(pool.submit(tasks.add, 1, 2), { code: "ERR_ALLCORES_REMOTE_UNAVAILABLE", reason });
      await close(pool);
      if (reason !== "memory")
        await assert.rejects(serveRemote({ connection, queue: "refused", allow: [TASKS] }), {
          code: "ERR_ALLCORES_REMOTE_UNAVAILABLE",
          reason,
        });
    });

  test("nobody at the address: a call waits until its timeout", async () => {
    const pool = new RemotePool({ connection: `redis://127.0.0.1:${await freePort()}`, queue: "nobody" });
    await assert.rejects(pool.with({ timeout: 200 }).submit(tasks.add, 1, 2), {
      code: "ERR_ALLCORES_REMOTE_UNAVAILABLE",
      reason: "unreachable",
    });
    await close(pool);
  });

  test("what is no task is an error in the queue, and the worker goes on", async () => {
    await using redis = await RedisServer.start();
    const queue = { connection: redis.connection, queue: "garbage" };
    const { Queue } = await import("bullmq");
    const writer = new Queue("garbage", { connection: redis.connection, prefix: "{allcores}" });
    const wire = {
      v: 1,
      lib: "x",
      chunk: false,
      stops: false,
      attempt: 1,
      first: 0,
      lost: 0,
      limit: 0,
      most: 1000,
      keep: 1000,
      key: "k",
    };
    await writer.add("a", { nothing: true });
    await writer.add("b", { ...wire, task: "../../etc/passwd", args: { m: "" } });
    await writer.add("c", {
      ...wire,
      task: "allcores@0.1.0/build/tests/fixtures/../fixtures/remote-tasks#add",
      args: { m: "" },
    });
    await writer.add("d", {
      ...wire,
      task: `allcores@0.1.0/build/tests/fixtures/remote-tasks#add`,
      args: { m: "AAAAAAAA////" },
    });
    const server = await serveRemote({
      ...queue,
      allow: [TASKS],
      model: "thread",
      workers: 1,
      lease: LEASE,
      report: () => {},
    });
    const pool = new RemotePool(queue);
    assert.equal(await pool.submit(tasks.add, 1, 2), 3);
    await until(async () => (await writer.getFailedCount()) === 4);
    await writer.close();
    await close(pool);
    await server.drain();
  });
});
