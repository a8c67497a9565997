/** Scenarios of pipes, shared data, events, selects, names and served objects. */
import assert from "node:assert/strict";
import {
  type Connection,
  Event,
  Lock,
  Queue,
  type Reach,
  type Served,
  SharedArray,
  SharedList,
  SharedMap,
  SharedMemory,
  Struct,
  Value,
} from "allcores";
import * as tasks from "../fixtures/chaos-data-tasks.js";
import { PUT, produce, TAKEN } from "../fixtures/chaos-tasks.js";
import { type Scenario, type ScenarioContext, seedOf, type Tally, until, WORKERS } from "./scenario.js";
import { timeLimit } from "../time-limit.js";

const MOST_ITEMS = 2_000_000;

/**
 * What became of the items: none came out twice (its taker looked), and those that never did were in the hands of
 * somebody who died.
 */
export function fatesOf(
  ids: Value<number>,
  fates: SharedArray<number>,
  deaths: number,
  left: readonly number[] = [],
): Tally {
  const { view } = fates;
  const items = Math.min(ids.value, fates.length);
  for (const id of left) {
    assert.ok(!(view[id]! & TAKEN), `${id} was taken and is still there`);
    view[id]! |= TAKEN;
  }
  let lost = 0;
  for (let id = 0; id < items; id++) if (view[id]! & PUT && !(view[id]! & TAKEN)) lost++;
  assert.ok(lost <= deaths, `${lost} items were put and never came out, by ${deaths} deaths of those who take them`);
  return { items, lost };
}

/**
 * What has a name of this reach, changed under faults: a counter is exact but for what dead workers had begun, and no
 * name outlives its holders.
 */
async function names({ supervisor, random, faults }: ScenarioContext, reach: Reach): Promise<Tally> {
  const { across } = supervisor;
  const stop = new Event({ across });
  const name = `chaos-${process.pid}`;
  const [tried, done] = [new Value("int32", 0, { across }), new Value("int32", 0, { across })];
  const map = SharedMap.open<number>(name, reach);
  for (let index = 0; index < WORKERS; index++)
    supervisor.keep("worker", tasks.useNames, () => [stop, name, reach, tried, done, seedOf(random)]);
  await supervisor.inject(faults);
  const before = done.value;
  await until(() => done.value > before + 20, supervisor);
  stop.set();
  await supervisor.rest();
  const sum = map.get("count") ?? 0;
  assert.ok(done.value <= sum && sum <= tried.value, `${done.value} <= ${sum} <= ${tried.value}`);
  for (let other = 0; other < 3; other++) {
    const memory = SharedMemory.create(`${name}-${other}`, 8, reach);
    memory.free();
    assert.throws(() => SharedMemory.open(`${name}-${other}`, reach), { code: "ERR_ALLCORES_NAME_NOT_FOUND" });
  }
  return { sum };
}

