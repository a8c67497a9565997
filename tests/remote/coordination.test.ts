/**
 * Locks, semaphores and events of several programs, schedules, and what operators ask of a queue, over a real Redis.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TimeoutError } from "allcores";
import {
  readable,
  RemoteEvent,
  RemoteLock,
  RemotePool,
  RemoteQueue,
  RemoteSemaphore,
  serveRemote,
} from "allcores/remote";
import { noRedis, RedisServer } from "../fixtures/redis.js";
import * as tasks from "../fixtures/remote-tasks.js";
import { timeLimit } from "../time-limit.js";
import { TASKS, until } from "./remote.contract.js";

describe("remote coordination", { skip: noRedis(), timeout: timeLimit(60_000) }, () => {
  let redis: RedisServer;
  before(async () => {
    redis = await RedisServer.start();
  });
  after(() => redis[Symbol.asyncDispose]());

  test("RemoteLock: one holder at a time, with tokens that grow", async () => {
    const { connection } = redis;
    using lock = new RemoteLock({ connection, name: "a" });
    using other = new RemoteLock({ connection, name: "a" });
    const held = await lock.acquire();
    assert.equal(await other.tryAcquire(), undefined);
    await assert.rejects(other.acquire({ timeout: 30 }), TimeoutError);
    const next = other.acquire();
    await held.release();
    await held.release();
    const second = await next;
    assert.ok(second.token > held.token);
    assert.equal(second.token < 1n << 63n, true);
    assert.deepEqual([held.isHeld, second.isHeld], [false, true]);
    await second.release();
    assert.equal(await lock.run(({ token }) => token > second.token), true);
    await assert.rejects(lock.acquire({ signal: AbortSignal.abort(new Error("no")) }), { message: "no" });
  });

  test("RemoteLock: what a program that ended held is free once its lease is over; a lost lease is told", async () => {
    const { connection } = redis;
    const lock = new RemoteLock({ connection, name: "b", lease: 300 });
    const held = await lock.acquire();
    // Its connections are gone, as with a program that ended.
    lock.close();
    using other = new RemoteLock({ connection, name: "b", lease: 300 });
    const next = await other.acquire({ timeout: timeLimit(5000) });
    assert.ok(next.token > held.token);
    await until(() => held.signal.aborted);
    assert.equal(held.isHeld, false);
    await next.release();
  });

  test("RemoteLock: a server that lost its data goes on with greater tokens", async () => {
    const { connection } = redis;
    using lock = new RemoteLock({ connection, name: "c" });
    const before = await lock.run(({ token }) => token);
    const { Redis } = await import("ioredis");
    const client = new Redis({ ...connection });
    await client.flushall();
    await new Promise((resolve) => setTimeout(resolve, 1010));
    assert.ok((await lock.run(({ token }) => token)) > before);
    client.disconnect();
  });

  test("RemoteSemaphore: so many holders", async () => {
    const { connection } = redis;
    using semaphore = new RemoteSemaphore(2, { connection, name: "s" });
    const holds = [await semaphore.acquire(), await semaphore.acquire()];
    assert.equal(await semaphore.tryAcquire(), undefined);
    await holds[0]!.release();
    const third = await semaphore.acquire({ timeout: 1000 });
    await Promise.all([holds[1]!.release(), third.release()]);
    assert.throws(() => new RemoteSemaphore(0, { connection, name: "s" }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
  });

  test("RemoteEvent: set, clear, wait", async () => {
    const { connection } = redis;
    using event = new RemoteEvent({ connection, name: "e" });
    using other = new RemoteEvent({ connection, name: "e" });
    await assert.rejects(event.wait({ timeout: 0 }), TimeoutError);
    const waits = event.wait();
    await other.set();
    await waits;
    assert.equal(await event.isSet(), true);
    await event.clear();
    assert.equal(await other.isSet(), false);
  });

  test("RemoteQueue: failed tasks are listed, run again and discarded; schedules come and go", async () => {
    const at = { connection: redis.connection, queue: "operated" };
    await using queue = new RemoteQueue(at);
    const server = await serveRemote({
      ...at,
      allow: [TASKS],
      model: "thread",
      workers: 1,
      lease: "fast",
      name: "server",
      report: () => {},
    });
    const pool = new RemotePool(at);
    await assert.rejects(pool.with({ id: "7" }).submit(tasks.fail, "no"), RangeError);
    const [failed, ...others] = await queue.failed();
    assert.deepEqual(others, []);
    assert.equal(failed!.id, "7");
    assert.match(failed!.task, /^allcores@.*remote-tasks#fail\d*$/);
    assert.match(failed!.reason, /no/);
    assert.equal(await queue.retry("7"), true);
    await until(async () => (await queue.failed())[0] !== undefined && (await queue.failed())[0]!.time > failed!.time);
    assert.equal(await queue.discard("7"), true);
    assert.deepEqual([await queue.retry("7"), await queue.failed()], [false, []]);
    const [info] = await queue.workers();
    assert.deepEqual([info!.name, info!.slots, info!.wire], ["server", 1, 1]);
    await queue.schedule("squares", { every: 100 }, tasks.square, 3);
    await queue.schedule("nightly", { cron: "0 3 * * *" }, tasks.square, 3);
    const schedules = await queue.schedules();
    assert.deepEqual(schedules.map(({ id, every, cron }) => [id, every, cron]).sort(), [
      ["nightly", undefined, "0 3 * * *"],
      ["squares", 100, undefined],
    ]);
    const { completed } = await queue.counts();
    await until(async () => (await queue.counts()).completed >= completed + 2);
    assert.deepEqual([await queue.unschedule("squares"), await queue.unschedule("squares")], [true, false]);
    await assert.rejects(queue.schedule("x", {} as never, tasks.square, 1), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    pool.close();
    await pool.join();
    await server.drain();
  });

  test("readable(): names and arguments for a dashboard", async () => {
    const at = { connection: redis.connection, queue: "seen" };
    const pool = new RemotePool(at);
    const future = pool.with({ id: "seen" }).submit(tasks.add, 1, 2);
    const { Queue } = await import("bullmq");
    const queue = new Queue("seen", { connection: redis.connection, prefix: "{allcores}" });
    await until(async () => (await queue.getJob("seen")) !== undefined);
    const job = await queue.getJob("seen");
    assert.equal((readable(job!.data) as { args: string }).args, "[ 1, 2 ]");
    assert.deepEqual(readable({ other: 1 }), { other: 1 });
    future.cancel();
    await future.catch(() => {});
    await queue.close();
    pool.close();
    await pool.join();
  });
});
