/** SharedMap beside a plain Map of the same thread, and beside Redis on the same machine, one call after the other. */
import { isMain, SharedMap } from "allcores";
import { alone, alternate, atMost, compared, faster, type Figure, median, perRound, report } from "./measure.js";
import { howToGetRedis, startRedis } from "./rivals/redis.js";

const TURNS = 9;
const LOOK_UPS = 20_000;
const ROUND_TRIPS = 3_000;
const MAPS = 10_000;
const across = "processes";

interface Lookup {
  get(key: string): unknown;
}

/** Nanoseconds of a look-up. */
function timeGets(map: Lookup, keys: readonly string[]): number {
  let found = 0;
  const start = process.hrtime.bigint();
  for (const key of keys) if (map.get(key) !== undefined) found++;
  const took = Number(process.hrtime.bigint() - start) / keys.length;
  if (found !== keys.length) throw new Error(`${keys.length - found} keys were not found`);
  return took;
}

/** `count` keys in an order by chance; new strings at each call, whose hashes nobody has worked out. */
function freshKeys(size: number, count: number): string[] {
  return Array.from({ length: count }, () => `user:${Math.floor(Math.random() * size)}`);
}

async function besideMap(size: number, values: string, valueAt: (index: number) => unknown): Promise<Figure[]> {
  const shared = new SharedMap({ across });
  const plain = new Map<string, unknown>();
  for (let index = 0; index < size; index++) {
    shared.set(`user:${index}`, valueAt(index));
    plain.set(`user:${index}`, valueAt(index));
  }
  const name = `get, ${size} ${values}`;
  const fresh = await alternate(
    TURNS,
    () => timeGets(shared, freshKeys(size, LOOK_UPS)),
    () => timeGets(plain, freshKeys(size, LOOK_UPS)),
    3,
  );
  const known = freshKeys(size, LOOK_UPS);
  const again = await alternate(
    TURNS,
    () => timeGets(shared, known),
    () => timeGets(plain, known),
    3,
  );
  shared.free();
  return [
    compared(`${name}, fresh keys`, "ns", fresh, "Map", atMost(4)),
    compared(`${name}, the same key strings again`, "ns", again, "Map"),
  ];
}

/** Microseconds of a call, one after the other. */
async function timeCalls(calls: number, call: (key: string) => unknown): Promise<number> {
  const keys = freshKeys(1000, calls);
  const start = process.hrtime.bigint();
  for (const key of keys) await call(key);
  return Number(process.hrtime.bigint() - start) / calls / 1000;
}
function timeSyncCalls(calls: number, call: (key: string) => unknown): number {
  const keys = freshKeys(1000, calls);
  const start = process.hrtime.bigint();
  for (const key of keys) call(key);
  return Number(process.hrtime.bigint() - start) / calls / 1000;
}

async function besideRedis(): Promise<Figure[]> {
  const map = new SharedMap<string>({ across, maxBytes: 2 ** 26 });
  const value = "a value of thirty-two characters";
  for (let index = 0; index < 1000; index++) map.set(`user:${index}`, value);
  const bound = faster(20);
  const ours = {
    get: () => timeSyncCalls(LOOK_UPS, (key) => map.get(key)),
    set: () => timeSyncCalls(LOOK_UPS, (key) => map.set(key, value)),
  };
  const redis = alone ? undefined : await startRedis();
  if (redis === undefined) {
    if (!alone) console.log(howToGetRedis);
    return Object.entries(ours).map(([what, run]) => {
      const samples = Array.from({ length: TURNS }, run);
      return {
        name: `${what} across processes`,
        unit: "µs",
        ours: median(samples),
        rival: howToGetRedis,
        bound: bound.text,
        runs: TURNS,
      };
    });
  }
  const { client } = redis;
  for (let index = 0; index < 1000; index++) await client.set(`user:${index}`, value);
  const gets = await alternate(TURNS, ours.get, () => timeCalls(ROUND_TRIPS, (key) => client.get(key)));
  const sets = await alternate(TURNS, ours.set, () => timeCalls(ROUND_TRIPS, (key) => client.set(key, value)));
  await redis.stop();
  map.free();
  return [
    compared("get across processes", "µs", gets, "Redis, unix socket", bound),
    compared("set across processes", "µs", sets, "Redis, unix socket", bound),
  ];
}

/** What one map costs from `open` to `free`; the test of memory holds that it leaves nothing behind. */
function opening(): Figure {
  const samples = perRound(5, MAPS, (rounds) => {
    for (let round = 0; round < rounds; round++) SharedMap.open("bench", { across }).set("key", round).free();
  }).map((nanoseconds) => nanoseconds / 1000);
  return { name: "open, set, free", unit: "µs", ours: median(samples), runs: samples.length };
}

if (isMain(import.meta)) {
  report([
    ...(await besideMap(10_000, "small integers", (index) => index % 100)),
    ...(await besideMap(10_000, "short strings", (index) => `value ${index}`)),
    ...(await besideMap(100_000, "small integers", (index) => index % 100)),
    ...(await besideMap(100_000, "short strings", (index) => `value ${index}`)),
    ...(await besideRedis()),
    opening(),
  ]);
}
