/** Two copies of the library in one program: of one build, of two builds of one version, and of two versions. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { timeLimit } from "../time-limit.js";

const root = resolve(import.meta.dirname, "../../..");

/** A dependency of the program, with a copy of its own. */
const GEOMETRY = `
import { AsyncPool, Event, Lock, Queue, Semaphore, sendable, task, TimeoutError } from "allcores";
export { Lock, TimeoutError };
export class Point {
  constructor(x) { this.x = x; }
}
sendable(import.meta, Point);
export const move = task(import.meta, function move(x) { return new Point(x + 1); });
/** No export has the name that it is registered by. */
export const seen = task(import.meta, "hidden", (point) => point.x);
export const make = { queue: (o) => new Queue(o), event: (o) => new Event(o), lock: (o) => new Lock(o), semaphore: (o) => new Semaphore(1, o) };
export const begin = (fn) => new AsyncPool().submit(fn);
export const fail = () => {
  try {
    new Queue().getSync({ timeout: 0 });
  } catch (error) {
    return error;
  }
};
`;

const TOGETHER = `
import { AsyncPool, gather, isMain, Lock, pack, ProcessPool, select, selectSync, sleep, Thread, ThreadPool, TimeoutError, transfer, trySelect, unpack, wait } from "allcores";
import { begin, fail, Lock as OtherLock, make, move, Point, seen } from "geometry";
if (isMain(import.meta)) {
  const out = { sameClasses: Lock === OtherLock };
  for (const Pool of [ThreadPool, ProcessPool]) {
    const pool = new Pool({ workers: 1 });
    out[Pool.name] = [(await pool.submit(move, 1)) instanceof Point, await pool.submit(seen, new Point(5))];
    pool.terminate();
  }
  out.thread = (await Thread.start(move, 2).join()) instanceof Point;
  const queue = make.queue();
  const waiting = select({ queue });
  queue.putSync(new Point(3));
  out.select = (await waiting).value.x;
  queue.putSync("now");
  out.selectSync = selectSync({ queue }, { timeout: 10_000 }).value;
  const shared = make.queue({ across: "processes" });
  const choosing = select({ event: make.event(), shared });
  setTimeout(() => shared.putSync("later"), 20);
  out.processes = await choosing;
  const held = await select({ lock: make.lock(), semaphore: make.semaphore({ across: "processes" }) });
  out.held = typeof held.value.handOff;
  out.trySelect = trySelect({ future: begin(() => 1), queue }) ?? "nothing";
  const cancelled = begin(() => new Promise(() => {}));
  cancelled.cancel();
  const { done } = await wait([cancelled, begin(() => sleep(20))], { returnWhen: "firstError" });
  out.wait = done.length;
  const going = begin(() => new Promise(() => {}));
  await gather([going, Promise.reject(new Error("no"))]).catch(() => {});
  out.gather = going.state;
  out.error = fail() instanceof TimeoutError && !(fail() instanceof RangeError);
  queue.putSync("packed");
  out.pack = unpack(pack({ queue })).queue.tryGet();
  out.enumerable = Object.getOwnPropertySymbols(globalThis).filter((each) => Object.prototype.propertyIsEnumerable.call(globalThis, each) && /allcores/.test(String(each))).length;
  console.log(JSON.stringify(out));
}
`;

const WORKING = {
  ThreadPool: [true, 5],
  ProcessPool: [true, 5],
  thread: true,
  select: 3,
  selectSync: "now",
  processes: { key: "shared", value: "later" },
  held: "function",
  trySelect: "nothing",
  wait: 2,
  gather: "cancelled",
  error: true,
  pack: { value: "packed" },
  enumerable: 0,
};

const APART = `
import { isMain, Lock, Queue, select, task, ThreadPool, TimeoutError } from "allcores";
import { fail, make, Point, seen } from "geometry";
export const echo = task(import.meta, function echo(value) { return value; });
if (isMain(import.meta)) {
  const pool = new ThreadPool({ workers: 1 });
  const told = async (act) => {
    try {
      await act();
      return "nothing";
    } catch (error) {
      return error.message;
    }
  };
  const lock = make.lock();
  const out = {
    instance: await told(() => pool.submit(echo, new Point(1))),
    lock: await told(() => pool.submit(echo, lock)),
    task: await told(() => pool.submit(echo, seen)),
    called: await told(() => pool.submit(seen, { x: 1 })),
    select: await told(() => select({ queue: make.queue() })),
    error: fail() instanceof TimeoutError,
  };
  const own = new Lock();
  lock.acquireSync();
  out.apart = [own.isLocked, lock.isLocked];
  own.acquireSync();
  lock.release();
  out.then = [own.isLocked, lock.isLocked];
  const queue = new Queue();
  queue.putSync(await pool.submit(echo, "whole"));
  out.queue = queue.getSync();
  pool.terminate();
  console.log(JSON.stringify(out));
}
`;

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** What the program prints whose dependency has a copy of the library's build changed by `change`. */
async function run(program: string, change: (text: string) => string): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), "allcores-copies-"));
  folders.push(folder);
  const put = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  put("package.json", '{ "type": "module" }');
  put("main.js", program);
  put("node_modules/geometry/package.json", '{ "name": "geometry", "type": "module", "exports": "./index.js" }');
  put("node_modules/geometry/index.js", GEOMETRY);
  for (const copy of ["node_modules/allcores", "node_modules/geometry/node_modules/allcores"]) {
    cpSync(join(root, "package.json"), join(folder, copy, "package.json"));
    for (const file of ["index.js", "library.cjs", "rest.cjs"])
      cpSync(join(root, "dist", file), join(folder, copy, "dist", file));
  }
  symlinkSync(join(root, "node_modules/koffi"), join(folder, "node_modules/koffi"));
  const [index, library] = ["index.js", "library.cjs"].map(
    (file) => `node_modules/geometry/node_modules/allcores/dist/${file}`,
  ) as [string, string];
  const text = readFileSync(join(folder, library), "latin1");
  const changed = change(text);
  put(library, changed);
  // As a build writes it: another number for another text.
  if (changed !== text)
    put(index, readFileSync(join(folder, index), "utf8").replace(/(import\.meta\.url, ")/, "$1other"));
  const { stdout } = await promisify(execFile)(process.execPath, ["main.js"], {
    cwd: folder,
    timeout: timeLimit(60_000),
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

test("two copies of one build are one", async () => {
  assert.deepEqual(await run(TOGETHER, (text) => text), { sameClasses: true, ...WORKING });
});

test("two builds of one version work together", async () => {
  assert.deepEqual(await run(TOGETHER, (text) => text.replace(/\}\)\s*$/, "/* another */\n})\n")), {
    sameClasses: false,
    ...WORKING,
  });
});

test("two versions leave each other alone, and say so", async () => {
  const out = await run(APART, (text) => text.replace(/LAYOUT_VERSION=(\d+)/, "LAYOUT_VERSION=1$1"));
  for (const name of ["instance", "lock", "task", "called", "select"])
    assert.match(String(out[name]), /another version of allcores.*npm ls allcores/, name);
  const { error, apart, then, queue } = out;
  assert.deepEqual(
    { error, apart, then, queue },
    { error: true, apart: [false, true], then: [true, false], queue: "whole" },
  );
});
