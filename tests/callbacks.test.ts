/**
 * Every callback that a user can hand over has a row in docs/design/callbacks.md, and each row names the tests that
 * show what it says.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, test } from "node:test";
import {
  AsyncPool,
  Barrier,
  Condition,
  gather,
  Lock,
  PriorityQueue,
  RLock,
  RWLock,
  Semaphore,
  SharedArray,
  SharedList,
  SharedMap,
  sleep,
  Struct,
  TaskGroup,
  timeout,
  Value,
  waitFor,
  WorkerLocal,
} from "allcores";
import { cells, columns } from "./callback-cells.js";
import { timeLimit } from "./time-limit.js";
import { reportUncaught, setUncaughtHook as setHook } from "../src/futures/uncaught-hook.js";

const root = resolve(import.meta.dirname, "../..");
const types = join(root, "dist/types");

/** A function, an input that is iterated, or a name for one of them. */
const CALLED =
  /([\w$]+)\??:\s*(?:[^,;:(){}]*\|\s*)?(?:\(*(?:new )?\((?:[^()]|\([^()]*\))*\)\s*=>|(?:AnyFunction|UncaughtHook|ThreadFactory|(?<=fn: )F\b|Gatherable|Iterable<|AsyncIterable<))/g;

/** The public callbacks: "Owner.option", "Owner.method(parameter)" or "function(parameter)". */
function publicCallbacks(): Set<string> {
  const found = new Set<string>();
  for (const entry of ["index.d.ts", "testing/index.d.ts"]) {
    const text = readFileSync(join(types, entry), "utf8");
    for (const [, names, from] of text.matchAll(/export (?:type )?\{([^}]*)\} from "(\.[^"]*)\.js"/g)) {
      const declared = withOptions(join(types, dirname(entry), `${from}.d.ts`));
      for (const name of names!.split(",")) {
        const owner = name.replace("type ", "").trim().split(" ")[0]!;
        if (owner !== "") addCallbacksOf(owner, declared, found);
      }
    }
  }
  // Users make no MapRun.
  found.delete("MapRun.constructor(present)");
  return found;
}

/** What a file declares, and the options that it takes from a file beside it, as if they were its own. */
function withOptions(path: string): string {
  const read = (file: string) => readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const own = read(path);
  const beside = [...own.matchAll(/^import \{([^}]*)\} from "(\.\/[\w-]*-options)\.js"/gm)].map(([, names, from]) => {
    const taken = new Set(names!.split(",").map((name) => name.replace("type ", "").trim()));
    return read(join(dirname(path), `${from}.d.ts`)).replace(/^export (interface (\w+))/gm, (all, declared, name) =>
      taken.has(name) ? declared : all,
    );
  });
  return [own, ...beside].join("\n");
}

function addCallbacksOf(owner: string, declared: string, found: Set<string>): void {
  const start = new RegExp(`^(?:export )?(?:declare )?(?:abstract )?(class|interface|function|type) ${owner}\\b`, "gm");
  for (const match of declared.matchAll(start)) {
    const rest = declared.slice(match.index);
    const text = rest.slice(0, rest.search(/;\n(?=export|declare|$)|^\}/m) + 1);
    // Options that have a name within their file only.
    for (const [, name] of declared.matchAll(/^(?:declare )?interface (\w+)/gm)) {
      if (name !== owner && new RegExp(`\\b${name}\\b`).test(text)) addCallbacksOf(name!, declared, found);
    }
    if (match[1] === "function") {
      for (const [, parameter] of text.matchAll(CALLED)) found.add(`${owner}(${parameter})`);
      continue;
    }
    for (const member of text.split(/\n {4}(?! )/).slice(1)) {
      const name = /^(?:static |readonly |async |get )*([\w$]+|\[[\w.]+\])/.exec(member)?.[1];
      if (name === undefined || name === "get") continue;
      for (const [, parameter] of member.matchAll(CALLED))
        found.add(parameter === name ? `${owner}.${name}` : `${owner}.${name}(${parameter})`);
    }
  }
}
/** Handed over by other ways than a parameter or an option of a function's type. */
const BY_OTHER_WAYS = [
  "task",
  "Thread.start(task)",
  "PoolOptions.initializer",
  "serve(object)",
  "a getter or Proxy that the codec meets",
  "[selectable]",
  "the hooks of sendable",
];

