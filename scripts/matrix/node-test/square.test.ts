import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Process, Thread, ThreadPool } from "allcores";
import { square } from "./tasks.js";

test("a pool of threads runs a task in TypeScript", async () => {
  const pool = new ThreadPool({ workers: 1 });
  assert.equal(await pool.submit(square, 3), 9);
});

test("a thread and a process do", async () => {
  assert.equal(await Thread.start(square, 2).join(), 4);
  assert.equal(await Process.start(square, 2).join(), 4);
});

test("fake timers hold up no task", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  assert.equal(await Thread.start(square, 4).join(), 16);
  mock.timers.reset();
});
