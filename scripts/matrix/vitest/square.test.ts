import { Lock, Process, Thread, ThreadPool } from "allcores";
import { afterEach, expect, test, vi } from "vitest";
import { square } from "./tasks.js";

afterEach(() => vi.useRealTimers());

test("a pool of threads runs a task in TypeScript", async () => {
  const pool = new ThreadPool({ workers: 1 });
  expect(await pool.submit(square, 3)).toBe(9);
});

test("a thread and a process do", async () => {
  expect(await Thread.start(square, 2).join()).toBe(4);
  expect(await Process.start(square, 2).join()).toBe(4);
});

test("fake timers hold up no task", async () => {
  vi.useFakeTimers();
  expect(await Thread.start(square, 4).join()).toBe(16);
});

test("modules that are loaded anew have the same library", async () => {
  vi.resetModules();
  const again = await import("allcores");
  expect(again.Lock).toBe(Lock);
  const { square: anew } = await import("./tasks.js");
  expect(await Thread.start(anew, 5).join()).toBe(25);
});
