/** The contract of remote pools over BullMQ and a Redis of the test's own. */
import { RemotePool, serveRemote } from "allcores/remote";
import { after } from "node:test";
import { noRedis, RedisServer } from "../fixtures/redis.js";
import { remoteContract, TASKS } from "./remote.contract.js";

if (noRedis() === false) {
  const redis = await RedisServer.start();
  after(() => redis[Symbol.asyncDispose]());
  const connection = process.env.REDIS_URL ?? redis.connection;
  const required = { connection, queue: `tests-${process.pid}` };
  remoteContract("BullMQ on Redis", async () => ({
    pool: (options = {}) => new RemotePool({ ...required, sweepEvery: 500, ...options }),
    serve: (options = {}) => serveRemote({ ...required, allow: [TASKS], lease: "fast", ...options }),
    async [Symbol.asyncDispose]() {},
  }));
}
