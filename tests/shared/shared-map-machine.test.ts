/** Maps that programs which know nothing of each other find by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedMap } from "allcores";
import { type BareProgram, startBare } from "../fixtures/bare-program.js";
import { type Checked, tornIn } from "../fixtures/map-tasks.js";
import { Peer } from "../fixtures/peers.js";
import { timeLimit } from "../time-limit.js";

const nameOf = (what: string): string => `${what} ${process.pid}`;
const killAll = (programs: readonly { kill(): Promise<void> }[]): Promise<unknown> =>
  Promise.all(programs.map((program) => program.kill()));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("programs started separately and workers of node:cluster count in one map, exactly", {
  timeout: timeLimit(60_000),
}, async () => {
  const name = nameOf("count");
  const workers = [new Peer("cluster"), new Peer("cluster")];
  const programs = [startBare("countInMap", name, 2000), startBare("countInMap", name, 2000)];
  const counted = await Promise.all([
    ...workers.map((worker) => worker.call("countInMap", name, 2000)),
    ...programs.map(({ said }) => said as Promise<number>),
  ]);
  assert.equal(Math.max(...(counted as number[])), 8000);
  await killAll([...workers, ...programs]);
});

test("it stays while one program has it, whoever made it, and is gone with the last", {
  timeout: timeLimit(60_000),
}, async () => {
  const name = nameOf("last");
  const maker = startBare("countInMap", name, 3);
  assert.equal(await maker.said, 3);
  const heir = startBare("countInMap", name, 3);
  assert.equal(await heir.said, 6);
  await maker.kill();
  const third = startBare("countInMap", name, 3);
  assert.equal(await third.said, 9);
  await killAll([heir, third]);
  const anew = startBare("countInMap", name, 3);
  assert.equal(await anew.said, 3);
  await anew.kill();
});

test("programs killed while they change it: what the others have is whole, and they go on", {
  timeout: timeLimit(90_000),
}, async () => {
  const map = SharedMap.open<Checked | number>(nameOf("killed"), { across: "machine" });
  const count = (): number => (map.get("count") as number | undefined) ?? 0;
  const programs: BareProgram[] = [1, 2, 3].map(() => startBare("changeMapForEver", map.name!));
  try {
    await until(() => programs.every(({ child }) => [...map.keys()].some((key) => key.startsWith(`${child.pid} `))));
    for (let round = 0; round < 6; round++) {
      const before = count();
      await until(() => count() > before + 50 + 17 * round);
      await programs.shift()!.kill();
      const after = count();
      await until(() => count() > after);
      for (const [key, value] of map) if (typeof value !== "number") assert.equal(tornIn(value), undefined, key);
      programs.push(startBare("changeMapForEver", map.name!));
    }
  } finally {
    await killAll(programs);
  }
  assert.equal(map.size, [...map].length);
  for (const key of map.keys()) assert.ok(map.delete(key));
  assert.deepEqual([map.size, map.stats().bytes], [0, 0]);
  map.free();
});

test("the bounds are its maker's, for every program", { timeout: timeLimit(60_000) }, async () => {
  const name = nameOf("bounds");
  const text = "x".repeat(100);
  const maker = startBare("performInMap", name, { maxBytes: 20_000, ttl: 3_600_000 }, [["set", "first", text]]);
  await maker.said;
  const map = SharedMap.open<string>(name, { across: "machine" });
  const other = startBare(
    "performInMap",
    name,
    { maxBytes: 2 ** 30 },
    Array.from({ length: 1000 }, (_, index) => ["set", `key ${index}`, text]),
  );
  await other.said;
  assert.ok(map.size < 200, `${map.size} entries`);
  assert.ok(map.stats().bytes <= 20_000, `${map.stats().bytes} bytes`);
  assert.equal(map.stats().evictions, 1001 - map.size);
  assert.throws(() => map.set("large", "x".repeat(30_000)), { code: "ERR_ALLCORES_TOO_LARGE" });
  await killAll([maker, other]);
  map.free();
});

test("an entry ends for every program at one moment", { timeout: timeLimit(60_000) }, async () => {
  const map = SharedMap.open<string>(nameOf("ttl"), { across: "machine", ttl: 3_600_000 });
  const maker = startBare("performInMap", map.name!, {}, [
    ["set", "long", "a"],
    ["set", "short", "b", { ttl: 20 }],
  ]);
  await maker.said;
  await until(() => !map.has("short"));
  const reader = startBare("performInMap", map.name!, {}, [
    ["get", "short"],
    ["get", "long"],
  ]);
  assert.deepEqual(await reader.said, [null, "a"]);
  assert.deepEqual([...map.keys()], ["long"]);
  await killAll([maker, reader]);
  map.free();
});

test("an object of one program's own memory is reached while that program lives; then reading it fails, and the map goes on", {
  timeout: timeLimit(60_000),
}, async () => {
  const map = SharedMap.open<{ value: number } | number>(nameOf("objects"), { across: "machine" });
  const owner = startBare("leaveInMap", map.name!);
  await owner.said;
  const reader = startBare("performInMap", map.name!, {}, [["has", "theirs"]]);
  await reader.said;
  await owner.kill();
  assert.throws(() => map.get("theirs"), { code: "ERR_ALLCORES_ATTACH", message: /of which no process is left/ });
  assert.throws(() => [...map], { code: "ERR_ALLCORES_ATTACH" });
  assert.deepEqual([map.has("theirs"), map.size, [...map.keys()]], [true, 1, ["theirs"]]);
  map.set("theirs", 1);
  assert.deepEqual([...map], [["theirs", 1]]);
  await reader.kill();
  map.free();
});
