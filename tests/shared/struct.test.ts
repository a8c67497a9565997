import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Struct } from "allcores";
import { decode, encode } from "../../src/codec/index.js";
import "../../src/shared/struct.js"; // The copy of the library that decodes here.
import { layoutOf } from "../../src/shared/struct-layout.js";
import { runIn } from "../fixtures/run-in.js";
import { moveTogether } from "../fixtures/shared-data.js";

const refused = (code: string) => ({ code: `ERR_ALLCORES_${code}` });
const range = refused("ARGUMENT_RANGE");
const type = refused("ARGUMENT_TYPE");

test("fields stand as a C compiler would place them", () => {
  const { leaves, bytes } = layoutOf({
    a: "bool",
    b: "float64",
    c: "int16",
    inner: { d: "uint8", e: "int32" },
    f: "bigint64",
  });
  assert.deepEqual(
    leaves.map(({ path, offset }) => `${path}@${offset}`),
    ["a@0", "b@8", "c@16", "inner.d@20", "inner.e@24", "f@32"],
  );
  assert.equal(bytes, 40);
});

test("one layout serves all schemas of the same shape", () => {
  assert.equal(layoutOf({ x: "int8", y: { z: "bool" } }), layoutOf({ x: "int8", y: { z: "bool" } }));
  assert.notEqual(layoutOf({ x: "int8", y: "int8" }), layoutOf({ y: "int8", x: "int8" }));
});

test("what is no schema is refused", () => {
  const endless: Record<string, unknown> = {};
  endless.self = endless;
  let deep: Record<string, unknown> = { x: "int8" };
  for (let level = 0; level < 40; level++) deep = { deep };
  for (const bad of [undefined, null, 5, "int8", ["int8"], { x: undefined }, { x: 5 }, { x: ["int8"] }, endless])
    assert.throws(() => new Struct(bad as never), type);
  for (const bad of [{}, { x: {} }, { x: "int9" }, { x: { y: "int9" } }, deep, JSON.parse('{"__proto__":"int8"}')])
    assert.throws(() => new Struct(bad as never), range);
  assert.throws(() => new Struct({ x: { y: "int9" } } as never), /schema: x\.y must be one of/);
  assert.throws(() => new Struct({ x: "int8" }, {}, 5 as never), type);
});

