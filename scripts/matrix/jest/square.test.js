/* global afterEach, expect, jest, test */
const { Lock, Process, SharedArray, SharedMap, Thread, ThreadPool } = require("allcores");
const { square } = require("./tasks.js");

jest.setTimeout(60_000);
afterEach(() => jest.useRealTimers());

test("a pool of threads runs a task", async () => {
  const pool = new ThreadPool({ workers: 1 });
  expect(await pool.submit(square, 3)).toBe(9);
});

test("a thread and a process do", async () => {
  expect(await Thread.start(square, 2).join()).toBe(4);
  expect(await Process.start(square, 2).join()).toBe(4);
});

test("fake timers hold up no task", async () => {
  jest.useFakeTimers();
  expect(await Thread.start(square, 4).join()).toBe(16);
});

test("modules that are loaded anew have the same library", () => {
  jest.resetModules();
  expect(require("allcores").Lock).toBe(Lock);
});

test("what is shared has views and names", () => {
  expect(new SharedArray("int32", [1, 2]).view).toEqual(new Int32Array([1, 2]));
  expect(SharedMap.open("é").name).toBe("é");
});
