import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Process, SharedMemory, Value } from "allcores";
import { decode, encode } from "../../src/codec/index.js";
import { HEADER, processHeap } from "../../src/memory/index.js";
import "../../src/shared/shared-memory.js"; // The copy of the library that decodes here.
import { runIn } from "../fixtures/run-in.js";
import { churnNames, countNamed, createNamed, dieHolding, writeNamed } from "../fixtures/shared-data.js";
import { timeLimit } from "../time-limit.js";

const refused = (code: string) => ({ code: `ERR_ALLCORES_${code}` });
const range = refused("ARGUMENT_RANGE");
const type = refused("ARGUMENT_TYPE");
const notFound = refused("NAME_NOT_FOUND");

async function eventually(check: () => void, most = 100): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return check();
    } catch (error) {
      if (tries === most) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

for (const across of ["threads", "processes", "machine"] as const) {
  const reach = { across };
  // Other programs may be at the same test.
  const own = across === "machine" ? `${process.pid} ` : "";
  const boundary = across === "threads" ? "threads" : "processes";
  describe(`SharedMemory across ${across}`, () => {
    test("without a name: zeroed bytes of exactly that size", () => {
      const memory = new SharedMemory(100, reach);
      assert.equal(memory.size, 100);
      assert.equal(memory.bytes.length, 100);
      assert.ok(memory.bytes.every((byte) => byte === 0));
      assert.equal(memory.bytes, memory.bytes);
      assert.equal(memory.name, undefined);
      memory.unlink();
      memory.close();
    });

    test("views of every type look at the same bytes", () => {
      const memory = new SharedMemory(20, reach);
      memory.view("float64", 8, 1)[0] = 1.5;
      assert.deepEqual([...memory.bytes], [...new Array(14).fill(0), 0xf8, 0x3f, 0, 0, 0, 0]);
      assert.equal(memory.view("float64").length, 2);
      assert.equal(memory.view("int32", 20).length, 0);
      assert.equal(memory.view("int32").length, 5);
      for (const [offset, length] of [[4], [-8], [24], [0.5], [8, 2], [0, -1], [0, 0.5]] as const)
        assert.throws(() => memory.view("float64", offset, length), range);
      assert.throws(() => memory.view("float64", "8" as never), type);
      assert.throws(() => memory.view("int33" as never), range);
    });

    test("is created once and opened by its name", () => {
      const one = `${own}one`;
      const memory = SharedMemory.create(one, 64, reach);
      assert.equal(memory.name, one);
      assert.equal(memory.across, across);
      assert.equal(SharedMemory.open(one, reach), memory);
      assert.throws(() => SharedMemory.create(one, 64, reach), refused("NAME_TAKEN"));
      memory.close();
      assert.throws(() => SharedMemory.open(one, reach), { ...notFound, message: /one"/ });
      SharedMemory.create(one, 64, reach).close();
    });

    test("is made by the first who wants it, and found by the others", async () => {
      const name = `${own}either`;
      const memory = SharedMemory.openOrCreate(name, 64, reach);
      assert.equal(SharedMemory.openOrCreate(name, 64, reach), memory);
      assert.throws(() => SharedMemory.openOrCreate(name, 65, reach), { ...range, message: /64 bytes, not 65/ });
      const sums = await Promise.all([0, 1, 2].map(() => runIn(boundary, countNamed, name, 100, reach)));
      assert.equal(Math.max(...sums), 300);
      assert.equal(memory.view("int32")[0], 300);
      memory.close();
      await eventually(() => SharedMemory.create(name, 64, reach).close());
      const sumsOfNew = await Promise.all([0, 1, 2].map(() => runIn(boundary, countNamed, name, 100, reach)));
      assert.ok(sumsOfNew.every((sum) => sum <= 300 && sum >= 100));
    });

    test("many names stand side by side and go in any order", () => {
      const names = ["a", "b", "日本語", "x".repeat(255 - own.length), "a b/c", "\0"].map((name) => own + name);
      const all = names.map((name) => SharedMemory.create(name, 8, reach));
      for (const [index, name] of names.entries()) assert.equal(SharedMemory.open(name, reach), all[index]);
      for (const index of [2, 0, 5, 3, 1, 4]) {
        all[index]?.close();
        assert.throws(() => SharedMemory.open(names[index] as string, reach), notFound);
      }
    });

    test("unlink() frees the name at once and leaves the memory", () => {
      const old = SharedMemory.create(`${own}two`, 8, reach);
      old.bytes[0] = 1;
      old.unlink();
      old.unlink();
      assert.equal(old.name, undefined);
      assert.throws(() => SharedMemory.open(`${own}two`, reach), notFound);
      const fresh = SharedMemory.create(`${own}two`, 8, reach);
      assert.deepEqual([old.bytes[0], fresh.bytes[0]], [1, 0]);
      old.close();
      assert.equal(SharedMemory.open(`${own}two`, reach), fresh);
      fresh.close();
    });

    test("a message on its way keeps the memory and its name", () => {
      const memory = SharedMemory.create(`${own}three`, 8, reach);
      memory.bytes[7] = 77;
      const message = encode(memory, { to: boundary });
      const bytes = message.toBytes();
      memory.close();
      const arrived = decode(bytes, 0, bytes.length) as SharedMemory;
      assert.equal(arrived.bytes[7], 77);
      assert.equal(arrived.name, `${own}three`);
      arrived.close();
      assert.throws(() => SharedMemory.open(`${own}three`, reach), notFound);
    });

    test("after close() everything says so", () => {
      const memory = SharedMemory.create(`${own}four`, 8, reach);
      memory.close();
      memory.free();
      const freed = refused("FREED");
      for (const use of [() => memory.bytes, () => memory.view("int8"), () => memory.name, () => memory.unlink()])
        assert.throws(use, freed);
      assert.throws(() => encode(memory, { to: "threads" }), freed);
    });

    test("another worker opens it by its name", async () => {
      const five = `${own}five`;
      const memory = SharedMemory.create(five, 64, reach);
      assert.deepEqual(await runIn(boundary, writeNamed, five, "hello", reach), [64, five]);
      assert.equal(Buffer.from(memory.bytes.subarray(0, 5)).toString(), "hello");
      assert.equal(await runIn(boundary, createNamed, five, reach), "ERR_ALLCORES_NAME_TAKEN");
      memory.close();
    });

    test("of workers that create the same name at once one gets it", async () => {
      const outcomes = await Promise.all([0, 1, 2, 3].map(() => runIn(boundary, createNamed, `${own}six`, reach)));
      assert.ok(outcomes.every((outcome) => outcome === "created" || outcome === "ERR_ALLCORES_NAME_TAKEN"));
      assert.ok(outcomes.includes("created"));
      // Their ends let go of it.
      await eventually(() => SharedMemory.create(`${own}six`, 8, reach).close());
    });
  });
}

test("what a killed process had created goes with it, what it only had open stays", async () => {
  const reach = { across: "processes" } as const;
  const kept = SharedMemory.create("kept", 64, reach);
  const counter = new Value("int32", 5, reach);
  await Process.start(dieHolding, "lost", reach, kept, counter)
    .join()
    .catch(() => undefined);
  await eventually(() => SharedMemory.create("lost", 8, reach).close());
  assert.equal(SharedMemory.open("kept", reach), kept);
  assert.equal(counter.value, 5);
  kept.close();
});

test("names stay whole when workers are killed while they create, open and unlink", {
  timeout: timeLimit(60_000),
}, async () => {
  const reach = { across: "processes" } as const;
  const names = ["r", "s", "t", "u"];
  for (let round = 0; round < 4; round++) {
    const running = new Value("int32", 0, reach);
    const workers = [0, 1, 2].map(() => Process.start(churnNames, names, running));
    const ends = workers.map((worker) => worker.join().catch((error: { code: string }) => error.code));
    await eventually(() => assert.equal(running.value, 3));
    for (const worker of workers) {
      await new Promise((done) => setTimeout(done, 10 + Math.random() * 30));
      worker.kill();
    }
    assert.deepEqual(await Promise.all(ends), [
      "ERR_ALLCORES_WORKER_DIED",
      "ERR_ALLCORES_WORKER_DIED",
      "ERR_ALLCORES_WORKER_DIED",
    ]);
    running.free();
    for (const name of names) {
      // Killed between counting a hold and writing it down, a worker leaves a hold that nobody lets go of: the name
      // then needs unlink().
      await eventually(() => SharedMemory.create(name, 8, reach).close(), 25).catch(() => {
        const left = SharedMemory.open(name, reach);
        left.unlink();
        left.close();
      });
    }
    for (const name of names) assert.throws(() => SharedMemory.open(name, reach), notFound);
  }
  assert.equal(processHeap().words[HEADER.names], 0);
});

test("names of each reach are apart", () => {
  const memory = SharedMemory.create("apart", 8, { across: "processes" });
  assert.throws(() => SharedMemory.open("apart"), { ...notFound, message: /across: "processes"/ });
  memory.close();
});

test("wrong arguments are refused", () => {
  for (const bad of [0, -1, 1.5, Number.NaN]) assert.throws(() => new SharedMemory(bad), range);
  assert.throws(() => new SharedMemory("8" as never), type);
  assert.throws(() => new SharedMemory(8, 5 as never), type);
  assert.throws(() => new SharedMemory(2 ** 30 + 1, { across: "processes" }), refused("TOO_LARGE"));
  assert.throws(() => new SharedMemory(2 ** 32), refused("TOO_LARGE"));
  assert.throws(() => SharedMemory.create("", 8), range);
  assert.throws(() => SharedMemory.create("é".repeat(128), 8), range);
  assert.throws(() => SharedMemory.create("\ud800", 8), range);
  assert.throws(() => SharedMemory.create(5 as never, 8), type);
  assert.throws(() => SharedMemory.create("x", 0), range);
  assert.throws(() => SharedMemory.create("x", 8, 5 as never), type);
  assert.throws(() => SharedMemory.open("x", null as never), type);
  assert.throws(() => SharedMemory.open(""), range);
});
