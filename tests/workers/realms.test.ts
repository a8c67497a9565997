/**
 * The library in a realm of `node:vm`, where Jest evaluates tests and all that they import; and what comes from another
 * realm than the library's.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { AsyncPool, Queue, sendable, SharedArray, sleep, task, ThreadPool, wait } from "../../src/index.js";
import { timeLimit } from "../time-limit.js";

const root = resolve(import.meta.dirname, "../../..");

/**
 * As Jest does it: a context with Node's globals, and modules evaluated in it. `host`: names of the main realm's
 * globals that the context has instead of its own; `lacking`: of those that it has not.
 */
const RUNNER = `
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";
const [host, lacking] = process.argv.slice(2).map((names) => names.split(","));
const context = vm.createContext({});
const own = new Set(vm.runInContext("Object.getOwnPropertyNames(globalThis)", context));
for (const name of Object.getOwnPropertyNames(globalThis))
  if (name !== "globalThis" && !lacking.includes(name) && (!own.has(name) || name === "console" || host.includes(name))) Object.defineProperty(context, name, Object.getOwnPropertyDescriptor(globalThis, name));
context.outer = { array: [1], map: new Map([[1, 2]]), set: new Set([1]), date: new Date(0), regexp: /x/g, error: new RangeError("no"), bytes: new Uint8Array([1]), ints: new Int32Array([1]), object: { a: 1 } };
const modules = new Map();
function moduleOf(url) {
  if (!modules.has(url))
    modules.set(url, new vm.SourceTextModule(readFileSync(fileURLToPath(url), "utf8"), {
      context, identifier: url, initializeImportMeta: (meta) => (meta.url = url), importModuleDynamically: (specifier) => load(new URL(specifier, url).href),
    }));
  return modules.get(url);
}
const link = (specifier, from) => moduleOf(specifier === "allcores" ? pathToFileURL("node_modules/allcores/dist/index.js").href : new URL(specifier, from.identifier).href);
async function load(url) {
  const module = moduleOf(url);
  if (module.status === "unlinked") await module.link(link);
  await module.evaluate();
  return module;
}
await load(pathToFileURL("spec.js").href);
`;

const TASKS = `
import { sendable, task } from "allcores";
export class Point { constructor(x) { this.x = x; } }
sendable(import.meta, Point);
export const echo = task(import.meta, function echo(value) { return value; });
export const fail = task(import.meta, function fail() { throw new TypeError("thrown there"); });
export const describe = task(import.meta, function describe(value) {
  return Object.entries(value).map(([name, each]) => name + " " + (each.constructor.name) + " " + (each instanceof globalThis[each.constructor.name])).join();
});
`;

const SPEC = `
import { Future, Lock, ProcessPool, Queue, SharedArray, SharedMap, ThreadPool, TimeoutError, pack, transfer, unpack } from "allcores";
import { describe, echo, fail, Point } from "./tasks.js";
const value = () => ({ array: [[1]], map: new Map([[1, 2]]), set: new Set([1]), date: new Date(0), regexp: /x/g, error: new RangeError("no"), ints: new Int32Array([1]), bytes: new Uint8Array([1]), buffer: new ArrayBuffer(2), point: new Point(1) });
const classes = { array: Array, map: Map, set: Set, date: Date, regexp: RegExp, error: RangeError, ints: Int32Array, bytes: Uint8Array, buffer: ArrayBuffer, point: Point };
const wrong = [];
const check = (where, got) => {
  if (!(got instanceof Object)) wrong.push(where);
  for (const [name, Class] of Object.entries(classes)) if (!(got[name] instanceof Class)) wrong.push(where + " " + name);
};
for (const Pool of [ThreadPool, ProcessPool]) {
  const pool = new Pool({ workers: 1 });
  check(Pool.name, await pool.submit(echo, value()));
  if (!((await pool.map(echo, [1])) instanceof Array)) wrong.push("map");
  const thrown = await pool.submit(fail).catch((error) => error);
  if (!(thrown instanceof TypeError)) wrong.push("thrown");
  if (!(pool.submit(echo, 1) instanceof Promise)) wrong.push("promise");
  const moved = await pool.submit(echo, transfer(new ArrayBuffer(8)));
  if (!(moved instanceof ArrayBuffer)) wrong.push("moved " + Pool.name);
  const ints = await pool.submit(echo, transfer(new Int32Array(8)));
  if (!(ints instanceof Int32Array && ints.buffer instanceof ArrayBuffer)) wrong.push("moved view " + Pool.name);
  const said = await pool.submit(describe, outer);
  if (said !== "array Array true,map Map true,set Set true,date Date true,regexp RegExp true,error RangeError true,bytes Uint8Array true,ints Int32Array true,object Object true") wrong.push(said);
  pool.terminate();
}
const queue = new Queue();
queue.putSync(value());
check("queue", queue.getSync());
check("pack", unpack(pack(value())));
const late = await queue.get({ timeout: 0 }).catch((error) => error);
if (!(late instanceof TimeoutError && late instanceof Error)) wrong.push("error");
if (SharedMap.open("é").name !== "é") wrong.push("name");
const shared = new SharedArray("int32", outer.ints);
if (!(shared.view instanceof Int32Array && shared.view.buffer instanceof SharedArrayBuffer)) wrong.push("view");
if (!(new Lock().acquireSync() instanceof Object)) wrong.push("lock");
console.log(JSON.stringify(wrong));
`;