export const dataScenarios: Record<string, Scenario> = {
  pipe: async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const dock = new Queue<Connection<number, tasks.Letter>>({ across, maxSize: 2 });
    const whole = new Value("int32", 0, { across });
    for (let index = 0; index < 2; index++) {
      supervisor.keep("writer", tasks.writeLetters, () => [stop, dock, across, seedOf(random)]);
      supervisor.keep("reader", tasks.readLetters, () => [dock, whole, seedOf(random)]);
    }
    await supervisor.inject(faults);
    const before = whole.value;
    await until(() => whole.value > before + 2, supervisor);
    stop.set();
    dock.shutdown();
    await supervisor.rest();
    return { "pipes read to the end": whole.value };
  },
  "shared map": async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const counts = new SharedMap<number>({ across });
    const cache = new SharedMap<{ length: number; text: string }>({ across, maxBytes: tasks.MOST_BYTES });
    const [tried, done] = [new Value("int32", 0, { across }), new Value("int32", 0, { across })];
    for (let index = 0; index < WORKERS; index++)
      supervisor.keep("worker", tasks.useMaps, () => [stop, counts, cache, tried, done, seedOf(random)]);
    await supervisor.inject(faults);
    const before = done.value;
    await until(() => done.value > before + 100, supervisor);
    stop.set();
    await supervisor.rest();
    let sum = 0;
    for (const count of counts.values()) sum += count;
    assert.ok(done.value <= sum && sum <= tried.value, `${done.value} <= ${sum} <= ${tried.value}`);
    assert.equal(counts.size, [...counts].length);
    for (const key of counts.keys()) assert.ok(counts.delete(key));
    assert.deepEqual([counts.size, counts.stats().bytes], [0, 0]);
    cache.clear();
    assert.deepEqual([cache.size, cache.stats().bytes], [0, 0]);
    return { sum };
  },
  "shared list": async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const list = new SharedList<number>({ across });
    const ids = new Value("int32", 0, { across });
    const fates = new SharedArray("uint8", MOST_ITEMS, { across });
    for (let index = 0; index < WORKERS; index++)
      supervisor.keep("worker", tasks.useList, () => [stop, list, ids, fates, seedOf(random)]);
    await supervisor.inject(faults);
    const before = ids.value;
    await until(() => ids.value > before + 100 || ids.value > fates.length, supervisor);
    stop.set();
    await supervisor.rest();
    return fatesOf(ids, fates, supervisor.deathsOf("worker"), [...list]);
  },
  "struct, array and memory": async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const pair = new Struct(tasks.PAIR, {}, { across });
    const counts = new SharedArray("bigint64", 3, { across });
    const memory = new SharedMemory(5000, { across });
    for (let index = 0; index < WORKERS; index++)
      supervisor.keep("worker", tasks.useData, () => [stop, pair, counts, memory, seedOf(random)]);
    await supervisor.inject(faults);
    const before = counts.get(tasks.DONE);
    await until(() => counts.get(tasks.DONE) > before + 100n, supervisor);
    stop.set();
    await supervisor.rest();
    const [tried, done, sum] = [counts.get(tasks.TRIED), counts.get(tasks.DONE), counts.get(tasks.SUM)];
    assert.ok(done <= sum && sum <= tried, `${done} <= ${sum} <= ${tried}`);
    assert.ok(tried - done <= supervisor.deathsOf("worker"));
    return { updates: pair.fields.a, sum: Number(sum) };
  },
  event: async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const event = new Event({ across });
    const passed = new Value("int32", 0, { across });
    supervisor.keep("raiser", tasks.raise, () => [stop, event, seedOf(random)]);
    for (let index = 0; index < 2; index++)
      supervisor.keep("waiter", tasks.awaitEvent, () => [stop, event, passed, seedOf(random)]);
    await supervisor.inject(faults);
    const before = passed.value;
    await until(() => passed.value > before + 20, supervisor);
    stop.set();
    await supervisor.rest();
    return { passed: passed.value };
  },
  select: async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const [left, right] = [new Queue<{ id: number }>({ across, maxSize: 10 }), new Queue<{ id: number }>({ across })];
    const lock = new Lock({ across });
    const ids = new Value("int32", 0, { across });
    const fates = new SharedArray("uint8", MOST_ITEMS, { across });
    for (const queue of [left, right]) {
      supervisor.keep("producer", produce, () => [stop, queue, ids, fates, seedOf(random)]);
      supervisor.keep("chooser", tasks.choose, () => [left, right, lock, fates, seedOf(random)]);
    }
    await supervisor.inject(faults);
    const before = ids.value;
    await until(() => ids.value > before + 100 || ids.value > fates.length, supervisor);
    stop.set();
    left.shutdown();
    right.shutdown();
    await supervisor.rest();
    assert.deepEqual([left.size, right.size], [0, 0]);
    (await lock.acquire({ timeout: timeLimit(10_000) }))[Symbol.dispose]();
    return fatesOf(ids, fates, supervisor.deathsOf("chooser"));
  },
  names: (context) => names(context, { across: context.supervisor.across }),
  "names of the machine": (context) => names(context, { across: "machine" }),
  "served object": async ({ supervisor, random, faults }) => {
    const { across } = supervisor;
    const stop = new Event({ across });
    const found = new SharedMap<Served<object>>({ across });
    const asked = new Value("int32", 0, { across });
    supervisor.keep("owner", tasks.answer, () => [stop, found]);
    for (let index = 0; index < 2; index++)
      supervisor.keep("caller", tasks.ask, () => [stop, found, asked, seedOf(random)]);
    await supervisor.inject(faults);
    const before = asked.value;
    await until(() => asked.value > before + 20, supervisor);
    stop.set();
    await supervisor.rest();
    return { asked: asked.value };
  },
};
