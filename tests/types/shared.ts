/** What the compiler accepts and refuses; nothing here runs. */
import {
  type InferStruct,
  type RLock,
  SharedArray,
  SharedList,
  SharedMap,
  type SharedMapStats,
  SharedMemory,
  Struct,
  type StructFields,
  Value,
} from "allcores";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

export function values(): void {
  const count = new Value("int32", 0, { across: "processes", label: "count" });
  expectType<Value<number>>()(count, true);
  expectType<Value<bigint>>()(new Value("biguint64"), true);
  expectType<Value<boolean>>()(new Value("bool", true), true);
  expectType<number>()(count.value, true);
  expectType<RLock>()(count.lock, true);
  expectType<number>()(count.add(1), true);
  expectType<number>()(
    count.update((n) => n + 1),
    true,
  );
  count.value += 1;
  new Value("bool").value = false;
  const wide: Value<bigint> = new Value("bigint64", 1n);
  expectType<bigint>()(wide.sub(1n), true);

  // @ts-expect-error no such type
  new Value("int33");
  // @ts-expect-error a bigint needs a wide type
  new Value("int32", 1n);
  // @ts-expect-error a wide type needs bigints
  new Value("bigint64", 1);
  // @ts-expect-error a bool is no number
  new Value("bool", 0);
  // @ts-expect-error options come third
  new Value("int32", { across: "processes" });
  // @ts-expect-error there is no such reach
  new Value("int32", 0, { across: "planets" });
  // @ts-expect-error a value of another kind
  count.value = "1";
  // @ts-expect-error a value of another kind
  wide.value = 1;
  // @ts-expect-error a bool has no sums
  new Value("bool").add(true);
  // @ts-expect-error a bool has no sums
  new Value("bool").sub(1);
  // @ts-expect-error the result of an update is one of the same type
  count.update(() => "x");
  // @ts-expect-error a Value of bigints is no Value of numbers
  const other: Value<number> = wide;
  void other;
}

export function arrays(type: "int8" | "float32"): void {
  const numbers = new SharedArray("int32", [1, 2, 3]);
  expectType<Int32Array>()(numbers.view, true);
  expectType<number | undefined>()(numbers.at(0), true);
  expectType<number>()(numbers.get(0), true);
  expectType<number[]>()([...numbers], true);
  const wide = new SharedArray("biguint64", 3, { across: "processes" });
  expectType<BigUint64Array>()(wide.view, true);
  expectType<bigint[]>()(wide.toArray(), true);
  expectType<boolean>()(new SharedArray("bool", [true]).get(0), true);
  expectType<Int8Array | Float32Array>()(new SharedArray(type, 1).view, true);
  const some: SharedArray<number> = numbers;
  const big: SharedArray<bigint> = wide;
  void some;
  void big;

  // @ts-expect-error no such type
  new SharedArray("int33", 1);
  // @ts-expect-error bigints for a type of numbers
  new SharedArray("int32", [1n]);
  // @ts-expect-error a length or items
  new SharedArray("int32");
  // @ts-expect-error a value of another kind
  numbers.set(0, 1n);
  // @ts-expect-error elements are set by set()
  numbers[0] = 1;
  // @ts-expect-error a bool has no sums
  new SharedArray("bool", 1).add(0, true);
  // @ts-expect-error a SharedArray of bigints is none of numbers
  const other: SharedArray<number> = wide;
  void other;
}