const wrong = new Error("the callback's own error");
const fail = (): never => {
  throw wrong;
};
const isWrong = (error: unknown) => error === wrong;

describe("callbacks", { timeout: timeLimit(120_000) }, () => {
  test("every public callback has a row in docs/design/callbacks.md, and the tests that a row names exist", () => {
    const rows = readFileSync(join(root, "docs/design/callbacks.md"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("| ") && !line.startsWith("| Callback"));
    const listed = new Set(
      rows.flatMap((row) => [...row.split(" | ")[0]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!)),
    );
    const wanted = new Set([...publicCallbacks(), ...BY_OTHER_WAYS]);
    assert.deepEqual(
      [...wanted].filter((name) => !listed.has(name)),
      [],
      "public callbacks without a row",
    );
    assert.deepEqual(
      [...listed].filter((name) => !wanted.has(name)),
      [],
      "rows of what is no public callback",
    );
    const tests = readdirSync(join(root, "tests"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && file !== "callback-cells.ts")
      .map((file) => readFileSync(join(root, "tests", file), "utf8"))
      .join("\n");
    for (const row of rows) {
      const named = [...row.matchAll(/“([^”]+)”/g)].map((match) => match[1]!);
      assert.ok(named.length > 0, `a row names its tests: ${row}`);
      for (const name of named) assert.ok(tests.includes(name), `there is no test "${name}"`);
    }
    // Each cell of each row has a test: in callback-cells.ts, or elsewhere under the name that stands there.
    assert.deepEqual(
      rows.map((row) => /`([^`]+)`/.exec(row)![1]!).sort(),
      Object.keys(cells).sort(),
      "rows of the table, by their first name, and the tests of their cells",
    );
    for (const [row, its] of Object.entries(cells)) {
      for (const column of columns) {
        const cell = its[column];
        if (typeof cell === "string")
          assert.ok(
            tests.includes(`"${cell}`) || tests.includes(`\`${cell}`),
            `there is no test "${cell}", for ${row}: ${column}`,
          );
        else assert.equal(typeof cell, "function", `${row}: ${column} has no test`);
      }
    }
  });

  for (const [row, its] of Object.entries(cells)) {
    for (const column of columns) {
      const cell = its[column];
      if (typeof cell !== "string") test(`${row}: ${column}`, cell);
    }
  }

  test("what run() runs: its error reaches the caller as it is, and what was held is free; of a promise what comes of it", async () => {
    const lock = new Lock();
    const condition = new Condition();
    const semaphore = new Semaphore(1);
    const rw = new RWLock();
    const reads = { run: rw.runRead.bind(rw), runSync: rw.runReadSync.bind(rw) };
    const writes = { run: rw.runWrite.bind(rw), runSync: rw.runWriteSync.bind(rw) };
    for (const holder of [lock, new RLock(), semaphore, condition, reads, writes, rw.reading, rw.writing]) {
      await assert.rejects(holder.run(fail), isWrong);
      assert.throws(() => holder.runSync(fail), isWrong);
      await assert.rejects(
        holder.run(async () => fail()),
        isWrong,
      );
      assert.equal(await holder.run(async () => 5), 5);
      assert.equal(
        holder.runSync(() => 6),
        6,
      );
    }
  });

  test("what update() calls: where it throws, or gives a promise, nothing has changed, and others can go on", async () => {
    const value = new Value("int32", 1);
    const array = new SharedArray("int32", 2);
    const list = new SharedList<number>();
    list.push(1);
    const map = new SharedMap<number>();
    map.set("a", 1);
    array.set(0, 1);
    const struct = new Struct({ x: "int32" });
    for (const update of [
      (fn: () => never) => value.update(fn),
      (fn: () => never) => array.update(0, fn),
      (fn: () => never) => list.update(0, fn),
      (fn: () => never) => map.update("a", fn),
      (fn: () => never) => struct.updateSync(fn),
    ]) {
      assert.throws(() => update(fail), isWrong);
      assert.throws(() => update((async () => fail()) as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    }
    await assert.rejects(struct.update(fail), isWrong);
    assert.deepEqual(
      [
        value.update((n) => n + 1),
        array.update(0, (n) => n + 1),
        list.update(0, (n) => n + 1),
        map.update("a", (n) => n! + 1),
      ],
      [2, 2, 2, 2],
    );
  });

  test("a predicate of waitFor that throws: its error reaches the caller, and the condition's lock is still the caller's", async () => {
    const condition = new Condition();
    await condition.run(async () => await assert.rejects(condition.waitFor(fail), isWrong));
    condition.runSync(() => assert.throws(() => condition.waitForSync(fail), isWrong));
    assert.equal(
      condition.runSync(() => 1),
      1,
    );
  });

  test("an action of a Barrier that throws breaks it: its error is that of the party that completed the round", async () => {
    const barrier = new Barrier(2);
    const ends = await Promise.allSettled([1, 2].map(() => barrier.wait({ action: fail })));
    assert.ok(ends.every(({ status }) => status === "rejected"));
    assert.equal(ends.filter((end) => (end as PromiseRejectedResult).reason === wrong).length, 1);
  });

  test("a priority function that throws, or gives a promise: put fails and changes nothing", () => {
    for (const priority of [fail, async () => 1]) {
      const queue = new PriorityQueue<string>({ priority: priority as never });
      assert.throws(() => queue.putSync("a"));
      assert.equal(queue.size, 0);
      assert.throws(() => queue.putSync("a"));
    }
  });

  test("functions of groups, timeout, waitFor and gather: their error is the outcome, whether they throw or reject", async () => {
    for (const fn of [fail, async () => fail()]) {
      await assert.rejects(
        TaskGroup.run(fn),
        (error) => isWrong(error) || (error as AggregateError).errors.every(isWrong),
      );
      await assert.rejects(
        TaskGroup.run((group) => void group.spawn(fn)),
        (error) => (error as AggregateError).errors.every(isWrong),
      );
      await assert.rejects(timeout(10_000, fn), isWrong);
      await assert.rejects(waitFor(fn), isWrong);
      await assert.rejects(gather([fn]), (error) => isWrong(error) || (error as AggregateError).errors.every(isWrong));
    }
  });

  test("a WorkerLocal whose function throws is made at the next use", () => {
    let isReady = false;
    const local = new WorkerLocal(() => (isReady ? 5 : fail()));
    assert.throws(() => local.value, isWrong);
    isReady = true;
    assert.equal(local.value, 5);
  });

  test("an uncaught hook that throws: its error and the one that it was told of are printed", () => {
    const written: string[] = [];
    const write = process.stderr.write;
    const before = setHook(fail);
    process.stderr.write = ((text: string) => written.push(text) > 0) as never;
    try {
      reportUncaught(new Error("first"), { name: "Thread-1" });
    } finally {
      process.stderr.write = write;
      setHook(before);
    }
    assert.match(written.join(""), /the uncaught hook: Error: the callback's own error[\s\S]*Thread-1: Error: first/);
  });

  test("what runs with a pool: its error ends the pool and reaches the caller", async () => {
    let own: AsyncPool | undefined;
    await assert.rejects(
      AsyncPool.run({}, async (pool) => {
        own = pool;
        fail();
      }),
      isWrong,
    );
    assert.throws(() => own!.submit(() => 1), { code: "ERR_ALLCORES_STATE" });
    await sleep(0);
  });
});