for (const across of ["threads", "processes"] as const) {
  describe(`a Struct across ${across}`, () => {
    const schema = {
      x: "float64",
      hits: "uint8",
      inner: { ok: "bool", big: "bigint64", deeper: { n: "float32" } },
    } as const;

    test("starts as zero, or as it was told", () => {
      assert.deepEqual(new Struct(schema, undefined, { across }).toObject(), {
        x: 0,
        hits: 0,
        inner: { ok: false, big: 0n, deeper: { n: 0 } },
      });
      const struct = new Struct(schema, { x: 0.1, inner: { deeper: { n: 0.5 } } }, { across });
      assert.deepEqual(struct.toObject(), { x: 0.1, hits: 0, inner: { ok: false, big: 0n, deeper: { n: 0.5 } } });
      assert.deepEqual(struct.schema, schema);
    });

    test("fields are read and assigned", () => {
      const { fields } = new Struct(schema, {}, { across });
      fields.x = -1.5;
      fields.hits += 255;
      fields.inner.ok = true;
      fields.inner.big = -5n;
      fields.inner.deeper.n = 2;
      assert.deepEqual({ ...fields }, { x: -1.5, hits: 255, inner: fields.inner });
      assert.equal(JSON.stringify(fields.inner.deeper), '{"n":2}');
      assert.deepEqual([fields.inner.ok, fields.inner.big], [true, -5n]);
      assert.throws(() => (fields.hits += 1), { ...range, message: /fields\.hits must be an integer from 0 to 255/ });
      assert.throws(() => (fields.inner.ok = 1 as never), { ...type, message: /fields\.inner\.ok/ });
      assert.throws(() => ((fields as Record<string, unknown>).typo = 1), TypeError);
      assert.throws(() => ((fields as Record<string, unknown>).inner = {}), TypeError);
      assert.equal(fields.hits, 255);
    });

    test("update changes all it returns or nothing", async () => {
      const struct = new Struct(schema, { hits: 250 }, { across });
      assert.equal(struct.updateSync(({ hits }) => ({ hits: hits + 5, inner: { ok: true } })).hits, 255);
      const before = struct.readSync();
      assert.throws(() => struct.updateSync(({ hits }) => ({ x: 9, hits: hits + 1 })), range);
      assert.throws(() => struct.updateSync(() => ({ x: 9, typo: 1 }) as never), {
        ...type,
        message: /typo is no field/,
      });
      assert.throws(() => struct.updateSync(() => ({ x: 9, inner: true }) as never), type);
      assert.throws(() => struct.updateSync(() => undefined as never), type);
      await assert.rejects(
        struct.update(async () => {
          throw new Error("mine");
        }),
        /mine/,
      );
      assert.deepEqual(await struct.read(), before);
      assert.deepEqual(await struct.update(async ({ x }, held) => ({ x: held.ownerDied ? 0 : x + 1 })), {
        ...before,
        x: 1,
      });
      assert.equal(struct.lock.isLocked, false);
    });

    test("read and update wait for its lock", async () => {
      const struct = new Struct(schema, {}, { across });
      const held = await struct.lock.acquire();
      await assert.rejects(struct.read({ timeout: 5 }), refused("TIMEOUT"));
      await assert.rejects(
        struct.update(() => ({}), { signal: AbortSignal.abort(new Error("stop")) }),
        /stop/,
      );
      assert.throws(() => struct.readSync(), refused("DEADLOCK"));
      assert.equal(struct.toObject().x, 0);
      const reading = struct.read();
      struct.fields.x = 3;
      held[Symbol.dispose]();
      assert.equal((await reading).x, 3);
    });

    test("after free() everything says so", () => {
      const struct = new Struct(schema, {}, { across });
      const { fields } = struct;
      struct.free();
      struct.free();
      const freed = refused("FREED");
      for (const use of [
        () => fields.x,
        () => (fields.inner.ok = true),
        () => struct.lock,
        () => struct.toObject(),
        () => struct.readSync(),
      ])
        assert.throws(use, freed);
      assert.throws(() => encode(struct, { to: "threads" }), freed);
    });

    test("its memory stays as long as its fields are in use", async () => {
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const { inner } = (() => new Struct(schema, { inner: { big: 7n } }, { across }).fields)();
      for (let round = 0; round < 3; round++) {
        collect();
        await new Promise((done) => setTimeout(done, 5));
      }
      const others = Array.from({ length: 50 }, () => new Struct(schema, { inner: { big: 9n } }, { across }));
      assert.equal(inner.big, 7n);
      assert.equal(others.length, 50);
    });

    test("arrives with its schema, as the same object where it is decoded twice", () => {
      const struct = new Struct(schema, { hits: 4 }, { across, label: "four" });
      const message = encode([struct, struct], { to: across });
      const [one, other] = decode(message.toBytes(), 0, message.length) as Struct<typeof schema>[];
      assert.equal(one, other);
      assert.deepEqual([one?.fields.hits, one?.label, one?.schema], [4, "four", schema]);
    });

    test("a handle with another schema than the memory's is refused", () => {
      const struct = new Struct({ x: "int32" }, {}, { across });
      const message = encode(struct, { to: across });
      const bytes = message.toBytes();
      const at = Buffer.from(bytes).lastIndexOf("int32");
      bytes.set(Buffer.from("uint8"), at);
      assert.throws(() => decode(bytes, 0, bytes.length), refused("CORRUPT"));
    });

    test("workers that update it lose nothing and see all fields together", async () => {
      const point = new Struct({ x: "float64", y: { sum: "int32" } }, {}, { across });
      const workers = [0, 1, 2].map(() => runIn(across, moveTogether, point, 1000));
      for (let look = 0; look < 200; look++) {
        const { x, y } = await point.read();
        assert.equal(x + y.sum, 0);
      }
      for (const worker of workers) assert.deepEqual(await worker, { x: "float64", y: { sum: "int32" } });
      assert.deepEqual(point.readSync(), { x: 3000, y: { sum: -3000 } });
    });
  });
}

test("a Struct is no plain object with accessors only of its own", () => {
  const one = new Struct({ n: "int32" });
  const other = new Struct({ n: "int32" });
  one.fields.n = 1;
  assert.equal(other.fields.n, 0);
});
