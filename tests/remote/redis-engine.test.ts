/** The contract of remote pools over BullMQ, and the server under REDIS_URL or one of the test's own. */
import { RemotePool, serveRemote } from "allcores/remote";
import { after } from "node:test";
import { noRedis, RedisServer } from "../fixtures/redis.js";
import { remoteContract, TASKS } from "./remote.contract.js";

const url = process.env.REDIS_URL;
if (url !== undefined || noRedis() === false) {
  const redis = url === undefined ? await RedisServer.start() : undefined;
  after(() => redis?.[Symbol.asyncDispose]());
  const connection = url ?? redis!.connection;
  const required = { connection, queue: `tests-${process.pid}` };
  remoteContract("BullMQ on Redis", async () => ({
    pool: (options = {}) => new RemotePool({ ...required, sweepEvery: 500, ...options }),
    serve: (options = {}) => serveRemote({ ...required, allow: [TASKS], lease: "fast", ...options }),
    async [Symbol.asyncDispose]() {},
  }));
}
