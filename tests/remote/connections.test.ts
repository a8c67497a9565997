/** Servers that are reached in other ways than by an address alone: TLS, Sentinel and Cluster, each a real one. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { describe, test } from "node:test";
import { createServer, type Server } from "node:tls";
import { RemoteLock, RemotePool, type RemotePoolOptions, serveRemote } from "allcores/remote";
import { freePort, noRedis, redisProgram, RedisServer } from "../fixtures/redis.js";
import * as tasks from "../fixtures/remote-tasks.js";
import { timeLimit } from "../time-limit.js";
import { TASKS, until } from "./remote.contract.js";

type Connection = RemotePoolOptions["connection"];

/** The end of a program whose pool there is idle and never closed; `before`: what happens first. */
async function endOfIdleProgram(
  connection: Connection,
  before: () => Promise<unknown> = async () => {},
): Promise<number | null> {
  const queue = { connection, queue: "idle" };
  const server = await serveRemote({ ...queue, allow: [TASKS], model: "thread", workers: 1, report: () => {} });
  const program = join(import.meta.dirname, "../fixtures/programs/remote-idle.js");
  const child = spawn(process.execPath, [program, JSON.stringify(queue)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit") as Promise<[number | null]>;
  let text = "";
  for await (const piece of child.stdout!) {
    text += String(piece);
    if (text.includes("\n")) break;
  }
  assert.equal(text, "9\n");
  await server.terminate();
  await before();
  child.stdin!.end();
  return (await ended)[0];
}

/** A Cluster of one node that has all slots. */
async function clusterOfOne(): Promise<RedisServer> {
  const redis = await RedisServer.start(["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"], {
    tcp: true,
  });
  assert.match(await redis.ask("CLUSTER ADDSLOTSRANGE 0 16383"), /OK/);
  await until(async () => /cluster_state:ok/.test(await redis.ask("CLUSTER INFO")));
  return redis;
}

/** A pool and a worker meet there; so do two programs at a lock. */
async function checkPlace(connection: Connection): Promise<void> {
  const queue = { connection, queue: "reached" };
  const server = await serveRemote({
    ...queue,
    allow: [TASKS],
    model: "thread",
    workers: 1,
    lease: "fast",
    report: () => {},
  });
  const pool = new RemotePool({ ...queue, sweepEvery: 500 });
  const items = Array.from({ length: 20 }, (_, index) => index);
  assert.deepEqual(
    await pool.map(tasks.square, items, { chunkSize: 1 }),
    items.map((n) => n * n),
  );
  assert.equal(await pool.submit(tasks.lengthOf, new Uint8Array(300_000)), 300_000);
  const running = pool.submit(tasks.naps, 600_000);
  await until(() => running.state === "running");
  running.cancel();
  await assert.rejects(running, { code: "ERR_ALLCORES_CANCELLED" });
  const lock = new RemoteLock({ connection, name: "reached" });
  const held = await lock.acquire();
  const other = new RemoteLock({ connection, name: "reached" });
  assert.equal(await other.tryAcquire(), undefined);
  await held.release();
  await (await other.acquire()).release();
  lock.close();
  other.close();
  pool.close();
  await pool.join();
  await server.drain();
}

const hasOpenssl = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "openssl")));

/** A certificate of our own for the loopback. */
function certificateIn(folder: string): { readonly key: string; readonly cert: string } {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert, ...subject],
    { stdio: "ignore" },
  );
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

/** Speaks TLS with who connects, and plainly with the server. */
async function tlsBefore(
  path: string,
  certificate: { readonly key: string; readonly cert: string },
): Promise<{ server: Server; port: number }> {
  const server = createServer(certificate, (socket) => {
    const far = connect(path);
    const end = () => {
      socket.destroy();
      far.destroy();
    };
    for (const each of [socket, far]) each.on("error", () => {}).on("close", end);
    socket.pipe(far);
    far.pipe(socket);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as { port: number }).port };
}

describe("connections of remote pools", { skip: noRedis(), timeout: timeLimit(120_000) }, () => {
  test("TLS, by a certificate that is trusted; another one is nobody", {
    skip: hasOpenssl ? false : "there is no openssl to make a certificate",
  }, async () => {
    await using redis = await RedisServer.start();
    const certificate = certificateIn(redis.folder);
    const { server, port } = await tlsBefore(redis.socket, certificate);
    try {
      await checkPlace({ host: "127.0.0.1", port, tls: { ca: certificate.cert } });
      const pool = new RemotePool({ connection: { host: "127.0.0.1", port, tls: {} }, queue: "reached" });
      await assert.rejects(pool.with({ timeout: 300 }).submit(tasks.add, 1, 2), {
        code: "ERR_ALLCORES_REMOTE_UNAVAILABLE",
        reason: "unreachable",
      });
      pool.terminate();
      await pool.join();
    } finally {
      server.close();
    }
  });

  test("Sentinel tells where the primary is", async () => {
    await using redis = await RedisServer.start([], { tcp: true });
    const port = await freePort();
    const settings = join(redis.folder, "sentinel.conf");
    writeFileSync(
      settings,
      `port ${port}\nbind 127.0.0.1\ndir ${redis.folder}\nsentinel monitor primary 127.0.0.1 ${redis.port} 1\n`,
    );
    const sentinel: ChildProcess = spawn(redisProgram()!, [settings, "--sentinel"], { stdio: "ignore" });
    try {
      await checkPlace({ sentinels: [{ host: "127.0.0.1", port }], name: "primary" });
    } finally {
      sentinel.kill("SIGKILL");
    }
  });

  test("Cluster, of one node that has all slots", async () => {
    await using redis = await clusterOfOne();
    await checkPlace({ cluster: [{ host: "127.0.0.1", port: redis.port }] });
  });

  test("an idle pool that is never closed lets its program end, of Cluster too, and when the server is gone", async () => {
    await using redis = await RedisServer.start([], { tcp: true });
    await using cluster = await clusterOfOne();
    const there = { host: "127.0.0.1", port: redis.port };
    assert.equal(await endOfIdleProgram({ cluster: [{ host: "127.0.0.1", port: cluster.port }] }), 0);
    assert.equal(await endOfIdleProgram(there), 0);
    assert.equal(await endOfIdleProgram(there, () => redis.stop("SIGKILL")), 0);
  });
});