const folder = mkdtempSync(join(tmpdir(), "allcores-realms-"));
after(() => rmSync(folder, { recursive: true, force: true }));
for (const [name, text] of Object.entries({
  "package.json": '{ "type": "module" }',
  "runner.js": RUNNER,
  "tasks.js": TASKS,
  "spec.js": SPEC,
}))
  writeFileSync(join(folder, name), text);
cpSync(join(root, "package.json"), join(folder, "node_modules/allcores/package.json"));
for (const file of ["index.js", "library.cjs", "rest.cjs"])
  cpSync(join(root, "dist", file), join(folder, "node_modules/allcores/dist", file));
symlinkSync(join(root, "node_modules/koffi"), join(folder, "node_modules/koffi"));

/** What Node has, and jsdom has not: its timers are other ones. */
const BEYOND_JSDOM =
  "TextEncoder,TextDecoder,structuredClone,fetch,MessageChannel,MessagePort,BroadcastChannel,PerformanceObserver,ReadableStream";

for (const [kind, host, lacking] of [
  ["of its own", "", ""],
  ["as Jest makes it", "ArrayBuffer,Uint8Array", ""],
  ["as Jest makes it of jsdom", "ArrayBuffer,Uint8Array", BEYOND_JSDOM],
] as const) {
  test(`in a realm ${kind}, all that is decoded is of that realm`, async () => {
    const args = ["--experimental-vm-modules", "--no-warnings", "runner.js", host, lacking];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, timeout: timeLimit(60_000) });
    assert.equal(stdout, "[]\n");
  });
}

const OtherMap = runInNewContext("(class OtherMap extends Map {})") as typeof Map;
const OtherPoint = runInNewContext("(class OtherPoint { x = 1 })") as new () => { x: number };
sendable(import.meta, OtherMap);
sendable(import.meta, OtherPoint);

test("instances of classes of another realm travel", () => {
  const queue = new Queue<unknown>();
  queue.putSync(new OtherMap([[1, 2]]));
  const map = queue.getSync() as Map<number, number>;
  assert.ok(map instanceof OtherMap);
  assert.equal(map.get(1), 2);
  queue.putSync(new OtherPoint());
  assert.ok(queue.getSync() instanceof OtherPoint);
});

/** A signal whose class is none of this realm's. */
class OtherSignal {
  aborted = false;
  reason: unknown;
  readonly #listeners = new Set<() => void>();
  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }
  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }
  abort(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    for (const each of this.#listeners) each();
  }
}

test("a signal of another realm is heard", async () => {
  const signal = new OtherSignal();
  const reason = new Error("enough");
  const waits = [
    sleep(60_000, { signal: signal as unknown as AbortSignal }),
    new Queue().get({ signal: signal as unknown as AbortSignal }),
    wait([new Promise(() => {})], { signal: signal as unknown as AbortSignal }),
    new AsyncPool().with({ signal: signal as unknown as AbortSignal }).submit(() => new Promise(() => {})),
  ];
  signal.abort(reason);
  for (const each of waits) await assert.rejects(each, reason);
  await assert.rejects(new Queue().get({ signal: signal as unknown as AbortSignal }), reason);
});

test("a URL of another realm names a module", () => {
  const url = runInNewContext("({ href, [Symbol.toStringTag]: 'URL' })", { href: "file:///there.js" }) as URL;
  assert.equal(task(url, "named", () => 1)(), 1);
});

test("items of another realm's typed array are shared", () => {
  assert.deepEqual([...new SharedArray("int32", runInNewContext("new Int32Array([1, 2])") as Int32Array)], [1, 2]);
});

test("errors of another realm are told and sent as errors", async () => {
  await using pool = new ThreadPool({ workers: 1 });
  const error = runInNewContext("new RangeError('there')") as Error;
  const came = await pool.submit(echoed, error);
  assert.ok(came instanceof RangeError);
  assert.equal(came.message, "there");
});

export const echoed = task(import.meta, function echoed<T>(value: T): T {
  return value;
});
