/** The contract of remote pools over an engine in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RemotePool, RemoteServer } from "allcores/remote";
import { MemoryBroker } from "../fixtures/memory-engine.js";
import * as tasks from "../fixtures/remote-tasks.js";
import { remoteContract, TASKS } from "./remote.contract.js";

const REQUIRED = { connection: "memory:", queue: "tests" };

remoteContract("in memory", async () => {
  const brokers = new Map<string, MemoryBroker>();
  const engine = (queue = REQUIRED.queue) => {
    if (!brokers.has(queue)) brokers.set(queue, new MemoryBroker());
    return brokers.get(queue)!.engine();
  };
  return {
    pool: (options = {}) => new RemotePool({ ...REQUIRED, sweepEvery: 50, ...options }, engine(options.queue)),
    serve: (options = {}) => RemoteServer.over({ ...REQUIRED, allow: [TASKS], ...options }, engine(options.queue)),
    async [Symbol.asyncDispose]() {},
  };
});

test("without any event each outcome is found by the sweep", async () => {
  const broker = new MemoryBroker();
  broker.isMute = true;
  const server = await RemoteServer.over({ ...REQUIRED, allow: [TASKS], model: "thread", workers: 1 }, broker.engine());
  const pool = new RemotePool({ ...REQUIRED, sweepEvery: 20 }, broker.engine());
  const results = await Promise.all([1, 2, 3].map((n) => pool.submit(tasks.square, n)));
  assert.deepEqual(results, [1, 4, 9]);
  pool.close();
  await pool.join();
  await server.drain();
});

test("a call that the server has not confirmed in time fails as unreachable; under its id it runs once", async () => {
  const broker = new MemoryBroker();
  broker.isDown = true;
  const pool = new RemotePool({ ...REQUIRED, sweepEvery: 20 }, broker.engine());
  await assert.rejects(pool.with({ timeout: 50, id: "one" }).submit(tasks.square, 3), {
    code: "ERR_ALLCORES_REMOTE_UNAVAILABLE",
    reason: "unreachable",
  });
  broker.isDown = false;
  const server = await RemoteServer.over({ ...REQUIRED, allow: [TASKS], model: "thread", workers: 1 }, broker.engine());
  assert.equal(await pool.with({ id: "one" }).submit(tasks.square, 3), 9);
  pool.close();
  await pool.join();
  await server.drain();
});