export function structs(): void {
  const point = new Struct(
    { x: "float64", hits: "int32", inner: { ok: "bool", big: "bigint64" } },
    { x: 1, inner: { ok: true } },
    { across: "processes" },
  );
  type Plain = { x: number; hits: number; inner: { ok: boolean; big: bigint } };
  expectType<Plain>()(point.readSync(), true);
  expectType<Promise<Plain>>()(point.read({ timeout: 5 }), true);
  expectType<number>()(point.fields.x, true);
  expectType<bigint>()(point.fields.inner.big, true);
  point.fields.x += 1;
  point.fields.inner.ok = false;
  point.updateSync(({ x }) => ({ x: x + 1 }));
  void point.update(async ({ inner }) => ({ inner: { big: inner.big + 1n } }));
  const same: Struct<{ x: "float64"; hits: "int32"; inner: { ok: "bool"; big: "bigint64" } }> = new Struct({
    x: "float64",
    hits: "int32",
    inner: { ok: "bool", big: "bigint64" },
  });
  void same;
  const schema = { a: "uint8", b: { c: "bool" } } as const;
  expectType<{ a: number; b: { c: boolean } }>()({} as InferStruct<typeof schema>, true);
  const fields: StructFields<typeof schema> = new Struct(schema).fields;
  fields.a = 1;

  // @ts-expect-error no such type
  new Struct({ x: "int33" });
  // @ts-expect-error a value of another kind
  new Struct({ x: "int32" }, { x: "1" });
  // @ts-expect-error a field that the schema does not have
  new Struct({ x: "int32" }, { y: 1 });
  // @ts-expect-error a value of another kind
  point.fields.hits = 1n;
  // @ts-expect-error no such field
  point.fields.y = 1;
  // @ts-expect-error fields of a group are assigned one by one
  point.fields.inner = { ok: true, big: 1n };
  // @ts-expect-error a value of another kind
  point.updateSync(() => ({ x: "1" }));
  // @ts-expect-error a blocking update cannot await
  point.updateSync(async () => ({ x: 1 }));
  // @ts-expect-error a Struct of another shape
  const other: Struct<{ y: "int32" }> = new Struct({ x: "int32" });
  void other;
}

export function memory(): void {
  const named = SharedMemory.create("name", 64, { across: "processes" });
  expectType<Uint8Array>()(named.bytes, true);
  expectType<Float64Array>()(named.view("float64", 8, 2), true);
  expectType<string | undefined>()(named.name, true);
  expectType<SharedMemory>()(SharedMemory.open("name"), true);
  new SharedMemory(64).close();

  // @ts-expect-error a size is needed
  SharedMemory.create("name");
  // @ts-expect-error a size is a number
  new SharedMemory("64");
  // @ts-expect-error no such type
  named.view("int33");
  // @ts-expect-error its size never changes
  named.size = 3;
  // @ts-expect-error not held, but open: nothing for using
  using _ = named;
}

export function maps(): void {
  const map = new SharedMap<{ name: string }>({ across: "processes", maxBytes: 1e6, ttl: 1000, label: "users" });
  expectType<{ name: string } | undefined>()(map.get("a"), true);
  expectType<SharedMap<{ name: string }>>()(map.set("a", { name: "x" }, { ttl: 5 }), true);
  expectType<boolean>()(map.compareAndSet("a", undefined, { name: "y" }), true);
  expectType<SharedMapStats>()(map.stats(), true);
  for (const [key, value] of map) {
    expectType<string>()(key, true);
    expectType<{ name: string }>()(value, true);
  }
  const counts = SharedMap.open<number>("counts");
  expectType<number>()(
    counts.update("a", (count) => (count ?? 0) + 1),
    true,
  );
  counts.update("a", (count) => (count === 1 ? undefined : 0));
  expectType<unknown>()(new SharedMap().get("a"), true);

  // @ts-expect-error keys are strings
  map.get(5);
  // @ts-expect-error a value of another kind
  map.set("a", 5);
  // @ts-expect-error the function may have to run again: it must not be asynchronous
  counts.update("a", async () => 1);
  // @ts-expect-error a result of another kind
  counts.update("a", () => "1");
  // @ts-expect-error no such option
  new SharedMap({ maxSize: 5 });
  // @ts-expect-error nothing to hold
  using _ = map;
}

export function lists(): void {
  const list = new SharedList<string>({ across: "threads" });
  expectType<string | undefined>()(list.get(0), true);
  expectType<string | undefined>()(list.pop(), true);
  expectType<number>()(list.push("a", "b"), true);
  expectType<string[]>()(list.splice(0, 1, "c"), true);
  expectType<string[]>()([...list], true);
  expectType<string>()(
    list.update(0, (text) => text + 1),
    true,
  );

  // @ts-expect-error an item of another kind
  list.push(5);
  // @ts-expect-error an index is a number
  list.get("0");
  // @ts-expect-error the function may have to run again: it must not be asynchronous
  list.update(0, async () => "x");
}
