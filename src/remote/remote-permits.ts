import { realNow } from "../memory/index.js";
import { randomUUID } from "node:crypto";
import { TimeoutError } from "../errors/index.js";
import type { Coordination, RemoteObjectSettings, RemoteWait } from "./coordination.js";
import { waitOf } from "./coordination.js";
import { RemoteHeld } from "./remote-held.js";

/** Who waits asks again after so long, whatever it is told. */
const ASK_AGAIN_MS = 1000;

/**
 * Holders by when their leases are over, by the server's clock. A hold takes the next number of its epoch: the second
 * since 2020 at which the server began to count, so that a server that lost its data goes on with greater ones.
 */
const TAKE = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now)
if redis.call("ZCARD", KEYS[1]) < tonumber(ARGV[2]) then
  redis.call("ZADD", KEYS[1], now + ARGV[3], ARGV[1])
  local epoch = redis.call("HGET", KEYS[2], "epoch")
  if not epoch then
    epoch = tostring(time[1] - 1577836800)
    redis.call("HSET", KEYS[2], "epoch", epoch)
  end
  return { 1, epoch, tostring(redis.call("HINCRBY", KEYS[2], "count", 1)) }
end
local first = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")
return { 0, tostring(first[2] - now) }`;

const RENEW = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local over = redis.call("ZSCORE", KEYS[1], ARGV[1])
if not over or tonumber(over) <= now then return 0 end
redis.call("ZADD", KEYS[1], now + ARGV[2], ARGV[1])
return 1`;

const GIVE_BACK = `
if redis.call("ZREM", KEYS[1], ARGV[1]) == 1 then redis.call("PUBLISH", ARGV[2], "free") end
return 1`;

/** The permits behind a remote lock, which has one, or a semaphore. */
export class RemotePermits {
  readonly lease: number;
  readonly #at: Coordination;
  readonly #settings: RemoteObjectSettings;
  readonly #count: number;

  constructor(at: Coordination, settings: RemoteObjectSettings, count: number) {
    this.lease = settings.lease;
    this.#at = at;
    this.#settings = settings;
    this.#count = count;
  }

  async take(options: RemoteWait | undefined): Promise<RemoteHeld> {
    const { timeout, signal } = waitOf(options);
    const deadline = realNow() + timeout;
    for (;;) {
      signal?.throwIfAborted();
      const taken = await this.#try();
      if (taken instanceof RemoteHeld) {
        if (signal?.aborted !== true) return taken;
        await taken.release();
        throw signal.reason;
      }
      const left = deadline - realNow();
      if (left <= 0) throw new TimeoutError(`"${this.#settings.name}" was not free within ${timeout} ms`);
      await this.#at.pause(Math.min(left, taken + 1, ASK_AGAIN_MS), signal);
    }
  }

  async tryTake(): Promise<RemoteHeld | undefined> {
    const taken = await this.#try();
    return taken instanceof RemoteHeld ? taken : undefined;
  }

  /** A hold, or how many milliseconds the first lease still lasts. */
  async #try(): Promise<RemoteHeld | number> {
    const id = randomUUID();
    const { key, lease } = this.#settings;
    const asked = realNow();
    const answer = await this.#at.ask(
      (client) =>
        client.eval(TAKE, 2, key, `${key}:fence`, id, this.#count, lease) as Promise<[number, string, string]>,
    );
    if (answer[0] !== 1) return Math.max(1, Number(answer[1]));
    this.#at.hold();
    return new RemoteHeld(this, id, (BigInt(answer[1]) << 32n) | BigInt(answer[2]), asked);
  }

  async renew(id: string): Promise<boolean> {
    const { key, lease } = this.#settings;
    return (await this.#at.ask((client) => client.eval(RENEW, 1, key, id, lease))) === 1;
  }

  async giveBack(id: string): Promise<void> {
    const { key } = this.#settings;
    await this.#at.ask((client) => client.eval(GIVE_BACK, 1, key, id, key));
  }

  /** One hold less keeps the program alive. */
  gone(): void {
    this.#at.letGo();
  }

  async run<R>(fn: (held: RemoteHeld) => R | PromiseLike<R>, options: RemoteWait | undefined): Promise<R> {
    await using held = await this.take(options);
    return await fn(held);
  }
}
