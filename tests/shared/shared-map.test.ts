import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import {
  Barrier,
  createPipe,
  Event,
  isAllcoresError,
  Lock,
  Process,
  Queue,
  SharedMap,
  SharedMemory,
  Value,
} from "allcores";
import {
  type Checked,
  checkedValue,
  countUp,
  holdIn,
  openAndCount,
  readUntil,
  writeUntil,
} from "../fixtures/map-tasks.js";
import { runIn } from "../fixtures/run-in.js";
import { mapContract, places } from "./shared-map.contract.js";
import { timeLimit } from "../time-limit.js";

const acrosses = ["threads", "processes"] as const;

for (const across of acrosses) {
  for (const [place, call] of Object.entries(places))
    describe(`a SharedMap across ${across}, used by ${place}`, () => mapContract(across, call(across)));

  describe(`a SharedMap across ${across}`, () => {
    test("loses no update of four workers", { timeout: timeLimit(60_000) }, async () => {
      const map = new SharedMap<number>({ across });
      await Promise.all([0, 1, 2, 3].map(() => runIn(across, countUp, map, ["a", "b", "日本"], 2000)));
      assert.deepEqual([map.get("a"), map.get("b"), map.get("日本"), map.size], [8000, 8000, 8000, 3]);
      map.free();
    });

    test("readers beside a writer see no torn value, and no key vanishes while the table grows", {
      timeout: timeLimit(60_000),
    }, async () => {
      const map = new SharedMap<Checked>({ across });
      const keys = ["a", "b", "c"];
      for (const key of keys) map.set(key, checkedValue(0));
      const stop = new Event({ across });
      const running = new Value("int32", 0, { across });
      const writer = runIn(across, writeUntil, map, keys, running, stop);
      const readers = [0, 1].map(() => runIn(across, readUntil, map, keys, running, stop));
      while (running.value < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      // As long as it takes the writer to replace each size by each other many times, with the table growing beside.
      const last = map.get("a")!.version + 4000;
      while (map.get("a")!.version < last) await new Promise((resolve) => setTimeout(resolve, 5));
      stop.set();
      assert.deepEqual(await Promise.all(readers), [undefined, undefined]);
      assert.ok((await writer) >= 4000);
      map.free();
    });

    test("64 MB go in and come out", { timeout: timeLimit(60_000) }, () => {
      const map = new SharedMap<Uint8Array>({ across });
      const bytes = new Uint8Array(64 * 2 ** 20).fill(3);
      map.set("large", bytes);
      bytes[0] = 4;
      const read = map.get("large")!;
      assert.equal(read.length, bytes.length);
      assert.equal(Buffer.compare(read.subarray(0, 1000), new Uint8Array(1000).fill(3)), 0);
      assert.equal(read[read.length - 1], 3);
      map.free();
    });

    test("holds what its values hold", async () => {
      const map = new SharedMap<{ lock: Lock; queue: Queue<number> }>({ across });
      const lock = new Lock({ across });
      const queue = new Queue<number>({ across });
      map.set("tools", { lock, queue });
      lock.free();
      queue.free();
      assert.equal(await runIn(across, holdIn, map), true);
      assert.equal(map.get("tools")!.queue.getSync(), 1);
      map.free();
    });

    test("is opened by its name, and made by whoever opens it first", () => {
      const map = SharedMap.open<number>("visits", { across, maxBytes: 10_000 });
      map.set("a", 1);
      assert.equal(map.name, "visits");
      assert.equal(map.label, "visits");
      assert.equal(SharedMap.open("visits", { across }), map);
      map.free();
      const fresh = SharedMap.open<number>("visits", { across });
      assert.equal(fresh.get("a"), undefined);
      fresh.free();
      const memory = SharedMemory.create("bytes", 64, { across });
      assert.throws(() => SharedMap.open("bytes", { across }), { code: "ERR_ALLCORES_NAME_TAKEN" });
      const other = SharedMap.open("a map", { across });
      assert.throws(() => SharedMemory.open("a map", { across }), { code: "ERR_ALLCORES_NAME_TAKEN" });
      other.free();
      memory.close();
      assert.throws(() => SharedMap.open(""), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
      assert.throws(() => SharedMap.open(5 as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    });

    test("unlink() frees the name at once and leaves the map", () => {
      const old = SharedMap.open<number>("unlinked", { across });
      old.set("a", 1);
      old.unlink();
      old.unlink();
      assert.equal(old.name, undefined);
      const fresh = SharedMap.open<number>("unlinked", { across });
      assert.deepEqual([old.get("a"), fresh.get("a")], [1, undefined]);
      old.free();
      assert.equal(SharedMap.open("unlinked", { across }), fresh);
      fresh.free();
      assert.throws(() => fresh.unlink(), { code: "ERR_ALLCORES_FREED" });
    });
  });
}

test("processes that open one name at the same time get one map", async () => {
  const meeting = new Barrier(4, { across: "processes" });
  const workers = [0, 1, 2].map(() => Process.start(openAndCount, "meeting", 100, meeting).join());
  await meeting.wait();
  const map = SharedMap.open<number>("meeting", { across: "processes" });
  await meeting.wait();
  assert.deepEqual(await Promise.all(workers), ["meeting", "meeting", "meeting"]);
  assert.equal(map.get("count"), 300);
  map.free();
});

test("a map across threads is not sent to a process", () => {
  assert.throws(
    () => new SharedMap({ across: "processes" }).set("a", new SharedMap()),
    (error) => isAllcoresError(error) && error.code === "ERR_ALLCORES_REACH",
  );
});

test("the end of a pipe, which belongs to one worker, is refused and stays what it is", () => {
  const [here, there] = createPipe<number>();
  assert.throws(() => new SharedMap().set("a", { there }), {
    code: "ERR_ALLCORES_UNSENDABLE",
    message: /^value\.there is a Connection/,
  });
  here.sendSync(5);
  assert.equal(there.recvSync(), 5);
});

test("shows what it is", () => {
  assert.equal(SharedMap.name, "SharedMap");
  assert.match(inspect(new SharedMap({ label: "x" })), /^SharedMap "x"/);
});

test("ttl: 1e300 lasts for ever, of a map and of an entry", () => {
  const map = new SharedMap<number>({ ttl: 1e300 });
  map.set("a", 1);
  map.set("b", 2, { ttl: 1e300 });
  map.set("c", 3, { ttl: 2 ** 51 });
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c")], [1, 2, 3]);
});
